import { OperatingError } from '../core/errors.ts';
import { attribute } from '../core/measure.ts';
import type { AppKey, Known, Measured, Ms, Observed, Outcome, Replica, RouterView } from '../core/model.ts';
import type { Engine } from '../ports/engine.ts';
import type { LatencySummary, Router, RouterObservation } from '../ports/router.ts';
import type { Store, Stored } from '../ports/store.ts';

export interface ObserveDeps {
  store: Store;
  engine: Engine;
  router: Router;
}

export interface Observation extends Observed {
  latency: Record<string, LatencySummary>;
}

/** Looks at everything once. What cannot be seen is unknown, never empty. */
export async function observe(
  deps: ObserveDeps,
  stored: Stored,
  outcomes: Outcome[],
  now: Ms,
): Promise<Observation> {
  const app: AppKey = stored.object.key;
  const routed = stored.object.spec.spec.route !== undefined || stored.state.table !== undefined;
  const [commands, replicas, seen] = await Promise.all([
    deps.store.commands(app),
    look(now, () => deps.engine.list(app)),
    routed ? look(now, () => deps.router.observe(app)) : Promise.resolve(unrouted(now)),
  ]);
  return {
    app: { kind: 'known', value: stored.object, at: now },
    commands,
    replicas,
    router: seen.kind === 'known' ? { ...seen, value: seen.value.view } : seen,
    measured: measured(seen, replicas, now),
    outcomes,
    latency: seen.kind === 'known' ? seen.value.latency : {},
  };
}

async function look<T>(now: Ms, ask: () => Promise<T>): Promise<Known<T>> {
  try {
    return { kind: 'known', value: await ask(), at: now };
  } catch (error) {
    if (!(error instanceof OperatingError)) throw error;
    return { kind: 'unknown', since: now, why: error.message };
  }
}

/** An App without a route has a router that serves nothing, which is known. */
function unrouted(now: Ms): Known<RouterObservation> {
  const view: RouterView = {
    epoch: 'none',
    workers: 0,
    ackedGeneration: 0,
    inFlight: {},
    admission: { refused: 0, held: 0 },
    firstAnswerAt: {},
  };
  return { kind: 'known', value: { view, answered: [], latency: {} }, at: now };
}

function measured(seen: Known<RouterObservation>, replicas: Known<Replica[]>, now: Ms): Known<Measured> {
  if (seen.kind === 'unknown') return seen;
  if (replicas.kind === 'unknown') return replicas;
  const value: Measured = {
    source: 'router',
    epoch: seen.value.view.epoch,
    perPool: attribute(seen.value.answered, replicas.value),
  };
  return { kind: 'known', value, at: now };
}

/** Whether everything has come to rest: on stable at 100%, with nothing left over. */
import { FIRST_REQUESTS } from '../../../src/core/decide/health.ts';
import { FULL_WEIGHT, type Ms, type Release } from '../../../src/core/model.ts';
import type { World } from './world.ts';

/** That users of a life send. */
const REQUESTS_PER_MS = 0.06;

/** What a release may take to measure where nobody but users may ask: a small share shows late, and later that it answers none. */
export function measuringMs(release: Release | undefined): Ms {
  const requests = (release?.stages ?? []).map(({ gates, route: { split } }) => {
    const verify = gates.find((gate) => gate.kind === 'verify');
    if (verify?.onNoTraffic !== 'hold' || split.kind !== 'weights') return 0;
    const smallest = Math.min(...split.to.map(({ weight }) => weight).filter((weight) => weight > 0));
    return Math.max(verify.minRequests, (FIRST_REQUESTS * FULL_WEIGHT) / smallest);
  });
  return requests.reduce((sum, n) => sum + n, 0) / REQUESTS_PER_MS;
}

export function isQuiet(world: World): boolean {
  const { state, object, machine, router, daemons } = world;
  if (daemons.length !== 1) return false;
  const replicas = [...machine.replicas.values()].map(({ view }) => view);
  if (!object) return replicas.length === 0 && router.workers.every((worker) => !worker.table);
  const { release, queued, retiring, leaving, stable } = state;
  if (object.generation !== state.generationSeen || object.deleting || release || queued) return false;
  if (retiring.length > 0 || Object.keys(leaving).length > 0 || Object.keys(state.pending).length > 0)
    return false;
  if (stable === undefined) return replicas.length === 0;
  const warm = new Set(state.warm.map((entry) => entry.pool));
  if (replicas.some((r) => r.pool !== stable && !warm.has(r.pool))) return false;
  const own = replicas.filter((r) => r.pool === stable);
  const wanted = object.spec.spec.replicas;
  if (own.length !== wanted || own.some((r) => !r.ready)) return false;
  return router.workers.every(({ table }) => {
    const { split, admit } = table?.route ?? {};
    const only = split?.kind === 'weights' && split.to.length === 1 && split.to[0]?.key === stable;
    const opened = wanted === 0 ? admit?.kind === 'refuse' : admit?.kind === 'open';
    return only && opened && (table?.members[stable] ?? []).length === wanted;
  });
}

/** What it looks like instead. */
export function picture({ state, object, machine, router, daemons }: World): string {
  const { stable, release, queued, retiring, leaving, pending, backoff, routeGeneration, warm, trouble } =
    state;
  const { phase, gates, routedStage, pausedBy, arms, strategy } = release ?? {};
  const replicas = [...machine.replicas.values()].map(
    ({ view, behaviour }) => `${view.id} ${view.phase} ${view.ready ? 'ready' : 'not ready'} ${behaviour}`,
  );
  const served = router.workers.map(({ table, tainted, stateVersion }) => ({
    generation: table?.generation,
    stateVersion,
    tainted,
    ...table?.route,
    members: table?.members,
  }));
  const wanted = object && {
    ...object.spec.spec.strategy,
    replicas: object.spec.spec.replicas,
    deleting: object.deleting,
  };
  return JSON.stringify(
    {
      daemons: daemons.map((daemon) => daemon.name),
      wanted,
      stable,
      arms,
      strategy,
      phase,
      gates,
      routedStage,
      pausedBy,
      queued,
      replicas,
      retiring,
      leaving,
      pending,
      backoff,
      warm,
      trouble,
      routeGeneration,
      version: state.version,
      served,
    },
    null,
    1,
  );
}

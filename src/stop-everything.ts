import { setTimeout as sleep } from 'node:timers/promises';
import type { AppKey, Ms } from './core/model.ts';
import type { Engine } from './ports/engine.ts';
import type { Router } from './ports/router.ts';
import type { Store } from './ports/store.ts';

/** After its grace period a replica is killed; what then still runs is told, not waited for. */
const AFTER_GRACE_MS = 20_000;
const LOOK_MS = 100;

/**
 * `daemon stop --replicas`: users first, then what served them. Everything starts again with the next daemon.
 * @returns what still runs, in words; nothing that goes wrong with one thing keeps the others running
 */
export async function stopEverything(
  { store, engine, router }: { store: Store; engine: Engine; router: Router },
  afterGraceMs: Ms = AFTER_GRACE_MS,
): Promise<string[]> {
  const left: string[] = [];
  await router.shutdown().catch((error: Error) => left.push(`the router: ${error.message}`));
  await Promise.all(
    (await store.apps()).map(async (app) => {
      left.push(...(await stopApp(store, engine, app, afterGraceMs)));
    }),
  );
  return left;
}

async function stopApp(store: Store, engine: Engine, app: AppKey, afterGraceMs: Ms): Promise<string[]> {
  const stored = await store.load(app);
  if (!stored) return [];
  const ctx = { app, stateVersion: stored.state.version };
  const graceMs = stored.object.spec.spec.terminationGracePeriodSeconds * 1000;
  const refused = new Map<string, string>();
  for (const { id } of await engine.list(app)) {
    await engine.stop(ctx, id, graceMs).catch((error: Error) => refused.set(id, error.message));
  }
  const giveUpAt = performance.now() + graceMs + afterGraceMs;
  for (;;) {
    const rest = (await engine.list(app)).map(({ id }) => id);
    if (rest.every((id) => refused.has(id)) || performance.now() > giveUpAt) {
      return rest.map((id) => `replica ${id} of ${app}: ${refused.get(id) ?? 'it does not end'}`);
    }
    await sleep(LOOK_MS);
  }
}

import type { HealthView } from '../api/types.ts';
import type { ApiDeps } from './deps.ts';
import { unlessGone } from './errors.ts';
import { snapshotOf } from './snapshots.ts';

/** What the daemon cannot do right now: only what was tried just now counts. */
export async function healthOf(deps: ApiDeps): Promise<HealthView> {
  const problems: string[] = deps.router.trouble === undefined ? [] : [deps.router.trouble];
  for (const app of await deps.store.apps()) {
    const snapshot = await unlessGone(snapshotOf(deps, app));
    if (!snapshot) continue;
    const { object, state, observed } = snapshot;
    if (observed.replicas.kind === 'unknown')
      problems.push(`${app}: replicas cannot be seen: ${observed.replicas.why}`);
    if (object.spec.spec.route && observed.router.kind === 'unknown') {
      problems.push(`${app}: the router cannot be seen: ${observed.router.why}`);
    }
    if (state.frozen) problems.push(`${app}: frozen: ${state.frozen.message}`);
    if (state.trouble) problems.push(`${app}: ${state.trouble.message}`);
  }
  return { status: problems.length === 0 ? 'ok' : 'degraded', problems };
}

import type { HealthView } from '../api/types.ts';
import type { ApiDeps } from './deps.ts';

/** What the daemon cannot do right now: only what was tried just now counts. */
export async function healthOf(deps: ApiDeps): Promise<HealthView> {
  const problems: string[] = [];
  for (const app of await deps.store.apps()) {
    const [stored, observed] = await Promise.all([deps.store.load(app), deps.observe(app)]);
    if (observed.replicas.kind === 'unknown')
      problems.push(`${app}: replicas cannot be seen: ${observed.replicas.why}`);
    if (stored?.object.spec.spec.route && observed.router.kind === 'unknown') {
      problems.push(`${app}: the router cannot be seen: ${observed.router.why}`);
    }
    if (stored?.state.frozen) problems.push(`${app}: frozen: ${stored.state.frozen.message}`);
    if (stored?.state.trouble) problems.push(`${app}: ${stored.state.trouble.message}`);
  }
  return { status: problems.length === 0 ? 'ok' : 'degraded', problems };
}

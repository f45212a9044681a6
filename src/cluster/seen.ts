import type { Known, Measured, Ms, PoolId, RouterView } from '../core/model.ts';
import type { LatencySummary } from '../ports/router.ts';
import type { ObservedApp } from '../server/deps.ts';

/** What only the controller can see, as it leaves it in the App's status for those who ask. */
interface Seen {
  router: Known<RouterView>;
  measured: Known<Measured>;
  latency: Record<PoolId, LatencySummary>;
}

/** The table itself is in the state already. */
export function seenText({ router, measured, latency }: Seen): string {
  if (router.kind === 'unknown') return JSON.stringify({ router, measured, latency });
  const { serving: _known, ...view } = router.value;
  return JSON.stringify({ router: { ...router, value: view }, measured, latency });
}

/** @param text absent: the controller has not said anything yet */
export function seenOf(
  text: string | undefined,
  now: Ms,
): Pick<ObservedApp, 'router' | 'measured' | 'latency' | 'inFlight'> {
  if (text === undefined) {
    const unknown = { kind: 'unknown', since: now, why: 'the controller has not looked at it yet' } as const;
    return { router: unknown, measured: unknown, latency: {}, inFlight: {} };
  }
  const seen = JSON.parse(text) as Seen;
  return { ...seen, inFlight: seen.router.kind === 'known' ? seen.router.value.inFlight : {} };
}

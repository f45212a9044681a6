import type { Strategy } from '../../spec/app.ts';
import type { Stage } from '../model.ts';
import { CANDIDATE, FULL, promoted, STABLE, step, ZERO } from './parts.ts';

/** Replica by replica, within maxSurge and maxUnavailable; each leaves the route and is drained before it stops. */
export function compileRolling(
  strategy: Pick<Extract<Strategy, { kind: 'rolling' }>, 'maxSurge' | 'maxUnavailable'>,
): Stage[] {
  return [
    step({
      name: 'roll',
      scale: { [STABLE]: ZERO, [CANDIDATE]: FULL },
      route: {
        split: { kind: 'perReadyReplica', to: [STABLE, CANDIDATE] },
        matches: [],
        admit: { kind: 'open' },
      },
      via: { kind: 'roll', maxSurge: strategy.maxSurge, maxUnavailable: strategy.maxUnavailable },
      gates: [{ kind: 'ready' }],
      onAbort: 'growThenReroute',
    }),
    promoted(),
  ];
}

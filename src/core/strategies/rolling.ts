import type { Strategy } from '../../spec/app.ts';
import type { Stage } from '../model.ts';
import { FULL_WEIGHT } from '../model.ts';
import {
  CANDIDATE,
  type CompileInput,
  FULL,
  promoted,
  STABLE,
  step,
  verifyGate,
  weighted,
  ZERO,
} from './parts.ts';

/** Replica by replica, within maxSurge and maxUnavailable; each leaves the route and is drained before it stops. */
export function compileRolling(
  strategy: Pick<Extract<Strategy, { kind: 'rolling' }>, 'maxSurge' | 'maxUnavailable'>,
  input: CompileInput,
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
      // Everything answered by the new ones, seen and not assumed, before the way back gets long.
      gates: [{ kind: 'ready' }, ...(input.routed ? [verifyGate(weighted(FULL_WEIGHT), input.verify)] : [])],
      onAbort: 'growThenReroute',
    }),
    promoted(),
  ];
}

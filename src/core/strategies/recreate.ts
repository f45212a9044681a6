import type { Strategy } from '../../spec/app.ts';
import { type Admit, FULL_WEIGHT, type Stage } from '../model.ts';
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

/** Stop all, then start all. The outage is declared; `hold` queues requests instead of refusing them. */
export function compileRecreate(
  strategy: Extract<Strategy, { kind: 'recreate' }>,
  input: CompileInput,
): Stage[] {
  const admit: Admit = strategy.hold ? { kind: 'hold', ...strategy.hold } : { kind: 'refuse' };
  const outage = strategy.hold ? 'held' : 'refused';
  const open = weighted(FULL_WEIGHT);
  return [
    step({
      name: strategy.hold ? 'hold' : 'refuse',
      scale: { [STABLE]: FULL, [CANDIDATE]: ZERO },
      route: weighted(0, admit),
      outage,
    }),
    step({
      name: 'stop',
      scale: { [STABLE]: ZERO, [CANDIDATE]: ZERO },
      route: weighted(0, admit),
      onAbort: 'outage',
      outage,
    }),
    step({
      name: 'start',
      scale: { [STABLE]: ZERO, [CANDIDATE]: FULL },
      route: weighted(FULL_WEIGHT, admit),
      gates: [{ kind: 'ready' }],
      onAbort: 'outage',
      outage,
    }),
    step({
      name: 'open',
      scale: { [STABLE]: ZERO, [CANDIDATE]: FULL },
      route: open,
      gates: input.routed ? [verifyGate(open, input.verify)] : [],
      onAbort: 'outage',
    }),
    promoted(),
  ];
}

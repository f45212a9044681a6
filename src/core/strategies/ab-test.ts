import type { Strategy } from '../../spec/app.ts';
import type { Arm, Route, Stage } from '../model.ts';
import {
  CANDIDATE,
  type CompileInput,
  FULL,
  promoted,
  STABLE,
  step,
  switchAll,
  verifyGate,
  weighted,
} from './parts.ts';

/** Two versions side by side for chosen users, until an operator decides. */
export function compileAbTest(strategy: Extract<Strategy, { kind: 'abTest' }>, input: CompileInput): Stage[] {
  const route: Route<Arm> = {
    ...weighted(strategy.split?.weightBp ?? 0),
    matches: strategy.matches.map((when) => ({ when, to: CANDIDATE })),
  };
  if (strategy.split) route.sticky = { by: strategy.split.by, salt: strategy.split.salt ?? input.salt };
  const verify = strategy.split && strategy.split.weightBp > 0 ? [verifyGate(route, input.verify)] : [];
  return [
    step({
      name: 'experiment',
      scale: {
        [STABLE]: FULL,
        [CANDIDATE]:
          strategy.candidateReplicas === undefined
            ? FULL
            : { kind: 'count', replicas: strategy.candidateReplicas },
      },
      route,
      gates: [...verify, { kind: 'approval', message: 'the experiment runs until `promote` or `abort`' }],
    }),
    switchAll('switch', input),
    promoted(),
  ];
}

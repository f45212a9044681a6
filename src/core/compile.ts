import type { AppSpec, Strategy } from '../spec/app.ts';
import { FULL_WEIGHT, type Release, type Stage } from './model.ts';
import { compileAbTest } from './strategies/ab-test.ts';
import { compileBlueGreen } from './strategies/blue-green.ts';
import { compileCanary } from './strategies/canary.ts';
import {
  CANDIDATE,
  type CompileInput,
  FULL,
  promoted,
  step,
  switchAll,
  weighted,
} from './strategies/parts.ts';
import { compileRecreate } from './strategies/recreate.ts';
import { compileRolling } from './strategies/rolling.ts';

export interface CompileRequest {
  spec: AppSpec['spec'];
  cause: Release['cause'];
  /** There is a stable revision to go back to. */
  hasStable: boolean;
  salt: string;
}

/** Surge of releases that roll though the strategy names none: a restart, a cold undo. Kubernetes' default. */
export const DEFAULT_ROLL = { maxSurge: '25%', maxUnavailable: '25%' };

/** The stages of a release: what `plan` prints and what the reconciler executes. */
export function compile(request: CompileRequest): Stage[] {
  const { spec, cause, hasStable } = request;
  const input: CompileInput = { verify: spec.verify, routed: spec.route !== undefined, salt: request.salt };
  if (!hasStable) return compileFirst();
  if (spec.strategy.kind === 'recreate') return compileRecreate(spec.strategy, input);
  if (cause === 'restart')
    return compileRolling(spec.strategy.kind === 'rolling' ? spec.strategy : DEFAULT_ROLL, input);
  // Undo goes to what was trusted before: one step, not the whole way again.
  if (cause === 'undo' && spec.strategy.kind !== 'rolling')
    return [switchAll('switch back', input), promoted()];
  return compileStrategy(spec.strategy, input);
}

function compileStrategy(strategy: Exclude<Strategy, { kind: 'recreate' }>, input: CompileInput): Stage[] {
  switch (strategy.kind) {
    case 'rolling':
      return compileRolling(strategy, input);
    case 'blueGreen':
      return compileBlueGreen(strategy, input);
    case 'canary':
      return compileCanary(strategy, input);
    case 'abTest':
      return compileAbTest(strategy, input);
  }
}

/** Whatever the strategy, the first revision has nobody to take requests from. */
function compileFirst(): Stage[] {
  return [
    step({
      name: 'start',
      scale: { [CANDIDATE]: FULL },
      route: weighted(FULL_WEIGHT),
      gates: [{ kind: 'ready' }],
    }),
    promoted(),
  ];
}

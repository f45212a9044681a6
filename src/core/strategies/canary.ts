import type { CanaryStep, Strategy } from '../../spec/app.ts';
import { type Arm, FULL_WEIGHT, type Route, type Scale, type Stage, type WeightBp } from '../model.ts';
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

type Canary = Extract<Strategy, { kind: 'canary' }>;

/** What the steps so far have set. */
interface Position {
  weightBp: WeightBp;
  scale: Scale;
  matches: Map<string, Route<Arm>['matches']>;
}

/**
 * Steps set weight, scale and matches, each a stage of its own; pause, approval and verify are gates of the stage
 * before them. After the last step everything goes to the candidate, whose tested replicas become the stable ones.
 */
export function compileCanary(strategy: Canary, input: CompileInput): Stage[] {
  const position: Position = { weightBp: 0, scale: { kind: 'matchWeight' }, matches: new Map() };
  const stages: Stage[] = [];
  for (const canaryStep of strategy.steps) {
    const gate = gateOf(canaryStep);
    if (gate) {
      const last = stages.at(-1) ?? pushStage(stages, 'start', position, strategy, input);
      last.gates.push(gate.kind === 'verify' ? verifyGate(last.route, input.verify, gate.minRequests) : gate);
      continue;
    }
    pushStage(stages, move(position, canaryStep), position, strategy, input);
  }
  const whole = candidateScale(position).kind === 'full';
  return [...stages, ...(whole ? [] : [switchAll('canary 100%', input)]), promoted()];
}

function gateOf(canaryStep: CanaryStep) {
  switch (canaryStep.kind) {
    case 'pause':
      return {
        kind: 'pause',
        ...(canaryStep.durationMs === undefined ? {} : { durationMs: canaryStep.durationMs }),
      } as const;
    case 'approval':
      return {
        kind: 'approval',
        ...(canaryStep.message === undefined ? {} : { message: canaryStep.message }),
      } as const;
    case 'verify':
      return { kind: 'verify', minRequests: canaryStep.minRequests } as const;
    default:
      return undefined;
  }
}

/** Applies one step; returns the name of the stage that it makes. */
function move(position: Position, canaryStep: CanaryStep): string {
  switch (canaryStep.kind) {
    case 'setWeight':
      position.weightBp = canaryStep.weightBp;
      return `canary ${canaryStep.weightBp / 100}%`;
    case 'setCanaryScale':
      position.scale = canaryStep.scale;
      return `scale ${describeScale(canaryStep.scale)}`;
    case 'setHeaderRoute':
      if (canaryStep.match.length === 0) {
        position.matches.delete(canaryStep.name);
        return `no header route ${canaryStep.name}`;
      }
      position.matches.set(
        canaryStep.name,
        canaryStep.match.map((when) => ({ when, to: CANDIDATE })),
      );
      return `header route ${canaryStep.name}`;
    default:
      throw new Error(`a ${canaryStep.kind} step moves nothing`);
  }
}

function describeScale(scale: Scale): string {
  if (scale.kind === 'count') return scale.replicas === 1 ? '1 replica' : `${scale.replicas} replicas`;
  return scale.kind === 'percent' ? `${scale.of}%` : 'by weight';
}

function pushStage(
  stages: Stage[],
  name: string,
  position: Position,
  strategy: Canary,
  input: CompileInput,
): Stage {
  const route: Route<Arm> = {
    ...weighted(position.weightBp),
    matches: [...position.matches.values()].flat(),
  };
  if (strategy.sticky) route.sticky = { by: strategy.sticky, salt: input.salt };
  const stage = step({
    name,
    scale: { [STABLE]: FULL, [CANDIDATE]: candidateScale(position) },
    route,
    gates: input.routed && name.startsWith('canary') ? [verifyGate(route, input.verify)] : [],
  });
  stages.push(stage);
  return stage;
}

/** A header route needs somebody to answer it even at weight 0; at full weight nothing less than full will do. */
function candidateScale(position: Position): Scale {
  if (position.scale.kind !== 'matchWeight') return position.scale;
  if (position.weightBp === FULL_WEIGHT) return FULL;
  return position.weightBp === 0 && position.matches.size > 0
    ? { kind: 'count', replicas: 1 }
    : position.scale;
}

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
  /** Of the requests to stable; ends with the first that the candidate gets for itself. */
  mirrorBp: WeightBp;
}

/**
 * Steps set weight, scale, matches and mirror, each a stage of its own; pause, approval and verify are gates of the stage
 * before them. After the last step everything goes to the candidate, whose tested replicas become the stable ones.
 */
export function compileCanary(strategy: Canary, input: CompileInput): Stage[] {
  const position: Position = { weightBp: 0, scale: { kind: 'matchWeight' }, matches: new Map(), mirrorBp: 0 };
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
      // Whoever is sent to the candidate would be sent there twice.
      if (canaryStep.weightBp > 0) position.mirrorBp = 0;
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
    case 'setMirror':
      position.mirrorBp = canaryStep.shareBp;
      return canaryStep.shareBp === 0 ? 'no mirror' : `mirror ${canaryStep.shareBp / 100}%`;
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
  if (position.mirrorBp > 0) route.mirror = { to: CANDIDATE, share: position.mirrorBp };
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

/** Copies and header routes need somebody to answer them even at weight 0; at full weight nothing less than full will do. */
function candidateScale({ scale, weightBp, mirrorBp, matches }: Position): Scale {
  if (scale.kind !== 'matchWeight') return scale;
  if (weightBp === FULL_WEIGHT) return FULL;
  if (weightBp > 0) return scale;
  if (mirrorBp > 0) return { kind: 'percent', of: mirrorBp / 100 };
  return matches.size > 0 ? { kind: 'count', replicas: 1 } : scale;
}

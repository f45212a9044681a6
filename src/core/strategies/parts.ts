import {
  type Admit,
  type Arm,
  FULL_WEIGHT,
  type Gate,
  type Route,
  type Scale,
  type Stage,
  type WeightBp,
} from '../model.ts';

/** What a compiler may know. It knows no replica counts: scales are resolved at every tick. */
export interface CompileInput {
  /** Gates named `verify` that a strategy adds by itself. */
  verify: { minRequests?: number; onNoTraffic: 'probe' | 'hold' };
  /** The App has a route; without one only readiness moves a release. */
  routed: boolean;
  /** Mixed into sticky hashes, so that it is not always the same users who get the new version first. */
  salt: string;
}

export const STABLE: Arm = 'stable';
export const CANDIDATE: Arm = 'candidate';

const OPEN: Admit = { kind: 'open' };

/** The split by weight. The candidate is named last: sticky users move only towards the last one as its weight rises. */
export function weighted(candidateBp: WeightBp, admit: Admit = OPEN): Route<Arm> {
  const to = [
    { key: STABLE, weight: FULL_WEIGHT - candidateBp },
    { key: CANDIDATE, weight: candidateBp },
  ];
  return { split: { kind: 'weights', to: to.filter((share) => share.weight > 0) }, matches: [], admit };
}

export const FULL: Scale = { kind: 'full' };
export const ZERO: Scale = { kind: 'zero' };

/**
 * A verify gate needs enough requests for the smallest share to show: max(100, ceil(1 / smallest share)). Who asks for
 * fewer than 100 gets that, but never fewer than a share takes to show: a gate that cannot fail is none.
 */
export function verifyGate(route: Route<Arm>, verify: CompileInput['verify'], minRequests?: number): Gate {
  const shares = route.split.kind === 'weights' ? route.split.to.map((share) => share.weight) : [FULL_WEIGHT];
  const smallest = Math.min(...shares);
  return {
    kind: 'verify',
    minRequests: Math.max(minRequests ?? verify.minRequests ?? 100, Math.ceil(FULL_WEIGHT / smallest)),
    onNoTraffic: verify.onNoTraffic,
  };
}

export function step(stage: Pick<Stage, 'name' | 'scale' | 'route'> & Partial<Stage>): Stage {
  return { via: { kind: 'step' }, gates: [], onAbort: 'reroute', commits: false, ...stage };
}

/** The last stage of every strategy: the candidate becomes the stable one. */
export function promoted(): Stage {
  return step({
    name: 'promoted',
    scale: { [CANDIDATE]: FULL },
    route: weighted(FULL_WEIGHT),
    commits: true,
  });
}

/** Everything to the candidate while stable stays as it is, so that abort is one route change. */
export function switchAll(name: string, input: CompileInput): Stage {
  const route = weighted(FULL_WEIGHT);
  return step({
    name,
    scale: { [STABLE]: FULL, [CANDIDATE]: FULL },
    route,
    gates: input.routed ? [verifyGate(route, input.verify)] : [],
  });
}

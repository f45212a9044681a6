import type { AppSpec } from '../spec/app.ts';
import { compile } from './compile.ts';
import { OperatingError } from './errors.ts';
import { type Arm, FULL_WEIGHT, type Route, type WeightBp } from './model.ts';

/** What a router says of itself. Docs have it as a table; what it cannot do is refused before anything starts. */
export interface RouterCapabilities {
  /** Smallest step of a weight, in basis points; 0 = no weights. */
  weightResolutionBp: number;
  header: boolean;
  cookie: boolean;
  sticky: boolean;
  hold: boolean;
  preview: boolean;
  /** Smallest step of the share of requests that is mirrored, in basis points; 0 = no mirror. */
  mirrorResolutionBp: WeightBp;
  measuredBy: 'router' | 'replica' | 'probe';
  /** Shares are what numbers of replicas come to, not what was asked for. */
  byReplicas?: true;
}

/** Of a router, for one App: what it can may depend on what the App names. */
export interface NamedCapabilities {
  /** For people. */
  name: string;
  capabilities: RouterCapabilities;
}

/**
 * Whether a router can do all that the releases of an App ask of it. A weaker way is never taken in silence.
 * @throws OperatingError E_ROUTER_CANNOT
 */
export function checkCapabilities(
  { spec, metadata }: AppSpec,
  router: string,
  can: RouterCapabilities,
): void {
  if (!spec.route) return;
  const stages = compile({ spec, cause: 'apply', hasStable: true, salt: '' });
  const beyond = new Set(stages.flatMap((stage) => beyondRouter(stage.route, can)));
  if (spec.route.previewListen && !can.preview) beyond.add('a preview (route.previewListen)');
  if (beyond.size === 0) return;
  const what = [...beyond].join('; ');
  throw new OperatingError(
    'E_ROUTER_CANNOT',
    `the release of ${metadata.name} (${spec.strategy.kind}) asks of the ${router} router what it cannot do: ${what}`,
    {
      hint: 'choose another strategy, or other steps; docs/reference/matrix.md says what each router can do',
    },
  );
}

function beyondRouter(route: Route<Arm>, can: RouterCapabilities): string[] {
  const beyond = route.split.kind === 'weights' ? beyondWeights(route.split.to, can.weightResolutionBp) : [];
  const conditions = route.matches.map((match) => match.when);
  if (!can.header && conditions.some((when) => when.headers.length > 0)) beyond.push('routing by header');
  if (!can.cookie && conditions.some((when) => when.cookies.length > 0)) beyond.push('routing by cookie');
  if (!can.sticky && route.sticky) beyond.push('users who stay on their side');
  if (!can.hold && route.admit.kind === 'hold') beyond.push('requests that wait (hold)');
  if (!can.preview && route.preview) beyond.push('a preview');
  const mirror = beyondMirror(route, can);
  return mirror === undefined ? beyond : [...beyond, mirror];
}

/** @returns what a route asks beyond the mirror that there is, in words */
export function beyondMirror(
  { mirror }: Pick<Route<string>, 'mirror'>,
  { mirrorResolutionBp: step }: Pick<RouterCapabilities, 'mirrorResolutionBp'>,
): string | undefined {
  if (mirror === undefined) return undefined;
  if (step === 0) return 'requests that go to the new version as well (setMirror)';
  if (mirror.share % step === 0) return undefined;
  const only =
    step === FULL_WEIGHT ? 'it mirrors all requests or none' : `its smallest step is ${step / 100}%`;
  return `a mirror of ${mirror.share / 100}%, where ${only}`;
}

function beyondWeights(shares: readonly { weight: number }[], resolutionBp: number): string[] {
  const split = shares.filter(({ weight }) => weight > 0 && weight < FULL_WEIGHT);
  if (split.length === 0) return [];
  if (resolutionBp === 0) return ['weights'];
  const fine = split.map(({ weight }) => weight).filter((weight) => weight % resolutionBp !== 0);
  return fine.map(
    (weight) => `a weight of ${weight / 100}%, where its smallest step is ${resolutionBp / 100}%`,
  );
}

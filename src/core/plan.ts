import type { AppSpec, Match } from '../spec/app.ts';
import { checkCapabilities, type NamedCapabilities, type RouterCapabilities } from './capabilities.ts';
import { compile } from './compile.ts';
import { contentDifferences, type Difference } from './content-differences.ts';
import {
  type AppObject,
  type AppState,
  type Arm,
  FULL_WEIGHT,
  type Gate,
  type Revision,
  type Route,
  type Stage,
} from './model.ts';
import { resolveFenceposts, resolveScale } from './scale.ts';
import { CANDIDATE, STABLE } from './strategies/parts.ts';

/** What `plan` prints: made by the same compilers that the release uses. */
export interface PlanView {
  app: string;
  namespace: string;
  strategy: string;
  /** That apply would make. Null: it was not computed. */
  revision: string | null;
  /** Null: compared with nothing. */
  comparedWith: { revision: string; revisionNumber: number; generation: number } | null;
  change: 'create' | 'release' | 'scale' | 'route' | 'settings' | 'none' | 'held' | 'unknown';
  /** Field by field, old and new. */
  differences: Difference[];
  /** In what the fields name: the source folder, config and env files, secrets. */
  content: Difference[];
  stages: PlanStage[];
  peakReplicas: number;
  declaresOutage: boolean;
  notes: string[];
}

export interface PlanStage {
  name: string;
  replicas: Record<string, number>;
  route: string;
  gates: string[];
  outage: 'refused' | 'held' | null;
  onAbort: string;
  commits: boolean;
}

export interface PlanRequest {
  spec: AppSpec;
  /** Of this spec, where it could be computed. */
  revision?: Pick<Revision, 'id' | 'run'>;
  /** What there is of this App; absent: nothing yet, or nobody could be asked, and then there is no revision either. */
  stored?: { object: AppObject; state: AppState };
  /** The router that would carry the requests, where it is known. */
  router?: NamedCapabilities;
}

/** @throws OperatingError E_ROUTER_CANNOT */
export function planFor({ spec, revision, stored, router }: PlanRequest): PlanView {
  if (router) checkCapabilities(spec, router.name, router.capabilities);
  const stable = stored?.state.stable === undefined ? undefined : stored.state.pools[stored.state.stable];
  const hasStable = stored ? stable !== undefined : revision === undefined;
  const change = stored ? changeOf(spec, revision, stored) : revision ? 'create' : 'unknown';
  const releases = change === 'release' || change === 'create' || change === 'unknown';
  const stages = releases
    ? compile({
        spec: spec.spec,
        cause: 'apply',
        hasStable,
        salt: `${spec.metadata.namespace}/${spec.metadata.name}`,
      })
    : [];
  const fields = stored ? differences(stored.object.spec, spec) : [];
  const stableRevision = stable && stored?.state.revisions[stable.revision];
  return {
    app: spec.metadata.name,
    namespace: spec.metadata.namespace,
    strategy: spec.spec.strategy.kind,
    revision: revision?.id ?? null,
    comparedWith:
      stored && stableRevision
        ? {
            revision: stableRevision.id,
            revisionNumber: stableRevision.number,
            generation: stored.object.generation,
          }
        : null,
    change,
    differences: fields,
    content: stored && revision ? contentDifferences(stored.object.revision.run, revision.run, fields) : [],
    stages: stages.map((stage) => planStage(stage, spec.spec, hasStable, router?.capabilities)),
    peakReplicas: peak(stages, spec.spec, hasStable),
    declaresOutage: spec.spec.route !== undefined && stages.some((stage) => stage.outage !== undefined),
    notes: [
      ...notes(spec, change, hasStable),
      ...resolution(stages, router),
      ...afterwards(stages, spec.spec, hasStable),
    ],
  };
}

function changeOf(
  spec: AppSpec,
  revision: PlanRequest['revision'],
  { object, state }: NonNullable<PlanRequest['stored']>,
): PlanView['change'] {
  if (state.stable === undefined) return 'create';
  const stable = state.pools[state.stable]?.revision;
  if (revision && state.held.some((entry) => entry.revision === revision.id)) return 'held';
  if (revision && revision.id !== stable) return 'release';
  const changed = differences(object.spec, spec).map((difference) => difference.field);
  if (changed.length === 0) return 'none';
  if (changed.every((field) => field === 'spec.replicas')) return 'scale';
  return changed.every((field) => field.startsWith('spec.route')) ? 'route' : 'settings';
}

function planStage(
  stage: Stage,
  spec: AppSpec['spec'],
  hasStable: boolean,
  can: RouterCapabilities | undefined,
): PlanStage {
  const arms = hasStable ? [STABLE, CANDIDATE] : [CANDIDATE];
  const byReplicas = can?.byReplicas ? sharesByReplicas(stage, spec.replicas) : undefined;
  return {
    name: stage.name,
    replicas: Object.fromEntries(arms.map((arm) => [arm, countOf(stage, arm, spec.replicas)])),
    route: spec.route
      ? [describeRoute(stage.route), ...(byReplicas ? [`which comes to ${byReplicas}`] : [])].join(', ')
      : 'no route',
    gates: stage.gates.map(describeGate),
    // Nobody is refused or held where nobody asks.
    outage: (spec.route && stage.outage) ?? null,
    onAbort: describeAbort(stage, hasStable, spec.route !== undefined),
    commits: stage.commits,
  };
}

/** What a share comes to where every replica has the same. Undefined: all requests go to one side. */
function sharesByReplicas(stage: Stage, replicas: number): string | undefined {
  if (!isShared(stage) || stage.route.split.kind !== 'weights') return undefined;
  const counts = stage.route.split.to.map(({ key }) => ({ key, count: countOf(stage, key, replicas) }));
  const all = counts.reduce((sum, { count }) => sum + count, 0);
  if (all === 0) return undefined;
  return counts
    .map(({ key, count }) => `${key} ${Math.round((count * 1000) / all) / 10}% (${count} of ${all})`)
    .join(', ');
}

function isShared({ route: { split } }: Stage): boolean {
  return split.kind === 'weights' && split.to.filter(({ weight }) => weight > 0).length > 1;
}

function resolution(stages: readonly Stage[], router: PlanRequest['router']): string[] {
  if (!router?.capabilities.byReplicas || !stages.some(isShared)) return [];
  return [
    `the ${router.name} router splits by numbers of replicas: what each share comes to is told with it; more replicas come closer, and routers with weights are exact`,
  ];
}

function countOf(stage: Stage, arm: Arm, replicas: number): number {
  const scale = stage.scale[arm];
  if (!scale) return 0;
  const { split } = stage.route;
  const weight =
    split.kind === 'weights' ? (split.to.find((share) => share.key === arm)?.weight ?? 0) : FULL_WEIGHT;
  return resolveScale(scale, weight, replicas);
}

/** The most replicas at one time: stable stays whole beside the candidate, but where they are never both (an outage). */
function peak(stages: readonly Stage[], { replicas }: AppSpec['spec'], hasStable: boolean): number {
  const most = stages.map((stage) =>
    stage.via.kind === 'roll'
      ? replicas + resolveFenceposts(stage.via.maxSurge, stage.via.maxUnavailable, replicas).surge
      : countOf(stage, STABLE, replicas) + countOf(stage, CANDIDATE, replicas),
  );
  return Math.max(hasStable ? replicas : 0, ...most);
}

function describeRoute(route: Route<Arm>): string {
  if (route.admit.kind === 'refuse') return 'requests are refused with 503';
  if (route.admit.kind === 'hold') {
    return `requests wait, at most ${route.admit.maxRequests} of them for ${route.admit.maxMs / 1000} s`;
  }
  const parts: string[] = [];
  if (route.split.kind === 'perReadyReplica') parts.push('every ready replica the same share');
  else
    parts.push(route.split.to.map(({ key, weight }) => `${key} ${(weight * 100) / FULL_WEIGHT}%`).join(', '));
  if (route.sticky) parts.push(`by ${route.sticky.by.kind} ${route.sticky.by.name}, sticky`);
  for (const { when, to } of route.matches) parts.push(`${describeMatch(when)} -> ${to}`);
  if (route.mirror) parts.push(`${route.mirror.share / 100}% copied to ${route.mirror.to}`);
  if (route.preview) parts.push(`preview address -> ${route.preview}`);
  return parts.join('; ');
}

function describeMatch(match: Match): string {
  const says = (kind: string) => (field: Match['headers'][number]) => {
    const { value } = field;
    if (value.kind === 'present') return `${kind} ${field.name}`;
    return `${kind} ${field.name}${value.kind === 'exact' ? '=' : '^='}${value.value}`;
  };
  return [...match.headers.map(says('header')), ...match.cookies.map(says('cookie'))].join(' and ');
}

function describeGate(gate: Gate): string {
  switch (gate.kind) {
    case 'ready':
      return 'ready';
    case 'verify':
      return `verify the split over ${gate.minRequests} requests`;
    case 'pause':
      return gate.durationMs === undefined ? 'pause until promote' : `pause ${gate.durationMs / 1000} s`;
    case 'approval':
      return gate.message === undefined ? 'approval' : `approval: ${gate.message}`;
  }
}

function describeAbort(stage: Stage, hasStable: boolean, routed: boolean): string {
  if (stage.commits) return 'undo instead of abort from here';
  if (!hasStable) return 'nothing to go back to';
  switch (stage.onAbort) {
    case 'reroute':
      return routed ? 'one route change back to stable' : 'stable goes on';
    case 'growThenReroute':
      return 'rolls back, replica by replica';
    case 'outage':
      return routed ? 'stable is started again: an outage' : 'stable is started again';
  }
}

/** What a release leaves: a time without anybody at work, a warm revision. */
function afterwards(stages: readonly Stage[], spec: AppSpec['spec'], hasStable: boolean): string[] {
  if (!hasStable || stages.length === 0) return [];
  const { strategy, replicas } = spec;
  const found: string[] = [];
  if (!spec.route && stages.some((stage) => stage.outage !== undefined))
    found.push('no replica runs from the stage stop until the new ones are ready');
  if ('warmMs' in strategy && strategy.warmMs > 0) {
    const freed = replicas === 1 ? '1 replica is' : `${replicas} replicas are`;
    found.push(`the old revision stays warm for ${strategy.warmMs / 1000} s after it, then ${freed} freed`);
  }
  return found;
}

function notes(spec: AppSpec, change: PlanView['change'], hasStable: boolean): string[] {
  const found: string[] = [];
  if (change === 'unknown')
    found.push('no daemon is running: compared with nothing, shown as a release over a stable revision');
  if (!hasStable)
    found.push('a first release: there is nothing to go back to, and the strategy does not matter yet');
  if (change === 'held')
    found.push('this revision failed or was undone before; `crossfade rollout retry` starts it again');
  if (!spec.spec.route) found.push('no route: the release is moved by readiness alone');
  return found;
}

/** Leaf by leaf, by path. Values are shown as JSON, texts as they are. */
function differences(from: unknown, to: unknown): Difference[] {
  const a = new Map(leaves(from, ''));
  const b = new Map(leaves(to, ''));
  return [...new Set([...a.keys(), ...b.keys()])]
    .filter((field) => a.get(field) !== b.get(field))
    .map((field) => ({ field, from: a.get(field) ?? null, to: b.get(field) ?? null }));
}

function* leaves(value: unknown, path: string): Generator<[string, string]> {
  if (value === null || typeof value !== 'object') {
    yield [path, typeof value === 'string' ? value : JSON.stringify(value)];
    return;
  }
  const entries = Object.entries(value);
  if (entries.length === 0) yield [path, Array.isArray(value) ? '[]' : '{}'];
  for (const [key, field] of entries) {
    const next = Array.isArray(value) ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`;
    yield* leaves(field, next);
  }
}

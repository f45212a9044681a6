import { OperatingError } from '../core/errors.ts';
import type { AppState } from '../core/model.ts';
import { canonicalJson } from '../core/revision.ts';
import type { GivenPaths, GivenRule } from '../kubernetes/given.ts';
import { APP_LABEL, poolObjectName } from '../kubernetes/names.ts';
import type { Deployment, PodTemplate, ReplicaSet } from '../kubernetes/workloads.ts';
import { controllerOf, type RolledDeployment } from './found.ts';
import { asWritten } from './template.ts';

/** Giving back what an App has adopted, its present pods with it. Pure. */

export interface FoundApp {
  namespace: string;
  app: string;
  replicas: number;
  state: AppState | undefined;
  deployment: RolledDeployment | undefined;
  /** Deployments of its pools. */
  pools: Deployment[];
  /** Of all of them, and of the Deployment itself. */
  replicaSets: ReplicaSet[];
  parked: string[];
  /** What was there before, and is to be again. */
  service?: { name: string; selector: Record<string, string> };
  httpRoute?: { name: string } & GivenRule;
  ingress?: { name: string } & GivenPaths;
  /** ConfigMaps that stand for copies of content: `configmap` or `secret`. */
  copies: { name: string; kind: string }[];
}

export interface GiveBackStep {
  kind:
    | 'keep'
    | 'letGo'
    | 'copies'
    | 'template'
    | 'handOver'
    | 'others'
    | 'unpin'
    | 'route'
    | 'ingress'
    | 'unlabel'
    | 'unpark'
    | 'resume'
    | 'app';
  object: string;
  does: string;
}

export interface GiveBackPlan {
  app: string;
  namespace: string;
  deployment: string;
  /** Deployment of the stable pool; its pods go on. */
  pool: string;
  replicaSet: string;
  replicas: number;
  /** Of the Deployment, and of the ReplicaSet: equal, or all pods would be made anew. */
  template: PodTemplate;
  /** The ReplicaSet was there before the App: labels of ours can go. */
  isOriginal: boolean;
  /** What has to match so that the Deployment takes the ReplicaSet. */
  selector: Record<string, string>;
  others: string[];
  parked: string[];
  copies: { name: string; kind: string }[];
  service: { name: string; selector: Record<string, string> } | null;
  httpRoute: ({ name: string } & GivenRule) | null;
  ingress: ({ name: string } & GivenPaths) | null;
  steps: GiveBackStep[];
  notes: string[];
}

/** @throws OperatingError E_RELEASE_REFUSED with all that is in the way */
export function planGiveBack(found: FoundApp): GiveBackPlan {
  const { app, namespace, state, deployment } = found;
  const stable = state?.stable === undefined ? undefined : poolObjectName(app, state.stable);
  const pool = found.pools.find(({ metadata }) => metadata.name === stable);
  const set = stable === undefined ? undefined : activeOf(found, pool);
  const obstacles = [
    ...(deployment ? [] : ['it has adopted no Deployment that is still there']),
    ...(state?.release ? [`release ${state.release.id} is running: let it end, or abort it`] : []),
    ...(state?.deleting ? ['it is being deleted'] : []),
    ...(deployment && !set ? ['it has no stable replicas to give back'] : []),
  ];
  if (obstacles.length > 0 || !deployment || stable === undefined || !set)
    throw new OperatingError(
      'E_RELEASE_REFUSED',
      `App ${app} of ${namespace} cannot be given back: ${obstacles.join('; ')}`,
      {
        hint: 'nothing was changed; put it right and try again',
      },
    );
  const isOriginal = set.spec.selector.matchLabels?.[APP_LABEL] === undefined;
  const template = isOriginal ? asWritten(set.spec.template) : withoutHash(set.spec.template);
  const common = {
    app,
    namespace,
    deployment: nameOf(deployment),
    pool: stable,
    replicaSet: nameOf(set),
    replicas: found.replicas,
    template,
    isOriginal,
    selector: deployment.spec.selector.matchLabels ?? {},
    others: found.pools.filter((one) => one !== pool).map(nameOf),
    parked: found.parked,
    copies: found.copies.filter(({ name }) => JSON.stringify(template).includes(JSON.stringify(name))),
    service: found.service ?? null,
    httpRoute: found.httpRoute ?? null,
    ingress: found.ingress ?? null,
  };
  return { ...common, steps: stepsOf(common), notes: notesOf(common, deployment) };
}

/** Before the hand-over it is the pool's; after one that was interrupted it is the Deployment's already. */
function activeOf(
  { replicaSets, deployment }: FoundApp,
  pool: Deployment | undefined,
): ReplicaSet | undefined {
  const makers = [pool?.metadata.uid, deployment?.metadata.uid];
  const owned = replicaSets.filter((set) => makers.includes(controllerOf(set)?.uid ?? ''));
  return owned.toSorted((a, b) => b.spec.replicas - a.spec.replicas)[0];
}

function withoutHash({ metadata, spec }: PodTemplate): PodTemplate {
  const { 'pod-template-hash': _hash, ...labels } = metadata.labels ?? {};
  return { metadata: { ...metadata, labels }, spec };
}

type Common = Omit<GiveBackPlan, 'steps' | 'notes'>;

function stepsOf(plan: Common): GiveBackStep[] {
  const { app, deployment, pool, replicaSet, others, parked, copies, service, httpRoute, ingress } = plan;
  const step = (kind: GiveBackStep['kind'], object: string, does: string): GiveBackStep => ({
    kind,
    object,
    does,
  });
  return [
    step('keep', `deployment/${pool}`, 'is kept, whatever becomes of the App'),
    ...(copies.length > 0
      ? [step('copies', `${copies.length} copies of content`, 'stay for the pods that run with them')]
      : []),
    step('letGo', `app/${app}`, 'is let go by the controller; nothing of it is stopped'),
    step(
      'template',
      `deployment/${deployment}`,
      `says what runs: the template of the stable pods, and ${plan.replicas} replicas`,
    ),
    step(
      'handOver',
      `replicaset/${replicaSet}`,
      `belongs to deployment/${deployment}; its pods stay as they are`,
    ),
    ...others.map((name) => step('others', `deployment/${name}`, 'is deleted: users are not on it')),
    ...(service ? [step('unpin', `service/${service.name}`, 'selects what it selected before')] : []),
    ...(httpRoute ? [step('route', `httproute/${httpRoute.name}`, 'leads where it led before')] : []),
    ...(ingress ? [step('ingress', `ingress/${ingress.name}`, 'leads where it led before')] : []),
    ...(plan.isOriginal ? [step('unlabel', 'pods', 'lose the labels of Crossfade')] : []),
    ...parked.map((name) => step('unpark', `replicaset/${name}`, 'is part of the history again')),
    step('resume', `deployment/${deployment}`, 'is resumed: what it says is what runs, so nothing rolls'),
    step('app', `app/${app}`, 'is removed'),
  ];
}

function notesOf({ deployment, isOriginal, template }: Common, { spec }: RolledDeployment): string[] {
  const isSame = canonicalJson(asWritten(spec.template)) === canonicalJson(asWritten(template));
  return [
    'No pod is restarted.',
    ...(isSame
      ? []
      : [
          `The template of deployment/${deployment} becomes that of the stable revision; what it says now is not running.`,
        ]),
    ...(isOriginal
      ? []
      : [
          'The pods keep their labels of Crossfade, for their ReplicaSet selects by them; they go with the next rollout.',
        ]),
  ];
}

function nameOf({ metadata }: { metadata: { name?: string } }): string {
  return metadata.name ?? '';
}

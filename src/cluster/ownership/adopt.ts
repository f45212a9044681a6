import { controllerOf } from '../../adoption/found.ts';
import type { AdoptionPlan, AdoptionStep } from '../../adoption/plan.ts';
import { markOf, TAKEN_ANNOTATION } from '../../adoption/taken.ts';
import { asWritten } from '../../adoption/template.ts';
import { ADOPTED_POOL } from '../../core/decide/adopt.ts';
import { OperatingError } from '../../core/errors.ts';
import { canonicalJson } from '../../core/revision.ts';
import type { Kube } from '../../kubernetes/client.ts';
import { APPS, type AppResource } from '../../kubernetes/crossfade.ts';
import { givenAnnotation, givenOf } from '../../kubernetes/given.ts';
import {
  ADOPTED_LABEL,
  APP_LABEL,
  appLabels,
  CONTAINER,
  CONTAINER_ANNOTATION,
  IN_ROUTE_LABEL,
  KEEP_ANNOTATION,
  POOL_LABEL,
  PORT_ANNOTATION,
} from '../../kubernetes/names.ts';
import { HTTP_ROUTES, INGRESSES, SERVICES } from '../../kubernetes/network.ts';
import type { KubeObject, Resource } from '../../kubernetes/types.ts';
import {
  DEPLOYMENTS,
  type Deployment,
  PODS,
  type PodTemplate,
  REPLICA_SETS,
} from '../../kubernetes/workloads.ts';
import { ACTOR_ANNOTATION } from '../intake.ts';
import {
  controlledBy,
  live,
  podsOfSet,
  until,
  untilLeadsTo,
  untilObserved,
  withoutNames,
} from './objects.ts';

interface Adopting {
  kube: Kube;
  plan: AdoptionPlan;
  actor: string;
}

/**
 * Carries out a plan, step by step. Each may be repeated: who was interrupted runs the command again. Until the last one
 * nothing that users reach has changed but whose it is.
 */
export async function adopt(adopting: Adopting, tell: (step: AdoptionStep) => void): Promise<void> {
  for (const step of adopting.plan.steps) {
    await STEPS[step.kind](adopting, step);
    tell(step);
  }
}

const STEPS: Record<AdoptionStep['kind'], (adopting: Adopting, step: AdoptionStep) => Promise<void>> = {
  pause,
  park,
  pool: makePool,
  handOver,
  label: labelAll,
  pin,
  remember,
  app: makeApp,
  own,
};

async function pause({ kube, plan }: Adopting): Promise<void> {
  const { namespace, deployment } = plan;
  const found = await live(kube, DEPLOYMENTS, namespace, deployment);
  const set = await live(kube, REPLICA_SETS, namespace, plan.replicaSet);
  // Between the look and now somebody may have begun a rollout.
  refuseChanged(plan, found.spec.template, set.spec.template);
  const { metadata } = await kube.patch(DEPLOYMENTS, namespace, deployment, {
    metadata: {
      resourceVersion: found.metadata.resourceVersion,
      labels: { [ADOPTED_LABEL]: plan.app },
    },
    spec: { paused: true },
  });
  await untilObserved(kube, namespace, deployment, metadata.generation ?? 0);
}

/** @throws OperatingError E_ADOPTION_REFUSED */
function refuseChanged(
  { deployment, replicaSet }: AdoptionPlan,
  wanted: PodTemplate,
  runs: PodTemplate,
): void {
  if (canonicalJson(asWritten(wanted)) === canonicalJson(asWritten(runs))) return;
  const message = `Deployment ${deployment} was changed meanwhile: its template is not that of ReplicaSet ${replicaSet} any more`;
  throw new OperatingError('E_ADOPTION_REFUSED', message, { hint: 'let it roll out, and try again' });
}

/** Without the labels that the Deployment selects by, it lets go of a ReplicaSet; nothing else does it without deleting. */
async function park({ kube, plan }: Adopting, { object }: AdoptionStep): Promise<void> {
  const name = object.slice(object.indexOf('/') + 1);
  const set = await live(kube, REPLICA_SETS, plan.namespace, name);
  if (givenOf(set, plan.app) !== undefined) return;
  const labels = set.metadata.labels ?? {};
  await kube.patch(REPLICA_SETS, plan.namespace, name, {
    metadata: {
      resourceVersion: set.metadata.resourceVersion,
      annotations: { [givenAnnotation(plan.app)]: JSON.stringify({ labels }) },
      labels: { ...withoutNames(labels), [ADOPTED_LABEL]: plan.app },
      ownerReferences: null,
    },
  });
}

function poolLabels({ app }: AdoptionPlan): Record<string, string> {
  return { [APP_LABEL]: app, [POOL_LABEL]: ADOPTED_POOL };
}

function podLabels(plan: AdoptionPlan): Record<string, string> {
  return { ...poolLabels(plan), [IN_ROUTE_LABEL]: 'true' };
}

function containerNote({ container }: AdoptionPlan): Record<string, string> {
  return container === CONTAINER ? {} : { [CONTAINER_ANNOTATION]: container };
}

/** Labels are added, never taken: the ReplicaSet goes on selecting its pods. */
function labelled(plan: AdoptionPlan, { metadata, spec }: PodTemplate): PodTemplate {
  const { 'pod-template-hash': _hash, ...labels } = metadata.labels ?? {};
  const annotations = { ...metadata.annotations, ...containerNote(plan) };
  return {
    metadata: {
      labels: { ...labels, ...podLabels(plan) },
      ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
    },
    spec,
  };
}

async function makePool({ kube, plan }: Adopting): Promise<void> {
  const { namespace, pool } = plan;
  if (await kube.get(DEPLOYMENTS, namespace, pool)) return;
  const from = await live(kube, DEPLOYMENTS, namespace, plan.deployment);
  const set = await live(kube, REPLICA_SETS, namespace, plan.replicaSet);
  const { minReadySeconds, progressDeadlineSeconds, replicas } = from.spec;
  const made: Deployment = {
    metadata: {
      namespace,
      name: pool,
      labels: { ...appLabels(plan.app), [POOL_LABEL]: ADOPTED_POOL },
      annotations: {
        [KEEP_ANNOTATION]: 'being adopted',
        ...containerNote(plan),
        ...(plan.port === null ? {} : { [PORT_ANNOTATION]: String(plan.port) }),
      },
    },
    spec: {
      replicas,
      // For good: its pods are there, and its template never changes.
      paused: true,
      selector: { matchLabels: poolLabels(plan) },
      revisionHistoryLimit: 0,
      ...(minReadySeconds === undefined ? {} : { minReadySeconds }),
      ...(progressDeadlineSeconds === undefined ? {} : { progressDeadlineSeconds }),
      template: labelled(plan, set.spec.template),
    },
  };
  await kube.create(DEPLOYMENTS, made);
}

/** One write: the ReplicaSet's labels, those of the pods that it will make, and whose it is. */
async function handOver({ kube, plan }: Adopting): Promise<void> {
  const { namespace, replicaSet } = plan;
  const pool = await live(kube, DEPLOYMENTS, namespace, plan.pool);
  const set = await live(kube, REPLICA_SETS, namespace, replicaSet);
  if (controllerOf(set)?.uid !== pool.metadata.uid) {
    await kube.patch(REPLICA_SETS, namespace, replicaSet, {
      metadata: {
        resourceVersion: set.metadata.resourceVersion,
        labels: poolLabels(plan),
        ownerReferences: [controlledBy(DEPLOYMENTS, pool)],
      },
      spec: { template: { metadata: { labels: podLabels(plan), annotations: containerNote(plan) } } },
    });
  }
  await untilSeen(kube, plan);
}

/** Both Deployments have been looked at by who runs them: the old one has nothing, the new one has the pods. */
async function untilSeen(kube: Kube, { namespace, deployment, pool: name }: AdoptionPlan): Promise<void> {
  await until(async () => {
    const [old, pool] = await Promise.all([
      live(kube, DEPLOYMENTS, namespace, deployment),
      live(kube, DEPLOYMENTS, namespace, name),
    ]);
    return (old.status?.replicas ?? 0) === 0 && (pool.status?.replicas ?? 0) === pool.spec.replicas;
  }, `Deployment ${name} does not take over the pods`);
}

async function labelAll({ kube, plan }: Adopting): Promise<void> {
  const set = await live(kube, REPLICA_SETS, plan.namespace, plan.replicaSet);
  for (const { metadata } of await podsOfSet(kube, set))
    await kube.patch(PODS, plan.namespace, metadata.name ?? '', {
      metadata: { uid: metadata.uid, labels: podLabels(plan), annotations: containerNote(plan) },
    });
}

async function pin({ kube, plan }: Adopting): Promise<void> {
  if (!plan.service) return;
  const { namespace } = plan;
  const { name } = plan.service;
  const service = await live(kube, SERVICES, namespace, name);
  const selector = service.spec.selector ?? {};
  if (givenOf(service, plan.app) === undefined)
    await kube.patch(SERVICES, namespace, name, {
      metadata: {
        resourceVersion: service.metadata.resourceVersion,
        annotations: { [givenAnnotation(plan.app)]: JSON.stringify({ selector }) },
      },
      spec: { selector: { ...withoutNames(selector), ...podLabels(plan) } },
    });
  await untilLeadsTo(kube, plan, name);
}

async function remember({ kube, plan }: Adopting): Promise<void> {
  if (plan.httpRoute) {
    const { name, ...led } = plan.httpRoute;
    await rememberOn(kube, plan, HTTP_ROUTES, name, led);
  }
  if (plan.ingress) {
    const { name, ...led } = plan.ingress;
    await rememberOn(kube, plan, INGRESSES, name, led);
  }
}

async function rememberOn<T extends KubeObject>(
  kube: Kube,
  { namespace, app }: AdoptionPlan,
  resource: Resource<T>,
  name: string,
  led: object,
): Promise<void> {
  const { metadata } = await live(kube, resource, namespace, name);
  if (givenOf({ metadata }, app) !== undefined) return;
  await kube.patch(resource, namespace, name, {
    metadata: {
      resourceVersion: metadata.resourceVersion,
      annotations: { [givenAnnotation(app)]: JSON.stringify(led) },
    },
  });
}

async function makeApp({ kube, plan, actor }: Adopting): Promise<void> {
  const { spec } = plan.document as AppResource;
  const old = await live(kube, DEPLOYMENTS, plan.namespace, plan.deployment);
  const set = await live(kube, REPLICA_SETS, plan.namespace, plan.replicaSet);
  refuseChanged(plan, old.spec.template, set.spec.template);
  if (await kube.get(APPS, plan.namespace, plan.app)) return;
  await kube.create(APPS, {
    metadata: {
      namespace: plan.namespace,
      name: plan.app,
      annotations: { [ACTOR_ANNOTATION]: actor, [TAKEN_ANNOTATION]: markOf(old) },
    },
    ...(spec ? { spec } : {}),
  });
}

async function own({ kube, plan }: Adopting): Promise<void> {
  const app = await live(kube, APPS, plan.namespace, plan.app);
  await kube.patch(DEPLOYMENTS, plan.namespace, plan.pool, {
    metadata: { ownerReferences: [controlledBy(APPS, app)], annotations: { [KEEP_ANNOTATION]: null } },
  });
}

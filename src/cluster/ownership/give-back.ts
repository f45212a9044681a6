import { controllerOf, type RolledDeployment } from '../../adoption/found.ts';
import type { FoundApp, GiveBackPlan, GiveBackStep } from '../../adoption/give-back.ts';
import { OperatingError } from '../../core/errors.ts';
import type { AppState } from '../../core/model.ts';
import type { Kube } from '../../kubernetes/client.ts';
import { APPS } from '../../kubernetes/crossfade.ts';
import { type GivenPaths, type GivenRule, givenAnnotation, givenOf } from '../../kubernetes/given.ts';
import { jsonPatch, onlyOver } from '../../kubernetes/json-patch.ts';
import {
  ADOPTED_LABEL,
  APP_LABEL,
  CONTAINER_ANNOTATION,
  IN_ROUTE_LABEL,
  KEEP_ANNOTATION,
  ownNames,
  POOL_LABEL,
  RELEASED_ANNOTATION,
} from '../../kubernetes/names.ts';
import { HTTP_ROUTES, INGRESSES, SERVICES } from '../../kubernetes/network.ts';
import { leaveRule, ruleToLeave } from '../../kubernetes/routing/http-rule.ts';
import { leaveIngress, removeBeside } from '../../kubernetes/routing/ingress-paths.ts';
import { recordAnnotation } from '../../kubernetes/routing/record.ts';
import type { KubeObject, Resource } from '../../kubernetes/types.ts';
import {
  CONFIG_MAPS,
  DEPLOYMENTS,
  DISRUPTION_BUDGETS,
  PODS,
  REPLICA_SETS,
  SECRETS,
} from '../../kubernetes/workloads.ts';
import {
  controlledBy,
  live,
  podsOfSet,
  until,
  untilLeadsTo,
  untilObserved,
  withoutNames,
} from './objects.ts';

const CONTENT_LABEL = 'crossfade.dev/content';

/** Everything that a plan is made from. @throws OperatingError E_APP_NOT_FOUND */
export async function findApp(
  kube: Kube,
  { namespace, name }: { namespace: string; name: string },
): Promise<FoundApp> {
  const app = await kube.get(APPS, namespace, name);
  if (!app)
    throw new OperatingError('E_APP_NOT_FOUND', `there is no App ${name} in ${namespace}`, {
      hint: '`crossfade get apps` lists them',
    });
  const spec = app.spec as {
    replicas?: number;
    kubernetes?: { deployment?: string; service?: string; httpRoute?: { name: string }; ingress?: string };
  };
  const { deployment: adopted, service, httpRoute, ingress } = spec.kubernetes ?? {};
  const state = app.status?.state;
  const [deployment, pools, sets] = await Promise.all([
    adopted === undefined ? undefined : kube.get(DEPLOYMENTS, namespace, adopted),
    kube.list(DEPLOYMENTS, { namespace, labelSelector: `${APP_LABEL}=${name},${POOL_LABEL}` }),
    kube.list(REPLICA_SETS, { namespace }),
  ]);
  const found = service === undefined ? undefined : await kube.get(SERVICES, namespace, service);
  const route = httpRoute === undefined ? undefined : await kube.get(HTTP_ROUTES, namespace, httpRoute.name);
  const selector = found && givenOf<{ selector: Record<string, string> }>(found, name)?.selector;
  const rule = route && givenOf<GivenRule>(route, name);
  const way = ingress === undefined ? undefined : await kube.get(INGRESSES, namespace, ingress);
  const paths = way && givenOf<GivenPaths>(way, name);
  const copies = await kube.list(CONFIG_MAPS, {
    namespace,
    labelSelector: `${APP_LABEL}=${name},${CONTENT_LABEL}`,
    metadataOnly: true,
  });
  return {
    namespace,
    app: name,
    replicas: spec.replicas ?? 1,
    state: state === undefined ? undefined : (JSON.parse(state) as AppState),
    deployment: deployment as RolledDeployment | undefined,
    pools,
    replicaSets: sets.filter((set) => controllerOf(set)?.kind === 'Deployment'),
    parked: sets
      .filter(({ metadata }) => metadata.labels?.[ADOPTED_LABEL] === name)
      .map(({ metadata }) => metadata.name ?? ''),
    ...(selector && service !== undefined ? { service: { name: service, selector } } : {}),
    ...(rule && httpRoute ? { httpRoute: { name: httpRoute.name, ...rule } } : {}),
    ...(paths && ingress !== undefined ? { ingress: { name: ingress, ...paths } } : {}),
    copies: copies.map(({ metadata }) => ({
      name: metadata.name ?? '',
      kind: metadata.labels?.[CONTENT_LABEL] ?? '',
    })),
  };
}

interface GivingBack {
  kube: Kube;
  plan: GiveBackPlan;
}

/** Carries out a plan, step by step; who was interrupted runs the command again. */
export async function giveBack(giving: GivingBack, tell: (step: GiveBackStep) => void): Promise<void> {
  for (const step of giving.plan.steps) {
    await STEPS[step.kind](giving, step.object.slice(step.object.indexOf('/') + 1));
    tell(step);
  }
}

const STEPS: Record<GiveBackStep['kind'], (giving: GivingBack, name: string) => Promise<void>> = {
  keep,
  copies: keepCopies,
  letGo: ({ kube, plan }) =>
    annotate(kube, APPS, plan.namespace, plan.app, { [RELEASED_ANNOTATION]: 'true' }),
  template,
  handOver,
  others,
  unpin,
  route,
  ingress,
  unlabel,
  unpark,
  resume,
  app: removeApp,
};

/** It is paused, and kept: a Deployment without an App is swept away otherwise. One that is gone already has been given back. */
async function keep({ kube, plan }: GivingBack): Promise<void> {
  if (!(await kube.get(DEPLOYMENTS, plan.namespace, plan.pool))) return;
  const { metadata } = await kube.patch(DEPLOYMENTS, plan.namespace, plan.pool, {
    metadata: { annotations: { [KEEP_ANNOTATION]: 'being given back' } },
    // One that is not paused starts other pods when its own are taken.
    spec: { paused: true },
  });
  await untilObserved(kube, plan.namespace, plan.pool, metadata.generation ?? 0);
}

async function annotate<T extends KubeObject>(
  kube: Kube,
  resource: Resource<T>,
  namespace: string,
  name: string,
  annotations: Record<string, string | null>,
): Promise<void> {
  await kube.patch(resource, namespace, name, { metadata: { annotations } });
}

/** Without their labels nobody counts them as the App's, and without an owner they do not go with it. */
async function keepCopies({ kube, plan }: GivingBack): Promise<void> {
  const metadata = { labels: { [APP_LABEL]: null, [CONTENT_LABEL]: null }, ownerReferences: null };
  for (const { name, kind } of plan.copies) {
    if (kind === 'secret') await kube.patch(SECRETS, plan.namespace, name, { metadata });
    await kube.patch(CONFIG_MAPS, plan.namespace, name, { metadata });
  }
}

async function template({ kube, plan }: GivingBack): Promise<void> {
  const { namespace, deployment } = plan;
  const found = await live(kube, DEPLOYMENTS, namespace, deployment);
  await jsonPatch(kube, DEPLOYMENTS, namespace, deployment, [
    onlyOver(found),
    // Resumed meanwhile it would roll.
    { op: 'add', path: '/spec/paused', value: true },
    { op: 'replace', path: '/spec/template', value: plan.template },
    { op: 'replace', path: '/spec/replicas', value: plan.replicas },
  ]);
}

async function handOver({ kube, plan }: GivingBack): Promise<void> {
  const { namespace, replicaSet, isOriginal } = plan;
  const deployment = await live(kube, DEPLOYMENTS, namespace, plan.deployment);
  const set = await live(kube, REPLICA_SETS, namespace, replicaSet);
  if (controllerOf(set)?.uid !== deployment.metadata.uid) {
    const ours = { [APP_LABEL]: null, [POOL_LABEL]: null };
    await kube.patch(REPLICA_SETS, namespace, replicaSet, {
      metadata: {
        resourceVersion: set.metadata.resourceVersion,
        labels: { ...plan.selector, ...(isOriginal ? ours : {}) },
        // The cluster copies a Deployment's annotations to its ReplicaSet, and never takes them away again.
        annotations: withoutNames(ownNames(set.metadata.annotations)),
        ownerReferences: [controlledBy(DEPLOYMENTS, deployment)],
      },
      // The Deployment takes it for its own when both say the same.
      ...(isOriginal
        ? {
            spec: {
              template: {
                metadata: {
                  labels: { ...ours, [IN_ROUTE_LABEL]: null },
                  annotations: { [CONTAINER_ANNOTATION]: null },
                },
              },
            },
          }
        : {}),
    });
  }
  await until(async () => {
    const now = await live(kube, DEPLOYMENTS, namespace, plan.deployment);
    return (now.status?.replicas ?? 0) === now.spec.replicas && updatedOf(now) === now.spec.replicas;
  }, `Deployment ${plan.deployment} does not take the pods back`);
  await kube.delete(DEPLOYMENTS, namespace, plan.pool, { propagationPolicy: 'Orphan' });
}

function updatedOf({ status }: RolledDeployment): number {
  return status?.updatedReplicas ?? 0;
}

/** Its pods have labels that the Service's own selector may select: they are gone before it is put back. */
async function others({ kube, plan }: GivingBack, name: string): Promise<void> {
  const { namespace } = plan;
  const found = await kube.get(DEPLOYMENTS, namespace, name);
  const pool = found?.metadata.labels?.[POOL_LABEL];
  if (!found || pool === undefined) return;
  await kube.delete(DEPLOYMENTS, namespace, name);
  const labelSelector = `${APP_LABEL}=${plan.app},${POOL_LABEL}=${pool}`;
  await until(
    async () =>
      (await kube.list(PODS, { namespace, labelSelector })).every(
        ({ metadata }) => metadata.deletionTimestamp !== undefined,
      ),
    `pods of Deployment ${name} do not go`,
  );
}

async function unpin({ kube, plan }: GivingBack): Promise<void> {
  if (!plan.service) return;
  const { name, selector } = plan.service;
  const { namespace } = plan;
  const service = await live(kube, SERVICES, namespace, name);
  const annotations = { [givenAnnotation(plan.app)]: null, [recordAnnotation(plan.app)]: null };
  await kube.patch(SERVICES, namespace, name, {
    metadata: { resourceVersion: service.metadata.resourceVersion, annotations },
    spec: { selector: { ...withoutNames(service.spec.selector ?? {}), ...selector } },
  });
  await untilLeadsTo(kube, plan, name);
}

async function route({ kube, plan }: GivingBack): Promise<void> {
  if (!plan.httpRoute) return;
  const { namespace, app, httpRoute } = plan;
  const found = await live(kube, HTTP_ROUTES, namespace, httpRoute.name);
  if (found.spec.rules?.[ruleToLeave(found, app)] === undefined) {
    const [service = { name: 'its Service' }] = httpRoute.backendRefs;
    throw new OperatingError(
      'E_ROUTE_REFUSED',
      `no rule of HTTPRoute ${httpRoute.name} leads to ${app} any more`,
      {
        hint: `lead it to ${service.name}, or remove the annotation ${givenAnnotation(app)} from the HTTPRoute; then run this again`,
      },
    );
  }
  await leaveRule(kube, { namespace, name: app }, found);
}

/** The canary beside it first: it splits what the paths lead to. */
async function ingress({ kube, plan }: GivingBack): Promise<void> {
  if (!plan.ingress) return;
  const app = { namespace: plan.namespace, name: plan.app };
  await removeBeside(kube, app);
  await leaveIngress(kube, app, await live(kube, INGRESSES, plan.namespace, plan.ingress.name));
}

async function unlabel({ kube, plan }: GivingBack): Promise<void> {
  const set = await live(kube, REPLICA_SETS, plan.namespace, plan.replicaSet);
  for (const { metadata } of await podsOfSet(kube, set))
    await kube.patch(PODS, plan.namespace, metadata.name ?? '', {
      metadata: {
        labels: { [APP_LABEL]: null, [POOL_LABEL]: null, [IN_ROUTE_LABEL]: null },
        annotations: { [CONTAINER_ANNOTATION]: null },
      },
    });
}

async function unpark({ kube, plan }: GivingBack, name: string): Promise<void> {
  const set = await live(kube, REPLICA_SETS, plan.namespace, name);
  const labels = givenOf<{ labels: Record<string, string> }>(set, plan.app)?.labels;
  if (!labels) return;
  await kube.patch(REPLICA_SETS, plan.namespace, name, {
    metadata: {
      labels: { ...labels, [ADOPTED_LABEL]: null },
      annotations: { [givenAnnotation(plan.app)]: null },
    },
  });
}

async function resume({ kube, plan }: GivingBack): Promise<void> {
  const { namespace, deployment } = plan;
  await kube.patch(DEPLOYMENTS, namespace, deployment, {
    metadata: { labels: { [ADOPTED_LABEL]: null } },
    spec: { paused: false },
  });
  await until(async () => {
    const { status, metadata, spec } = await live(kube, DEPLOYMENTS, namespace, deployment);
    return status?.observedGeneration === metadata.generation && (status?.replicas ?? 0) === spec.replicas;
  }, `Deployment ${deployment} is not taken up again`);
}

/** What belongs to it alone goes with it: pools' Services, commands, its budget. */
async function removeApp({ kube, plan }: GivingBack): Promise<void> {
  const { namespace, app } = plan;
  const labelSelector = `${APP_LABEL}=${app},${POOL_LABEL}`;
  for (const { metadata } of await kube.list(SERVICES, { namespace, labelSelector }))
    await kube.delete(SERVICES, namespace, metadata.name ?? '');
  const budget = await kube.get(DISRUPTION_BUDGETS, namespace, app);
  if (budget?.metadata.labels?.[APP_LABEL] === app) await kube.delete(DISRUPTION_BUDGETS, namespace, app);
  await kube.patch(APPS, namespace, app, { metadata: { finalizers: null } });
  await kube.delete(APPS, namespace, app);
}

import { ADOPTED_POOL } from '../core/decide/adopt.ts';
import { OperatingError } from '../core/errors.ts';
import { canonicalJson } from '../core/revision.ts';
import { type GivenPaths, type GivenRule, givenOf } from '../kubernetes/given.ts';
import { ADOPTED_LABEL, APP_LABEL, CONTAINER, poolObjectName } from '../kubernetes/names.ts';
import { type HttpRoute, type Ingress, leadsTo, type Service } from '../kubernetes/network.ts';
import type { ReplicaSet } from '../kubernetes/workloads.ts';
import { API_VERSION } from '../spec/schema.ts';
import { controllerOf, type FoundDeployment, type RolledDeployment, selects } from './found.ts';
import { asWritten, portIn, type TakenTemplate, takenFrom } from './template.ts';

/** Taking over a Deployment without touching a pod: what is to be done, in its order. Pure. */

export const STRATEGIES = ['rolling', 'recreate', 'blueGreen', 'canary'] as const;

export interface AdoptionWish {
  namespace: string;
  deployment: string;
  /** Of the App; absent: that of the Deployment. */
  name?: string;
  container?: string;
  service?: string;
  httpRoute?: string;
  ingress?: string;
  strategy?: (typeof STRATEGIES)[number];
}

export interface AdoptionStep {
  kind: 'pause' | 'park' | 'pool' | 'handOver' | 'label' | 'pin' | 'remember' | 'app' | 'own';
  /** `deployment/shop` */
  object: string;
  /** What is done with it, in words. */
  does: string;
}

export interface AdoptionPlan {
  app: string;
  namespace: string;
  deployment: string;
  /** Deployment of the pool that the pods are. */
  pool: string;
  replicaSet: string;
  /** Old ones without pods, which a Deployment without its present one would start again. */
  parked: string[];
  pods: string[];
  container: string;
  port: number | null;
  service: { name: string; selector: Record<string, string> } | null;
  httpRoute: ({ name: string } & GivenRule) | null;
  /** Its paths that lead to the Service with this backend are the App's. */
  ingress: ({ name: string } & GivenPaths) | null;
  steps: AdoptionStep[];
  notes: string[];
  /** The App that is made. */
  document: object;
}

/** @throws OperatingError E_ADOPTION_REFUSED with all that is in the way */
export function planAdoption(wish: AdoptionWish, found: FoundDeployment): AdoptionPlan {
  const { deployment } = found;
  const name = appOf(wish);
  const template = takenFrom(deployment.spec.template, wish.container);
  const active = activeOf(found);
  const service = serviceOf(wish, found);
  const route = routeOf(wish, found.route, service);
  const ingress = ingressOf(wish, found.ingress, service);
  const obstacles = [
    ...obstaclesOf(name, found, active),
    ...(template ? [] : [`it has no container ${wish.container ?? ''}`.trim()]),
    ...(typeof service === 'string' ? [service] : []),
    ...(typeof route === 'string' ? [route] : []),
    ...(typeof ingress === 'string' ? [ingress] : []),
  ];
  if (
    obstacles.length > 0 ||
    !template ||
    !active ||
    typeof service === 'string' ||
    typeof route === 'string' ||
    typeof ingress === 'string'
  )
    throw refused(wish, obstacles);
  const port = portIn(
    deployment.spec.template,
    template.container,
    service?.spec.ports?.[0]?.targetPort ?? service?.spec.ports?.[0]?.port,
  );
  if (service && port === undefined)
    throw refused(wish, [
      `container ${template.container} has no port that Service ${service.metadata.name} leads to`,
    ]);
  const parked = found.replicaSets.filter((set) => set !== active).map(nameOf);
  const common = {
    app: name,
    namespace: wish.namespace,
    deployment: wish.deployment,
    pool: poolObjectName(name, ADOPTED_POOL),
    replicaSet: nameOf(active),
    parked,
    pods: found.pods.map(nameOf).sort(),
    container: template.container,
    port: port ?? null,
    service: service ? { name: nameOf(service), selector: service.spec.selector ?? {} } : null,
    httpRoute: route ?? null,
    ingress: ingress ?? null,
  };
  return {
    ...common,
    steps: stepsOf(common),
    notes: notesOf(common, found),
    document: documentOf(wish, name, found.deployment, template, common),
  };
}

function appOf({ name, deployment }: AdoptionWish): string {
  return name ?? deployment;
}

function obstaclesOf(app: string, found: FoundDeployment, active: ReplicaSet | undefined): string[] {
  const { deployment, pool } = found;
  const { metadata, spec, status } = deployment;
  const owner = controllerOf(deployment);
  const adoptedBy = metadata.labels?.[ADOPTED_LABEL];
  const begun = pool !== undefined;
  const isRolledOut =
    status?.observedGeneration === metadata.generation &&
    (status?.updatedReplicas ?? 0) === spec.replicas &&
    (status?.replicas ?? 0) === spec.replicas &&
    (status?.availableReplicas ?? 0) === spec.replicas;
  const scalers = found.autoscalers.filter(
    ({ spec: { scaleTargetRef: to } }) => to.kind === 'Deployment' && to.name === metadata.name,
  );
  return [
    ...(owner ? [`it belongs to ${owner.kind} ${owner.name}, which would take every change back`] : []),
    ...(metadata.labels?.[APP_LABEL] === undefined ? [] : ['it is a pool of an App already']),
    ...(adoptedBy !== undefined && adoptedBy !== app ? [`App ${adoptedBy} has adopted it already`] : []),
    ...(found.app ? [`there is an App ${app} already`] : []),
    ...scalers.map(
      (one) =>
        `HorizontalPodAutoscaler ${nameOf(one)} scales it: let it scale App ${app} (apiVersion: ${API_VERSION}, kind: App) first`,
    ),
    ...(begun || isRolledOut
      ? []
      : [
          `it is not rolled out: ${status?.availableReplicas ?? 0} of ${spec.replicas} replicas are new and available`,
        ]),
    ...(active ? [] : ['it has no ReplicaSet of its present template; resume it, and let it roll out']),
  ];
}

function refused({ deployment, namespace }: AdoptionWish, obstacles: readonly string[]): OperatingError {
  return new OperatingError(
    'E_ADOPTION_REFUSED',
    `Deployment ${deployment} of ${namespace} cannot be adopted: ${obstacles.join('; ')}`,
    { hint: 'nothing was changed; put it right and try again' },
  );
}

/** The one that makes what the Deployment says: its pods are those that serve. */
function activeOf({ deployment, replicaSets }: FoundDeployment): ReplicaSet | undefined {
  const wanted = canonicalJson(asWritten(deployment.spec.template));
  const same = replicaSets.filter(({ spec }) => canonicalJson(asWritten(spec.template)) === wanted);
  return same.toSorted((a, b) => b.spec.replicas - a.spec.replicas)[0];
}

/** @returns in words why there is none that could be meant */
function serviceOf(wish: AdoptionWish, found: FoundDeployment): Service | string | undefined {
  const labels = found.deployment.spec.template.metadata.labels ?? {};
  const leading = found.services.filter(
    ({ spec }) => selects(spec.selector, labels) || isPinned(spec.selector, appOf(wish)),
  );
  if (wish.service !== undefined) {
    const named = found.services.find((one) => nameOf(one) === wish.service);
    if (!named) return `there is no Service ${wish.service}`;
    return leading.includes(named) ? named : `Service ${wish.service} does not select its pods`;
  }
  if (leading.length > 1)
    return `several Services select its pods (${leading.map(nameOf).join(', ')}): name one with --service`;
  return leading[0];
}

function isPinned(selector: Record<string, string> | undefined, app: string): boolean {
  return selector?.[APP_LABEL] === app;
}

function routeOf(
  wish: AdoptionWish,
  route: HttpRoute | undefined,
  service: Service | string | undefined,
): AdoptionPlan['httpRoute'] | string | undefined {
  if (wish.httpRoute === undefined) return undefined;
  if (!route) return `there is no HTTPRoute ${wish.httpRoute}`;
  if (service === undefined) return `HTTPRoute ${wish.httpRoute} needs a Service that selects its pods`;
  if (typeof service === 'string') return undefined;
  const noted = givenOf<GivenRule>(route, appOf(wish));
  // An adoption that was interrupted: the controller may have written the rule since.
  if (noted) return { name: wish.httpRoute, ...noted };
  const rules = route.spec.rules ?? [];
  const leading = rules.flatMap(({ backendRefs = [] }, rule) =>
    backendRefs.some((ref) => leadsTo(ref, { namespace: service.metadata.namespace, name: nameOf(service) }))
      ? [{ rule, backendRefs }]
      : [],
  );
  const [only, ...others] = leading;
  if (!only) return `no rule of HTTPRoute ${wish.httpRoute} leads to Service ${nameOf(service)}`;
  if (others.length > 0)
    return `${leading.length} rules of HTTPRoute ${wish.httpRoute} lead to Service ${nameOf(service)}: one is to be split`;
  if (only.backendRefs.length > 1)
    return `rule ${only.rule} of HTTPRoute ${wish.httpRoute} leads elsewhere too: it is split already`;
  return { name: wish.httpRoute, ...only };
}

function ingressOf(
  wish: AdoptionWish,
  ingress: Ingress | undefined,
  service: Service | string | undefined,
): AdoptionPlan['ingress'] | string | undefined {
  const { ingress: name } = wish;
  if (name === undefined) return undefined;
  if (wish.httpRoute !== undefined) return 'requests are split by an HTTPRoute or by an Ingress, not by both';
  if (!ingress) return `there is no Ingress ${name}`;
  if (service === undefined) return `Ingress ${name} needs a Service that selects its pods`;
  if (typeof service === 'string') return undefined;
  const noted = givenOf<GivenPaths>(ingress, appOf(wish));
  if (noted) return { name, ...noted };
  const backends = (ingress.spec.rules ?? [])
    .flatMap(({ http }) => http?.paths.map(({ backend }) => backend) ?? [])
    .filter((backend) => backend.service?.name === nameOf(service));
  const [backend] = backends;
  if (!backend) return `no path of Ingress ${name} leads to Service ${nameOf(service)}`;
  if (new Set(backends.map(canonicalJson)).size > 1)
    return `paths of Ingress ${name} lead to several ports of Service ${nameOf(service)}: one is to be split`;
  return { name, backend };
}

type Common = Omit<AdoptionPlan, 'steps' | 'notes' | 'document'>;

/** The order is the safety: nothing rolls, then nobody starts old ones, then the pods change hands, then the route. */
function stepsOf({
  app,
  deployment,
  pool,
  replicaSet,
  parked,
  pods,
  service,
  httpRoute,
  ingress,
}: Common): AdoptionStep[] {
  const step = (kind: AdoptionStep['kind'], object: string, does: string): AdoptionStep => ({
    kind,
    object,
    does,
  });
  return [
    step(
      'pause',
      `deployment/${deployment}`,
      'is paused: from now on a changed template starts nothing by itself',
    ),
    ...parked.map((name) =>
      step(
        'park',
        `replicaset/${name}`,
        'has no pods and is set aside: it would be started in place of the present one',
      ),
    ),
    step('pool', `deployment/${pool}`, `is made, paused, as the pool that the pods are from now on`),
    step('handOver', `replicaset/${replicaSet}`, `belongs to deployment/${pool}; its pods stay as they are`),
    step('label', count(pods.length, 'pod'), 'get the labels of the pool; those that they have stay'),
    ...(service
      ? [
          step(
            'pin',
            `service/${service.name}`,
            'selects the pods of the pool only, before any other can be there',
          ),
        ]
      : []),
    ...(httpRoute
      ? [
          step(
            'remember',
            `httproute/${httpRoute.name}`,
            `keeps where rule ${httpRoute.rule} led; the controller writes its backends from now on`,
          ),
        ]
      : []),
    ...(ingress && service
      ? [
          step(
            'remember',
            `ingress/${ingress.name}`,
            `keeps that it led to ${service.name}; the controller writes the backend of those paths from now on`,
          ),
        ]
      : []),
    step('app', `app/${app}`, 'is made, with the pods as its stable revision'),
    step('own', `deployment/${pool}`, `belongs to app/${app}`),
  ];
}

function notesOf(
  { app, deployment, service, httpRoute, ingress }: Common,
  { deployment: found }: FoundDeployment,
): string[] {
  const container = found.spec.template.spec.containers as unknown[] | undefined;
  return [
    `No pod is restarted. \`kubectl set image deployment/${deployment}\`, or a change of it by GitOps, is a release of app/${app} from now on.`,
    ...(service
      ? httpRoute || ingress
        ? [`In-cluster clients of service/${service.name} stay on the stable revision.`]
        : []
      : ['No Service selects its pods: it is moved by readiness alone, as a worker.']),
    ...((container?.length ?? 0) > 1
      ? ['The App is one of several containers; all of them are its pods.']
      : []),
    `\`crossfade release-ownership ${app}\` gives it back the same way.`,
  ];
}

function documentOf(
  wish: AdoptionWish,
  name: string,
  deployment: RolledDeployment,
  template: TakenTemplate,
  { port, service, httpRoute, ingress }: Common,
): object {
  const { spec } = deployment;
  const router = httpRoute ? 'gatewayApi' : ingress ? 'ingressNginx' : 'service';
  return {
    apiVersion: API_VERSION,
    kind: 'App',
    metadata: { name, namespace: wish.namespace },
    spec: {
      replicas: spec.replicas,
      image: template.image,
      run: {},
      ...(port === null ? {} : { port }),
      ...(spec.minReadySeconds ? { health: { minReadySeconds: spec.minReadySeconds } } : {}),
      ...(service ? { route: {} } : {}),
      terminationGracePeriodSeconds: template.terminationGracePeriodSeconds,
      ...(spec.progressDeadlineSeconds === undefined
        ? {}
        : { progressDeadlineSeconds: spec.progressDeadlineSeconds }),
      strategy: strategyOf(wish, deployment),
      kubernetes: {
        router,
        deployment: wish.deployment,
        ...(template.container === CONTAINER ? {} : { container: template.container }),
        ...(service ? { service: service.name } : {}),
        ...(httpRoute ? { httpRoute: { name: httpRoute.name, rule: httpRoute.rule } } : {}),
        ...(ingress ? { ingress: ingress.name } : {}),
        podTemplate: template.podTemplate,
      },
    },
  };
}

/** Without a word about it the App is released as the Deployment was. */
function strategyOf({ strategy }: AdoptionWish, { spec }: RolledDeployment): object {
  const kind = strategy ?? (spec.strategy?.type === 'Recreate' ? 'recreate' : 'rolling');
  switch (kind) {
    case 'recreate':
      return { recreate: {} };
    case 'blueGreen':
      return { blueGreen: {} };
    case 'canary':
      return { canary: { steps: [{ setWeight: 10 }, { pause: {} }, { setWeight: 50 }] } };
    case 'rolling': {
      const { maxSurge, maxUnavailable } = spec.strategy?.rollingUpdate ?? {};
      return {
        rolling: {
          ...(maxSurge === undefined ? {} : { maxSurge }),
          ...(maxUnavailable === undefined ? {} : { maxUnavailable }),
        },
      };
    }
  }
}

function nameOf({ metadata }: { metadata: { name?: string } }): string {
  return metadata.name ?? '';
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}

import { controllerOf, type FoundDeployment, type RolledDeployment, selects } from '../../adoption/found.ts';
import { ADOPTED_POOL } from '../../core/decide/adopt.ts';
import { OperatingError } from '../../core/errors.ts';
import type { Kube } from '../../kubernetes/client.ts';
import { APPS } from '../../kubernetes/crossfade.ts';
import { isKubeError } from '../../kubernetes/error.ts';
import { givenTo } from '../../kubernetes/given.ts';
import { KEEP_ANNOTATION, POOL_LABEL, poolObjectName } from '../../kubernetes/names.ts';
import { HTTP_ROUTES, INGRESSES, SERVICES } from '../../kubernetes/network.ts';
import { AUTOSCALERS, DEPLOYMENTS, type Deployment, PODS, REPLICA_SETS } from '../../kubernetes/workloads.ts';

export interface Looked {
  namespace: string;
  deployment: string;
  /** Of the App. */
  app: string;
  httpRoute?: string;
  ingress?: string;
}

/** Everything that a plan is made from, as it is now. @throws OperatingError E_DEPLOYMENT_NOT_FOUND */
export async function findDeployment(kube: Kube, looked: Looked): Promise<FoundDeployment> {
  const { namespace, app } = looked;
  const deployment = await kube.get(DEPLOYMENTS, namespace, looked.deployment);
  if (!deployment)
    throw new OperatingError(
      'E_DEPLOYMENT_NOT_FOUND',
      `there is no Deployment ${looked.deployment} in ${namespace}`,
      {
        hint: '`kubectl get deployments` lists them; -n names another namespace',
      },
    );
  const pool = await kube.get(DEPLOYMENTS, namespace, poolObjectName(app, ADOPTED_POOL));
  const makers = new Set([deployment.metadata.uid, pool?.metadata.uid]);
  const sets = await kube.list(REPLICA_SETS, { namespace });
  const replicaSets = sets.filter((set) => makers.has(controllerOf(set)?.uid ?? ''));
  const owners = new Set(replicaSets.map(({ metadata }) => metadata.uid));
  const pods = (await kube.list(PODS, { namespace })).filter((pod) => owners.has(controllerOf(pod)?.uid));
  const route =
    looked.httpRoute === undefined ? undefined : await kube.get(HTTP_ROUTES, namespace, looked.httpRoute);
  const ingress =
    looked.ingress === undefined ? undefined : await kube.get(INGRESSES, namespace, looked.ingress);
  const labels = deployment.spec.template.metadata.labels ?? {};
  const services = await kube.list(SERVICES, { namespace });
  return {
    deployment: deployment as RolledDeployment,
    replicaSets,
    pods: pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined),
    // A pool's Service is ours to write.
    services: services
      .filter(
        ({ metadata, spec }) => metadata.labels?.[POOL_LABEL] === undefined && spec.selector !== undefined,
      )
      .filter((service) => selects(service.spec.selector, labels) || givenTo(service).includes(app)),
    ...(route ? { route } : {}),
    ...(ingress ? { ingress } : {}),
    autoscalers: await listOrNone(kube, namespace),
    // One that was made before the last step of its adoption is gone on with.
    app: !isBegun(pool) && (await kube.get(APPS, namespace, app)) !== undefined,
    ...(pool ? { pool } : {}),
  };
}

function isBegun(pool: Deployment | undefined): boolean {
  return pool?.metadata.annotations?.[KEEP_ANNOTATION] !== undefined;
}

/** Who may not list them can still adopt: an autoscaler is told of then when it is in the way. */
async function listOrNone(kube: Kube, namespace: string): Promise<FoundDeployment['autoscalers']> {
  try {
    return await kube.list(AUTOSCALERS, { namespace });
  } catch (error) {
    if (isKubeError(error, 403) || isKubeError(error, 404)) return [];
    throw error;
  }
}

import type { Kube } from '../kubernetes/client.ts';
import { isKubeError } from '../kubernetes/error.ts';
import { GATEWAY_CLASSES, type GatewayClass, HTTP_ROUTES } from '../kubernetes/network.ts';
import type { KubeObject, Resource } from '../kubernetes/types.ts';
import { DEPLOYMENTS, type Deployment } from '../kubernetes/workloads.ts';
import { knows } from './discovery.ts';
import { type Finding, ok } from './finding.ts';

interface IngressClass extends KubeObject {
  spec?: { controller?: string };
}

const INGRESS_CLASSES: Resource<IngressClass> = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'IngressClass',
  plural: 'ingressclasses',
  namespaced: false,
};

const NAME = 'routers';
const INGRESS_NGINX = 'k8s.io/ingress-nginx';
const CONTROLLER_SELECTOR = 'app.kubernetes.io/name=crossfade,app.kubernetes.io/component=controller';

/** What can carry requests in this cluster, and whether the controller knows where that is counted. */
export async function checkRouters(kube: Kube): Promise<Finding[]> {
  const checks = [
    visible('GatewayClasses', () => gatewayClasses(kube)),
    visible('IngressClasses', () => ingressClasses(kube)),
    visible('the Deployment of the controller', () => metrics(kube)),
  ];
  return (await Promise.all(checks)).flat();
}

/** A user with rights in one namespace sees no objects of the whole cluster: that is no failure of it. */
async function visible(what: string, look: () => Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await look();
  } catch (error) {
    if (!isKubeError(error, 403)) throw error;
    return [ok(NAME, `${what} cannot be seen with your rights`)];
  }
}

async function gatewayClasses(kube: Kube): Promise<Finding[]> {
  if (!(await knows(kube, HTTP_ROUTES)))
    return [ok(NAME, 'gatewayApi: the kinds of the Gateway API are not there')];
  const classes = await kube.list(GATEWAY_CLASSES);
  if (classes.length > 0) return classes.map(gatewayClass);
  const todo = 'install a controller for Gateways, or use another router in spec.kubernetes.router';
  const found = 'gatewayApi: the kinds are there, but no GatewayClass: nobody would carry such a route';
  return [{ name: NAME, status: 'warning', found, todo }];
}

function gatewayClass({ metadata, spec, status }: GatewayClass): Finding {
  const what = `gatewayApi: GatewayClass ${metadata.name} of ${spec?.controllerName}`;
  const accepted = status?.conditions?.find(({ type }) => type === 'Accepted');
  if (accepted?.status === 'True') return ok(NAME, `${what} is accepted`);
  const todo = `see that the controller of the class runs: kubectl describe gatewayclass ${metadata.name}`;
  const why = accepted?.message === undefined ? '' : `: ${accepted.message}`;
  return { name: NAME, status: 'warning', found: `${what} is not accepted${why}`, todo };
}

async function ingressClasses(kube: Kube): Promise<Finding[]> {
  const classes = await kube.list(INGRESS_CLASSES);
  const names = classes.filter(({ spec }) => spec?.controller === INGRESS_NGINX);
  if (names.length === 0) return [ok(NAME, `ingressNginx: there is no IngressClass of ${INGRESS_NGINX}`)];
  return names.map(({ metadata }) => ok(NAME, `ingressNginx: IngressClass ${metadata.name} is there`));
}

/** Without counters of the router only the controller's own requests tell what share each version gets. */
async function metrics(kube: Kube): Promise<Finding[]> {
  const deployments = await kube.list(DEPLOYMENTS, { labelSelector: CONTROLLER_SELECTOR });
  return deployments.map((deployment) => {
    const { namespace } = deployment.metadata;
    const urls = argumentsOf(deployment).filter((argument) => argument.startsWith('--router-metrics'));
    if (urls.length > 0) return ok('metrics', `the controller in ${namespace} reads the router's counters`);
    return {
      name: 'metrics',
      status: 'warning',
      found: `the controller in ${namespace} does not know where the router counts: it measures shares by requests of its own`,
      todo: 'name the metrics page of Traefik: crossfade install --router-metrics URL, beside the flags it was installed with',
    };
  });
}

function argumentsOf({ spec }: Deployment): string[] {
  const { containers = [] } = spec.template.spec as { containers?: { args?: string[] }[] };
  return containers.flatMap(({ args = [] }) => args);
}

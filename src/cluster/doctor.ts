import { OperatingError } from '../core/errors.ts';
import type { Kube } from '../kubernetes/client.ts';
import { API_GROUP } from '../kubernetes/crossfade.ts';
import type { KubeObject, Resource } from '../kubernetes/types.ts';
import { checkRouters } from './doctor-routers.ts';
import { type Finding, ok } from './finding.ts';
import { LEASE_SELECTOR, LEASES, type LeaseResource } from './leader.ts';

/** What a cluster needs for Crossfade, and what the user may do there. Changes nothing. */
export async function checkCluster(kube: Kube, namespace: string): Promise<Finding[]> {
  const reached = await attempt('cluster', () => reach(kube));
  if (reached.some(({ status }) => status === 'failed')) return reached;
  const checks = await Promise.all([
    attempt('kinds', () => kinds(kube)),
    attempt('rights', () => rights(kube, namespace)),
    attempt('controller', () => controller(kube)),
    attempt('routers', () => checkRouters(kube)),
  ]);
  return [...reached, ...checks.flat()];
}

async function attempt(name: string, check: () => Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await check();
  } catch (error) {
    if (!(error instanceof OperatingError)) throw error;
    const todo = error.hint === undefined ? {} : { todo: error.hint };
    return [{ name, status: 'failed', found: error.message, ...todo }];
  }
}

async function reach(kube: Kube): Promise<Finding[]> {
  const doing = 'asking for the version';
  const version = await kube.request<{ gitVersion?: string }>({ method: 'GET', path: '/version', doing });
  return [
    ok('cluster', `${kube.server} answers, Kubernetes ${version.gitVersion ?? 'of an unknown version'}`),
  ];
}

interface CrdResource extends KubeObject {
  status?: { conditions?: { type: string; status: string }[] };
}

const CRDS: Resource<CrdResource> = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  namespaced: false,
};

async function kinds(kube: Kube): Promise<Finding[]> {
  const names = [`apps.${API_GROUP}`, `appcommands.${API_GROUP}`];
  return Promise.all(names.map((name) => kind(kube, name)));
}

async function kind(kube: Kube, name: string): Promise<Finding> {
  const found = await kube.get(CRDS, undefined, name);
  if (!found) {
    const todo = 'an administrator installs it: crossfade install --crds-only, with the same --context';
    return { name: 'kinds', status: 'failed', found: `the cluster does not know ${name}`, todo };
  }
  const established = found.status?.conditions?.some(
    ({ type, status }) => type === 'Established' && status === 'True',
  );
  if (established) return ok('kinds', `${name} is there`);
  const todo = `see why: kubectl describe crd ${name}`;
  return { name: 'kinds', status: 'failed', found: `${name} is not established`, todo };
}

/** What the commands of the CLI need. */
const NEEDED: readonly {
  verb: string;
  resource: string;
  subresource?: string;
  group: string;
  for: string;
}[] = [
  { verb: 'list', group: API_GROUP, resource: 'apps', for: 'get and status' },
  { verb: 'watch', group: API_GROUP, resource: 'apps', for: 'status and --wait' },
  { verb: 'patch', group: API_GROUP, resource: 'apps', for: 'apply and set' },
  { verb: 'delete', group: API_GROUP, resource: 'apps', for: 'delete' },
  { verb: 'patch', group: API_GROUP, resource: 'apps', subresource: 'scale', for: 'scale' },
  { verb: 'create', group: API_GROUP, resource: 'appcommands', for: 'rollout' },
  { verb: 'list', group: '', resource: 'pods', for: 'get replicas and status' },
  { verb: 'get', group: '', resource: 'pods', subresource: 'log', for: 'logs' },
];

async function rights(kube: Kube, namespace: string): Promise<Finding[]> {
  const asked = await Promise.all(
    NEEDED.map(async (need) => ({ need, allowed: await may(kube, namespace, need) })),
  );
  const missing = asked.filter(({ allowed }) => !allowed);
  if (missing.length === 0) return [ok('rights', `all that the commands need, in namespace ${namespace}`)];
  return missing.map(({ need: { verb, resource, subresource, for: use } }) => ({
    name: 'rights',
    status: 'warning',
    found: `you may not ${verb} ${resource}${subresource ? `/${subresource}` : ''} in ${namespace}: ${use} will be refused`,
    todo: `an administrator gives it: kubectl create rolebinding -n ${namespace} --clusterrole edit ...`,
  }));
}

async function may(
  kube: Kube,
  namespace: string,
  { for: _use, ...attributes }: (typeof NEEDED)[number],
): Promise<boolean> {
  const answer = await kube.request<{ status?: { allowed?: boolean } }>({
    method: 'POST',
    path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
    body: {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes: { namespace, ...attributes } },
    },
    doing: 'asking what you may do',
  });
  return answer.status?.allowed === true;
}

async function controller(kube: Kube): Promise<Finding[]> {
  const leases = await kube.list(LEASES, { labelSelector: LEASE_SELECTOR });
  if (leases.length === 0) {
    const todo = 'install it: crossfade install --image IMAGE; or see its log, when it is there';
    return [{ name: 'controller', status: 'failed', found: 'none has ever led', todo }];
  }
  return leases.map(lease);
}

function lease({ metadata, spec }: LeaseResource): Finding {
  const name = 'controller';
  const ageMs = Date.now() - Date.parse(spec?.renewTime ?? '');
  const limitMs = (spec?.leaseDurationSeconds ?? 0) * 1000;
  const what = `lease ${metadata.namespace}/${metadata.name}`;
  if (spec?.holderIdentity && ageMs <= limitMs) return ok(name, `${spec.holderIdentity} holds ${what}`);
  const found = spec?.holderIdentity
    ? `${spec.holderIdentity} has not renewed ${what} for ${Math.round(ageMs / 1000)} s`
    : `nobody holds ${what}`;
  const todo = `see its pods and their log: kubectl -n ${metadata.namespace} get pods`;
  return { name, status: 'failed', found, todo };
}

import type { Kube } from '../kubernetes/client.ts';

const GATEWAY_API = 'gateway.networking.k8s.io';

/** Whether the cluster knows the kinds of the Gateway API: a watch of unknown ones would never begin. */
export async function hasGatewayApi(kube: Kube): Promise<boolean> {
  const doing = 'asking which kinds there are';
  const { groups = [] } = await kube.request<{ groups?: { name: string }[] }>({
    method: 'GET',
    path: '/apis',
    doing,
  });
  return groups.some(({ name }) => name === GATEWAY_API);
}

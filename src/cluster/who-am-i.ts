import type { Kube } from '../kubernetes/client.ts';

/** The user, as the API server knows it. */
export async function whoAmI(kube: Kube): Promise<string> {
  const answer = await kube.request<{ status?: { userInfo?: { username?: string } } }>({
    method: 'POST',
    path: '/apis/authentication.k8s.io/v1/selfsubjectreviews',
    body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
    doing: 'asking who you are',
  });
  return answer.status?.userInfo?.username ?? 'unknown';
}

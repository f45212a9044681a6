import type { HttpRoute, Ingress, Service } from '../kubernetes/network.ts';
import type { KubeObject } from '../kubernetes/types.ts';
import type { Autoscaler, Deployment, Pod, ReplicaSet } from '../kubernetes/workloads.ts';

/** What is read of a cluster before anything is taken over, or given back. */

/** A Deployment as far as its rollout is looked at. */
export interface RolledDeployment extends Deployment {
  spec: Deployment['spec'] & {
    strategy?: {
      type?: string;
      rollingUpdate?: { maxSurge?: number | string; maxUnavailable?: number | string };
    };
  };
}

export interface FoundDeployment {
  deployment: RolledDeployment;
  /** Those that belong to it, or to the pool that takes its place. */
  replicaSets: ReplicaSet[];
  /** Those that its selector selects. */
  pods: Pod[];
  services: Service[];
  route?: HttpRoute;
  ingress?: Ingress;
  autoscalers: Autoscaler[];
  /** An App of the name is there. */
  app: boolean;
  /** The pool's Deployment is there: an adoption was begun before. */
  pool?: Deployment;
}

/** Who made it, in the sense of Kubernetes. */
export function controllerOf({
  metadata,
}: KubeObject): { kind: string; name: string; uid: string } | undefined {
  return metadata.ownerReferences?.find(({ controller }) => controller === true);
}

export function selects(
  selector: Record<string, string> | undefined,
  labels: Record<string, string>,
): boolean {
  const wanted = Object.entries(selector ?? {});
  return wanted.length > 0 && wanted.every(([name, value]) => labels[name] === value);
}

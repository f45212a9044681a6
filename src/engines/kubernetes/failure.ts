import type { Reason } from '../../core/model.ts';
import type { ContainerState } from '../../kubernetes/workloads.ts';
import type { SeenPod, SeenPool } from './seen.ts';

/** Why a pod cannot run, in Kubernetes' own words: what waiting does not cure. */

const IMAGE_REASONS = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'ErrImageNeverPull',
  'InvalidImageName',
  'ImageInspectError',
  'RegistryUnavailable',
  'SignatureValidationFailed',
]);
const CONFIG_REASONS = new Set(['CreateContainerConfigError', 'CreateContainerError', 'RunContainerError']);

/** @param event the last warning about the pod: it says more than its status */
export function failureOf(pod: SeenPod, image: string | undefined, event?: string): Reason | undefined {
  return (
    failureOfState(pod.state, image, event) ??
    (pod.init && failureOfState(pod.init.state, undefined, event)) ??
    notStarted(pod)
  );
}

function failureOfState(
  { waiting }: ContainerState,
  image: string | undefined,
  event: string | undefined,
): Reason | undefined {
  const reason = waiting?.reason;
  if (reason === undefined) return undefined;
  const said = waiting?.message || event || reason;
  if (IMAGE_REASONS.has(reason)) {
    const what = image === undefined || said.includes(image) ? '' : ` ${image}`;
    return { code: 'E_IMAGE_PULL', message: `the image${what} cannot be had (${reason}): ${said}` };
  }
  if (CONFIG_REASONS.has(reason))
    return { code: 'E_CONTAINER_REFUSED', message: `the container cannot be made (${reason}): ${said}` };
  return undefined;
}

/** runc says so in the state that it left: a command that is not there, a user that may not. */
function notStarted({ last, state }: SeenPod): Reason | undefined {
  const ended = state.terminated ?? last.terminated;
  if (ended?.reason !== 'StartError' && ended?.reason !== 'ContainerCannotRun') return undefined;
  return {
    code: 'E_CONTAINER_REFUSED',
    message: `the container cannot be started (${ended.reason}): ${ended.message ?? `exit code ${ended.exitCode}`}`,
  };
}

/** Pods that are not even there: refused by a quota, a LimitRange or an admission webhook. */
export function failureOfPool({ failure }: SeenPool): Reason | undefined {
  if (failure === undefined) return undefined;
  const quota = /exceeded quota|(minimum|maximum) .* usage per|must specify limits/.test(failure.message);
  return {
    code: quota ? 'E_QUOTA_EXCEEDED' : 'E_CLUSTER_DENIED',
    message: `pods are refused (${failure.reason}): ${failure.message}`,
  };
}

/** What the pod waits for and may still get: shown, and held against nobody. */
export function waitsFor(pod: SeenPod): string | undefined {
  if (pod.unscheduled) return `no node takes it (${pod.unscheduled.reason}): ${pod.unscheduled.message}`;
  if (pod.init) {
    const { name, state, last } = pod.init;
    const ended = state.terminated ?? last.terminated;
    const how = ended ? `ended with code ${ended.exitCode}` : (state.waiting?.reason ?? 'is running');
    return `its init container ${name} ${how}`;
  }
  const { waiting } = pod.state;
  return waiting?.reason === 'CrashLoopBackOff' ? waiting.message : undefined;
}

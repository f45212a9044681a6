import { createHash } from 'node:crypto';
import { canonicalJson } from '../core/revision.ts';
import type { AppResource } from '../kubernetes/crossfade.ts';
import { annotationPath, onlyOver, roomForAnnotations } from '../kubernetes/json-patch.ts';
import type { KubeObject } from '../kubernetes/types.ts';
import type { Deployment } from '../kubernetes/workloads.ts';
import { asWritten, takenFrom } from './template.ts';

/** What was taken over of an adopted Deployment last, kept on the App. Pure. */

/** Of an App: what its Deployment said when it was taken over. */
export const TAKEN_ANNOTATION = 'crossfade.dev/taken';
const ACTOR_ANNOTATION = 'crossfade.dev/actor';

interface Mark {
  template: string;
  replicas: number;
}

export function markOf({ spec }: Pick<Deployment, 'spec'>): string {
  const template = createHash('sha256')
    .update(canonicalJson(asWritten(spec.template)))
    .digest('hex')
    .slice(0, 16);
  return JSON.stringify({ template, replicas: spec.replicas } satisfies Mark);
}

/**
 * What has to change in an App so that it says what its Deployment says now, as a JSON patch over exactly this version.
 * @returns undefined when nothing of the Deployment has changed
 */
export function takeOver(app: AppResource, deployment: Deployment): object[] | undefined {
  const { annotations = {} } = app.metadata;
  const mark = markOf(deployment);
  const last = annotations[TAKEN_ANNOTATION];
  if (last === mark) return undefined;
  const before = last === undefined ? undefined : (JSON.parse(last) as Mark);
  const now = JSON.parse(mark) as Mark;
  const { kubernetes } = (app.spec ?? {}) as { kubernetes?: { container?: string } };
  const taken = takenFrom(deployment.spec.template, kubernetes?.container);
  if (!taken) return undefined;
  const changed = before?.template !== now.template;
  return [
    onlyOver(app),
    ...roomForAnnotations(app),
    { op: 'add', path: annotationPath(TAKEN_ANNOTATION), value: mark },
    { op: 'add', path: annotationPath(ACTOR_ANNOTATION), value: lastWriter(deployment) },
    ...(changed
      ? [
          { op: 'add', path: '/spec/image', value: taken.image },
          { op: 'add', path: '/spec/kubernetes/podTemplate', value: taken.podTemplate },
          {
            op: 'add',
            path: '/spec/terminationGracePeriodSeconds',
            value: taken.terminationGracePeriodSeconds,
          },
        ]
      : []),
    ...(before?.replicas === now.replicas
      ? []
      : [{ op: 'add', path: '/spec/replicas', value: now.replicas }]),
  ];
}

/** The program that changed its spec last: `kubectl-set`, `argocd-controller`. */
function lastWriter({ metadata }: KubeObject): string {
  const writers = (metadata.managedFields ?? []).filter(
    ({ manager, subresource, fieldsV1 }) => manager !== 'crossfade' && !subresource && fieldsV1?.['f:spec'],
  );
  const last = writers.toSorted((a, b) => ((a.time ?? '') < (b.time ?? '') ? -1 : 1)).at(-1);
  return last?.manager ?? 'unknown';
}

import { API_GROUP } from '../kubernetes/crossfade.ts';
import type { PodTemplate } from '../kubernetes/workloads.ts';
import type { PodTemplatePatch } from '../spec/app-kubernetes.ts';

/** What an App takes over of a pod template that users write. Pure. */

type Json = Record<string, unknown>;

interface Container extends Json {
  name: string;
  image?: string;
  lifecycle?: { preStop?: Json };
}

export interface TakenTemplate {
  image: string;
  container: string;
  /** All else of the pods, under the name that it has there. */
  podTemplate: PodTemplatePatch;
  terminationGracePeriodSeconds: number;
}

/** Given to each pod by the Deployment that makes it. */
const HASH_LABEL = 'pod-template-hash';
const DEFAULT_GRACE_SECONDS = 30;

/** @param name the App's container; absent: the first */
export function takenFrom(template: PodTemplate, name?: string): TakenTemplate | undefined {
  const { terminationGracePeriodSeconds = DEFAULT_GRACE_SECONDS, ...spec } = template.spec;
  const containers = (spec.containers ?? []) as Container[];
  const own = name === undefined ? containers[0] : containers.find((one) => one.name === name);
  if (own?.image === undefined) return undefined;
  const { image, ...rest } = own;
  return {
    image,
    container: own.name,
    podTemplate: {
      metadata: {
        labels: foreign(template.metadata.labels),
        annotations: foreign(template.metadata.annotations),
      },
      spec: {
        // What a pod has when nothing is said: an App's own pods go without.
        enableServiceLinks: true,
        ...spec,
        containers: containers.map((one) => (one === own ? withOwnHandlers(rest as Container) : one)),
      },
    },
    terminationGracePeriodSeconds: Number(terminationGracePeriodSeconds),
  };
}

/** Each of them may say one way only: what the owner wrote takes the place of ours, or the pod is refused for having two. */
function withOwnHandlers(container: Container): Container {
  const { lifecycle } = container;
  const probes = PROBES.flatMap((name) => {
    const probe = container[name];
    return probe === undefined ? [] : [[name, replacing(probe as Json)] as const];
  });
  return {
    ...container,
    ...Object.fromEntries(probes),
    ...(lifecycle?.preStop ? { lifecycle: { ...lifecycle, preStop: replacing(lifecycle.preStop) } } : {}),
  };
}

const PROBES = ['readinessProbe', 'livenessProbe', 'startupProbe'] as const;

function replacing(field: Json): Json {
  return { ...field, $patch: 'replace' };
}

/** The template as its users wrote it: without what Crossfade, or the Deployment, has added. */
export function asWritten({ metadata, spec }: PodTemplate): PodTemplate {
  const labels = foreign(metadata.labels);
  const annotations = foreign(metadata.annotations);
  return {
    metadata: {
      ...(Object.keys(labels).length > 0 ? { labels } : {}),
      ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
    },
    spec,
  };
}

function foreign(fields: Record<string, string> | undefined): Record<string, string> {
  return Object.fromEntries(
    Object.entries(fields ?? {}).filter(([name]) => name !== HASH_LABEL && !name.startsWith(`${API_GROUP}/`)),
  );
}

/** Where the container listens: by the number, or by the name that a Service calls its port. */
export function portIn(
  template: PodTemplate,
  container: string,
  target: number | string | undefined,
): number | undefined {
  if (typeof target === 'number') return target;
  const containers = (template.spec.containers ?? []) as {
    name: string;
    ports?: { name?: string; containerPort: number }[];
  }[];
  const ports = containers.find(({ name }) => name === container)?.ports ?? [];
  if (target === undefined) return ports[0]?.containerPort;
  return ports.find(({ name }) => name === target)?.containerPort;
}

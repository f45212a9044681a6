import { createHash } from 'node:crypto';
import type { Pool, Revision, RunSpec } from '../../core/model.ts';
import {
  APP_LABEL,
  type AppName,
  appLabels,
  CONTAINER,
  CONTAINER_ANNOTATION,
  IN_ROUTE_LABEL,
  POOL_LABEL,
  poolObjectName,
  REVISION_ANNOTATION,
  STATE_VERSION_ANNOTATION,
  shortened,
} from '../../kubernetes/names.ts';
import type { OwnerReference } from '../../kubernetes/types.ts';
import type { Deployment, PodTemplate } from '../../kubernetes/workloads.ts';
import type { AppSpec, Probe } from '../../spec/app.ts';
import type { KubernetesSpec } from '../../spec/app-kubernetes.ts';
import { mergePatch } from './merge.ts';
import { contentKey, copyName, withCopies } from './references.ts';

const FILES_VOLUME = 'crossfade-files';
/** An outage lasts as long as the old pods do. */
const MOST_SLEEP_IN_OUTAGE_SECONDS = 5;

type Json = Record<string, unknown>;

export interface PoolInput {
  app: AppName;
  pool: Pool;
  revision: Revision;
  spec: AppSpec;
  owner: OwnerReference | undefined;
  stateVersion: number;
  replicas: number;
}

/** One pool, as an object of the cluster. Its template never changes. */
export function deploymentOf(input: PoolInput): Deployment {
  const { app, pool, revision, owner } = input;
  const labels = { ...appLabels(app.name), [POOL_LABEL]: pool.id };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      namespace: app.namespace,
      name: poolObjectName(app.name, pool.id),
      labels,
      annotations: {
        [REVISION_ANNOTATION]: revision.id,
        [STATE_VERSION_ANNOTATION]: String(input.stateVersion),
        ...containerNote(revision.run),
      },
      ...(owner ? { ownerReferences: [owner] } : {}),
    },
    spec: {
      replicas: input.replicas,
      selector: { matchLabels: { [APP_LABEL]: app.name, [POOL_LABEL]: pool.id } },
      revisionHistoryLimit: 0,
      template: templateOf(input),
    },
  };
}

function templateOf(input: PoolInput): PodTemplate {
  const { app, pool, revision } = input;
  const fields = fieldsOf(app, revision.run);
  const own: PodTemplate = {
    metadata: {
      labels: { ...appLabels(app.name), [POOL_LABEL]: pool.id, [IN_ROUTE_LABEL]: 'true' },
      annotations: { [REVISION_ANNOTATION]: revision.id, ...containerNote(revision.run) },
    },
    spec: podSpec(input, fields),
  };
  return fields.podTemplate ? (mergePatch({ ...own }, { ...fields.podTemplate }) as PodTemplate) : own;
}

/** A container with a name of its own is found again by it. */
function containerNote({ pod }: RunSpec): Record<string, string> {
  const name = (pod?.fields as Partial<KubernetesSpec> | undefined)?.container;
  return name === undefined ? {} : { [CONTAINER_ANNOTATION]: name };
}

/** As the file had them when the revision was made, with its own copies of what they name. */
function fieldsOf(app: AppName, run: RunSpec): Partial<KubernetesSpec> {
  return withCopies({ ...run.pod?.fields }, (kind, name) => {
    const digest = run.pod?.content[contentKey(kind, name)];
    return digest === undefined ? undefined : copyName(app.name, kind, name, digest);
  });
}

function podSpec(input: PoolInput, fields: Partial<KubernetesSpec>): Json {
  const { app, pool, revision, spec } = input;
  const files = filesName(app.name, revision.run.configFiles);
  const volumes = [
    ...(fields.volumes ?? []),
    ...(files === undefined ? [] : [{ name: FILES_VOLUME, configMap: { name: files } }]),
  ];
  const selector = { matchLabels: { [APP_LABEL]: app.name, [POOL_LABEL]: pool.id } };
  return {
    // Variables for every Service of the namespace would differ from pod to pod of one revision.
    enableServiceLinks: false,
    terminationGracePeriodSeconds: spec.spec.terminationGracePeriodSeconds + sleepSeconds(spec),
    ...present({ serviceAccountName: fields.serviceAccountName }),
    ...filled({
      imagePullSecrets: fields.imagePullSecrets,
      volumes,
      topologySpreadConstraints: fields.topologySpreadConstraints?.map((one) => ({
        labelSelector: selector,
        ...one,
      })),
    }),
    containers: [container(input, fields)],
  };
}

function container({ app, revision, spec }: PoolInput, fields: Partial<KubernetesSpec>): Json {
  const { run } = revision;
  const port = run.pod?.port;
  const sleep = sleepSeconds(spec);
  const securityContext = {
    ...(run.user === undefined ? {} : { runAsUser: Number(run.user) }),
    ...fields.securityContext,
  };
  return {
    name: fields.container ?? CONTAINER,
    image: run.artifact.kind === 'image' ? run.artifact.reference : '',
    ...present({
      imagePullPolicy: fields.imagePullPolicy,
      workingDir: run.workingDir,
      resources: fields.resources,
      readinessProbe: run.health.ready && probeOf(run.health.ready, port),
      livenessProbe: run.health.live && probeOf(run.health.live, port),
    }),
    ...(run.command.length > 0 ? { command: run.command.map((argument) => withPort(argument, port)) } : {}),
    ...(port === undefined ? {} : { ports: [{ containerPort: port, protocol: 'TCP' }] }),
    ...(sleep > 0 ? { lifecycle: { preStop: { sleep: { seconds: sleep } } } } : {}),
    ...(Object.keys(securityContext).length > 0 ? { securityContext } : {}),
    env: variables(app, revision, fields),
    ...filled({
      envFrom: fields.envFrom,
      volumeMounts: [...(fields.volumeMounts ?? []), ...fileMounts(run)],
    }),
  };
}

function variables(app: AppName, revision: Revision, fields: Partial<KubernetesSpec>): Json[] {
  const { env, pod } = revision.run;
  const own = {
    CROSSFADE_APP: app.name,
    CROSSFADE_NAMESPACE: app.namespace,
    CROSSFADE_REVISION: revision.id,
    ...(pod?.port === undefined ? {} : { PORT: String(pod.port) }),
  };
  const literal = Object.entries({ ...own, ...env }).map(([name, value]) => ({
    name,
    // Kubernetes would take $(X) in a value for a variable; here it is text.
    value: value.replaceAll('$(', '$$$('),
  }));
  const replica = { name: 'CROSSFADE_REPLICA', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } };
  return [replica, ...literal, ...(fields.env ?? [])];
}

/** All files of a revision are in one ConfigMap, under names that it allows. */
export function filesName(app: string, configFiles: RunSpec['configFiles']): string | undefined {
  const entries = Object.entries(configFiles).sort(([a], [b]) => (a < b ? -1 : 1));
  if (entries.length === 0) return undefined;
  const hash = createHash('sha256').update(JSON.stringify(entries)).digest('hex').slice(0, 10);
  return shortened(`${app}-files-${hash}`, 253);
}

export function fileKey(path: string): string {
  return createHash('sha256').update(path).digest('hex').slice(0, 20);
}

function fileMounts(run: RunSpec): Json[] {
  return Object.keys(run.configFiles)
    .sort()
    .map((path) => ({
      name: FILES_VOLUME,
      mountPath: `${run.workingDir ?? ''}/${path}`,
      subPath: fileKey(path),
      readOnly: true,
    }));
}

/**
 * Between leaving the route and TERM: whoever was on the way to the pod still gets there, and what it is answering may
 * end, also when the image ends at once on TERM.
 */
function sleepSeconds({ spec }: AppSpec): number {
  if (!spec.route) return 0;
  const seconds = Math.ceil(spec.drainTimeoutMs / 1000);
  return spec.strategy.kind === 'recreate' ? Math.min(seconds, MOST_SLEEP_IN_OUTAGE_SECONDS) : seconds;
}

function probeOf({ action, ...timing }: Probe, port: number | undefined): Json {
  return { ...actionOf(action, port), ...timing };
}

function actionOf(action: Probe['action'], port: number | undefined): Json {
  switch (action.kind) {
    case 'exec':
      return { exec: { command: action.command.map((argument) => withPort(argument, port)) } };
    case 'tcpSocket':
      return { tcpSocket: { port: action.port ?? port } };
    case 'httpGet': {
      const httpHeaders = Object.entries(action.headers).map(([name, value]) => ({ name, value }));
      return {
        httpGet: {
          path: action.path,
          port: action.port ?? port,
          ...present({ host: action.host }),
          ...filled({ httpHeaders }),
        },
      };
    }
  }
}

function withPort(argument: string, port: number | undefined): string {
  return port === undefined ? argument : argument.replaceAll('{port}', String(port));
}

/** Without what is undefined. */
function present(fields: Json): Json {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** Without lists that are empty. */
function filled(fields: Record<string, readonly unknown[] | undefined>): Json {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value && value.length > 0));
}

import { createHash, createHmac } from 'node:crypto';
import { OperatingError } from '../../core/errors.ts';
import type { PodSpec, RunSpec } from '../../core/model.ts';
import { canonicalJson } from '../../core/revision.ts';
import type { Kube } from '../../kubernetes/client.ts';
import { isKubeError } from '../../kubernetes/error.ts';
import { type AppName, appLabels } from '../../kubernetes/names.ts';
import type { OwnerReference } from '../../kubernetes/types.ts';
import { CONFIG_MAPS, type ConfigMap, SECRETS, type Secret } from '../../kubernetes/workloads.ts';
import type { AppSpec, EnvValue } from '../../spec/app.ts';
import { type ContentKind, contentKey, copyName, type Reference, referencesOf } from './references.ts';
import { fileKey, filesName } from './template.ts';

export interface PrepareContext {
  kube: Kube;
  /** Of this installation: digests of Secrets are made with it, for they can be seen. */
  contentKey: Buffer;
  ownerOf(app: AppName): Promise<OwnerReference | undefined>;
}

type Content = Map<string, { reference: Reference; object: ConfigMap | Secret; digest: string }>;
type Json = Record<string, unknown>;

/** What the revision is, and, unless it is a dry run, its own copies of all that it names. */
export async function prepare(context: PrepareContext, spec: AppSpec, dryRun: boolean): Promise<RunSpec> {
  const { image, run } = spec.spec;
  if (image === undefined) throw noImage(spec);
  refuseFiles(spec);
  const app = spec.metadata;
  const written = fieldsOf(spec);
  const references = [...referencesOf(written), ...secretsOf(run.env)];
  const content = await readContent(context, app, references);
  const env = [...((written.env as Json[] | undefined) ?? []), ...secretVariables(run.env, content)];
  const fields = { ...written, ...(env.length > 0 ? { env } : {}) };
  const files = Object.entries(run.configFiles).map(([path, file]): [string, string] => [
    path,
    'content' in file ? file.content : '',
  ]);
  const made = runSpecOf(spec, image, fields, content, files);
  if (!dryRun) {
    const owner = await context.ownerOf(app);
    await storeCopies(context, app, content, owner);
    await storeFiles(context, app, made, files, owner);
  }
  return made;
}

function runSpecOf(
  { spec }: AppSpec,
  image: string,
  fields: Json,
  content: Content,
  files: [string, string][],
): RunSpec {
  const { run, port, health } = spec;
  const digest = /@(sha256:[0-9a-f]{64})$/.exec(image)?.[1];
  const pod: PodSpec = {
    ...(port === undefined ? {} : { port }),
    fields,
    content: Object.fromEntries([...content].map(([key, one]) => [key, one.digest])),
  };
  return {
    artifact: { kind: 'image', reference: image, ...(digest === undefined ? {} : { digest }) },
    command: run.command,
    env: Object.fromEntries(
      Object.entries(run.env).filter(([, value]) => typeof value === 'string'),
    ) as Record<string, string>,
    secretEnv: Object.fromEntries(
      Object.entries(run.env).flatMap(([name, value]) =>
        typeof value === 'object' && 'secret' in value
          ? [[name, { secret: value.secret, hmac: pod.content[contentKey('secret', value.secret)] ?? '' }]]
          : [],
      ),
    ),
    configFiles: Object.fromEntries(files.map(([path, text]) => [path, sha256(text)])),
    ...(run.user === undefined ? {} : { user: run.user }),
    ...(run.workingDir === undefined ? {} : { workingDir: run.workingDir }),
    hasPort: port !== undefined,
    health,
    pod,
  };
}

/** What of spec.kubernetes shapes a pod; the rest are settings. */
function fieldsOf({ spec: { kubernetes } }: AppSpec): Json {
  const {
    router: _router,
    parentRefs: _parents,
    httpRoute: _route,
    ingressClassName: _class,
    ingress: _ingress,
    service: _service,
    deployment: _deployment,
    podDisruptionBudget: _budget,
    ...fields
  } = kubernetes ?? {};
  const given = Object.entries(fields).filter(
    ([, value]) => value !== undefined && !(Array.isArray(value) && value.length === 0),
  );
  return Object.fromEntries(given);
}

function noImage({ metadata }: AppSpec): OperatingError {
  return new OperatingError('E_IMAGE_MISSING', `${metadata.name} has no spec.image: a cluster runs images`, {
    hint: 'add image: registry.example.com/shop:1.0; spec.source is for one machine',
  });
}

/** @throws OperatingError E_CLUSTER_FILES, E_CLUSTER_USER */
function refuseFiles({ spec: { run } }: AppSpec): void {
  const named = [
    ...run.envFiles.map((file) => ['spec.run.envFiles', file]),
    ...Object.entries(run.env).flatMap(([name, value]) =>
      typeof value === 'object' && 'fromFile' in value ? [[`spec.run.env.${name}`, value.fromFile]] : [],
    ),
    ...Object.entries(run.configFiles).flatMap(([name, file]) =>
      'fromFile' in file ? [[`spec.run.configFiles["${name}"]`, file.fromFile]] : [],
    ),
  ];
  const [first] = named;
  if (first) {
    const message = `${first[0]} names ${first[1]}: a cluster has no files of the machine that the App was written on`;
    throw new OperatingError('E_CLUSTER_FILES', message, {
      hint: 'write the content into the App, or make a ConfigMap and name it in spec.kubernetes.envFrom or volumes',
    });
  }
  if (run.user !== undefined && !/^\d+$/.test(run.user)) {
    throw new OperatingError('E_CLUSTER_USER', `spec.run.user: expected a user id, found ${run.user}`, {
      hint: 'names are those of one machine; write the number that the image has for it',
    });
  }
}

function secretsOf(env: AppSpec['spec']['run']['env']): Reference[] {
  return secretValues(env).map(([, name]) => ({ kind: 'secret', name, optional: false }));
}

function secretValues(env: Record<string, EnvValue>): [string, string][] {
  return Object.entries(env).flatMap(([name, value]): [string, string][] =>
    typeof value === 'object' && 'secret' in value ? [[name, value.secret]] : [],
  );
}

/** `{ secret: NAME }`: the entry that is called as the variable, or the only one. */
function secretVariables(env: Record<string, EnvValue>, content: Content): Json[] {
  return secretValues(env).map(([variable, name]) => {
    const keys = Object.keys(content.get(contentKey('secret', name))?.object.data ?? {});
    const key = keys.includes(variable) ? variable : keys.length === 1 ? keys[0] : undefined;
    if (key === undefined) {
      const found = keys.length === 0 ? 'it has none' : `it has ${keys.sort().join(', ')}`;
      throw new OperatingError(
        'E_SECRET_MISSING',
        `spec.run.env.${variable}: Secret ${name} has no entry ${variable}: ${found}`,
        { hint: 'name the entry in spec.kubernetes.env with valueFrom.secretKeyRef' },
      );
    }
    return { name: variable, valueFrom: { secretKeyRef: { name, key } } };
  });
}

async function readContent(
  { kube, contentKey: key }: PrepareContext,
  app: AppName,
  references: readonly Reference[],
): Promise<Content> {
  const content: Content = new Map();
  for (const reference of references) {
    const { kind, name, optional } = reference;
    if (content.has(contentKey(kind, name))) continue;
    const object =
      kind === 'secret'
        ? await kube.get(SECRETS, app.namespace, name)
        : await kube.get(CONFIG_MAPS, app.namespace, name);
    if (object)
      content.set(contentKey(kind, name), { reference, object, digest: digestOf(kind, object, key) });
    else if (!optional) throw absent(app, reference);
  }
  return content;
}

function absent(app: AppName, { kind, name }: Reference): OperatingError {
  const what = kind === 'secret' ? 'Secret' : 'ConfigMap';
  const code = kind === 'secret' ? 'E_SECRET_MISSING' : 'E_CONFIG_MAP_MISSING';
  return new OperatingError(
    code,
    `there is no ${what} ${name} in ${app.namespace}, which ${app.name} names`,
    {
      hint: `create it, or write optional: true where it is named`,
    },
  );
}

/** Of a Secret a keyed digest: it can be seen, and must not tell a short value to whoever guesses. */
function digestOf(kind: ContentKind, object: ConfigMap & Secret, key: Buffer): string {
  const { data = {}, binaryData = {}, type } = object;
  const text = canonicalJson({ data, binaryData, ...(kind === 'secret' ? { type } : {}) });
  return kind === 'secret' ? createHmac('sha256', key).update(text).digest('hex') : sha256(text);
}

function sha256(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}

async function storeCopies(
  { kube }: PrepareContext,
  app: AppName,
  content: Content,
  owner: OwnerReference | undefined,
): Promise<void> {
  for (const { reference, object, digest } of content.values()) {
    const { kind, name } = reference;
    const metadata = metadataOf(app, copyName(app.name, kind, name, digest), kind, owner);
    const { data, binaryData, type } = object as ConfigMap & Secret;
    // First: a Secret without it would never be found again.
    if (kind === 'secret') await once(() => kube.create(CONFIG_MAPS, { metadata, immutable: true }));
    if (kind === 'secret')
      await once(() =>
        kube.create(SECRETS, {
          metadata,
          immutable: true,
          ...(data ? { data } : {}),
          // A token of a service account would be made anew for the copy.
          type: type === 'kubernetes.io/service-account-token' ? 'Opaque' : (type ?? 'Opaque'),
        }),
      );
    else
      await once(() =>
        kube.create(CONFIG_MAPS, {
          metadata,
          immutable: true,
          ...(data ? { data } : {}),
          ...(binaryData ? { binaryData } : {}),
        }),
      );
  }
}

async function storeFiles(
  { kube }: PrepareContext,
  app: AppName,
  run: RunSpec,
  files: [string, string][],
  owner: OwnerReference | undefined,
): Promise<void> {
  const name = filesName(app.name, run.configFiles);
  if (name === undefined) return;
  const data = Object.fromEntries(files.map(([path, text]) => [fileKey(path), text]));
  await once(() =>
    kube.create(CONFIG_MAPS, { metadata: metadataOf(app, name, 'configmap', owner), immutable: true, data }),
  );
}

function metadataOf(app: AppName, name: string, kind: ContentKind, owner: OwnerReference | undefined) {
  return {
    namespace: app.namespace,
    name,
    labels: { ...appLabels(app.name), [CONTENT_LABEL]: kind },
    ...(owner ? { ownerReferences: [owner] } : {}),
  };
}

/** Of copies, and of what stands for the copy of a Secret: what a sweep looks through. */
export const CONTENT_LABEL = 'crossfade.dev/content';

/** The name says the content: one that is there already is the same. */
async function once(create: () => Promise<unknown>): Promise<void> {
  try {
    await create();
  } catch (error) {
    if (!isKubeError(error, 409) || error.code !== 'E_CLUSTER_EXISTS') throw error;
  }
}

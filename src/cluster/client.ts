import type { AppRef, Client } from '../api/client.ts';
import type { ApplyRequest, ApplyResponse, AppView, EnvRequest, ScaleRequest } from '../api/types.ts';
import { OperatingError } from '../core/errors.ts';
import type { Kube } from '../kubernetes/client.ts';
import { APPS, type AppResource } from '../kubernetes/crossfade.ts';
import { appNotFound } from '../server/errors.ts';
import { applyApp } from './apply-app.ts';
import { untilTaken } from './taken.ts';

/** Which Apps a reading client is for: one, those of a namespace, or all. */
export interface ClientScope {
  namespace?: string;
  name?: string;
}

export interface ClusterClientDeps {
  kube: Kube;
  /** The user, as the cluster knows it. */
  actor(): Promise<string>;
  /** A client that reads Apps and records commands. */
  open(scope: ClientScope): Promise<Client>;
}

/**
 * The API's client for a cluster. Apps and commands are objects there, written with the user's own rights; everything is read
 * from them by the code that the daemon uses.
 */
export function createClusterClient(deps: ClusterClientDeps): Client {
  const { kube } = deps;
  const opened = new Map<string, Promise<Client>>();
  const on = (scope: ClientScope): Promise<Client> => {
    const key = `${scope.namespace ?? ''}/${scope.name ?? ''}`;
    const client = opened.get(key) ?? deps.open(scope);
    opened.set(key, client);
    return client;
  };
  return {
    health: async () => ({ status: 'ok', problems: [] }),
    version: async () => (await on({})).version(),
    apps: async (namespace) => (await on(namespace === undefined ? {} : { namespace })).apps(namespace),
    app: (ref) => readApp(kube, () => on(ref), ref),
    apply: (ref, request) => apply(deps, () => on(ref), ref, request),
    remove: (ref) => remove(kube, ref),
    scale: (ref, request) => scale(deps, () => on(ref), ref, request),
    setEnv: (ref, request) => changeSpec(deps, () => on(ref), ref, { run: { env: changedEnv(request) } }),
    setImage: (ref, { image }) => changeSpec(deps, () => on(ref), ref, { image }),
    ...ofTaken(kube, on),
    plan: async (ref, request) => (await on(ref)).plan(ref, withoutPlace(request)),
    async *logs(ref, query) {
      yield* (await on(ref)).logs(ref, query);
    },
    async *watch(query = {}) {
      const { namespace, app: name } = query;
      const scope = {
        ...(namespace === undefined ? {} : { namespace }),
        ...(name === undefined ? {} : { name }),
      };
      yield* (await on(scope)).watch(query);
    },
    audit: async (query = {}) => (await on({})).audit(query),
    secrets: refused('secrets'),
    putSecret: refused('secrets'),
    removeSecret: refused('secrets'),
    stopDaemon: refused('a daemon'),
    tokens: refused('tokens'),
    createToken: refused('tokens'),
    revokeToken: refused('tokens'),
    async close() {
      const clients = await Promise.allSettled(opened.values());
      await Promise.all(clients.map((one) => (one.status === 'fulfilled' ? one.value.close() : undefined)));
    },
  };
}

function refused(what: string): () => Promise<never> {
  return async () => {
    throw new OperatingError('E_NOT_IN_CLUSTER', `A cluster has no ${what} of Crossfade's own.`, {
      hint: 'Use those of Kubernetes: kubectl create secret, kubectl create rolebinding.',
    });
  };
}

function withoutPlace({ baseDir: _here, ...request }: ApplyRequest): ApplyRequest {
  return request;
}

type Reader = () => Promise<Client>;

async function apply(
  { kube, actor }: ClusterClientDeps,
  reader: Reader,
  ref: AppRef,
  request: ApplyRequest,
): Promise<ApplyResponse> {
  const before = await kube.get(APPS, ref.namespace, ref.name);
  const after = await applyApp(kube, {
    ref,
    document: request.app,
    actor: await actor(),
    dryRun: request.dryRun === true,
  });
  const result = changeOf(before, after);
  if (request.dryRun)
    return { result, message: 'the API server would take it', app: bareView(after, 'not stored: a dry run') };
  const taken = await untilTaken(kube, after);
  const app = await readApp(kube, reader, ref);
  if (!taken) return { result, message: NOBODY, app };
  return answerOf(app, taken, result);
}

/** An App that no controller has taken up is there all the same, and kubectl shows it. */
async function readApp(kube: Kube, reader: Reader, ref: AppRef): Promise<AppView> {
  try {
    return await (await reader()).app(ref);
  } catch (error) {
    const found = await untaken(kube, ref, error);
    if (!found) throw error;
    return bareView(found, NOBODY);
  }
}

/** What there is of an App once it was taken up. @throws OperatingError E_NO_CONTROLLER */
function ofTaken(
  kube: Kube,
  on: (ref: AppRef) => Promise<Client>,
): Pick<Client, 'command' | 'revisions' | 'releases' | 'replicas' | 'events'> {
  const asked = async <T>(ref: AppRef, work: (client: Client) => Promise<T>): Promise<T> => {
    try {
      return await work(await on(ref));
    } catch (error) {
      if (!(await untaken(kube, ref, error))) throw error;
      const message = `App ${ref.namespace}/${ref.name} is stored, and no controller has taken it up yet.`;
      throw new OperatingError('E_NO_CONTROLLER', message, {
        hint: '`crossfade doctor` with the same flags says why',
      });
    }
  };
  return {
    command: (ref, request) => asked(ref, (client) => client.command(ref, request)),
    revisions: (ref) => asked(ref, (client) => client.revisions(ref)),
    releases: (ref) => asked(ref, (client) => client.releases(ref)),
    replicas: (ref) => asked(ref, (client) => client.replicas(ref)),
    events: (ref, query) => asked(ref, (client) => client.events(ref, query)),
  };
}

async function untaken(kube: Kube, ref: AppRef, error: unknown): Promise<AppResource | undefined> {
  const isMissing = error instanceof OperatingError && error.code === 'E_APP_NOT_FOUND';
  return isMissing ? kube.get(APPS, ref.namespace, ref.name) : undefined;
}

const NOBODY = 'stored; no controller has taken it up yet: see `crossfade doctor` with the same flags';

function changeOf(before: AppResource | undefined, after: AppResource): ApplyResponse['result'] {
  if (!before) return 'created';
  return before.metadata.generation === after.metadata.generation ? 'unchanged' : 'configured';
}

/** The revision that was asked for may be one that failed before. */
function answerOf(app: AppView, taken: { revision: string }, result: ApplyResponse['result']): ApplyResponse {
  const held = app.status.heldRevisions.find((entry) => entry.revision === taken.revision);
  if (!held) return { result, message: app.status.message, app };
  const retry = `\`crossfade rollout retry ${app.metadata.name}\` tries it again`;
  const message = `revision ${taken.revision} is held and not started by itself: ${held.reason.message}. ${retry}`;
  return { result: 'held', message, app };
}

/** What the API server stores, before anything is decided about it. */
function bareView({ metadata, spec }: AppResource, message: string): AppView {
  const { name = '', namespace = '', generation = 0, labels = {}, annotations = {} } = metadata;
  return {
    apiVersion: 'crossfade.dev/v1',
    kind: 'App',
    metadata: { name, namespace, generation, labels, annotations },
    spec,
    status: {
      phase: 'Pending',
      message,
      observedGeneration: 0,
      url: null,
      previewUrl: null,
      replicas: 0,
      readyReplicas: 0,
      updatedReplicas: 0,
      stableRevision: null,
      stableRevisionNumber: null,
      candidateRevision: null,
      candidateRevisionNumber: null,
      liveColour: null,
      route: [],
      warmUntil: null,
      heldRevisions: [],
      release: null,
      lastRelease: null,
    },
  };
}

async function remove(kube: Kube, { namespace, name }: AppRef): Promise<void> {
  const found = await kube.get(APPS, namespace, name);
  if (!found) throw appNotFound(`${namespace}/${name}`);
  const { uid } = found.metadata;
  await kube.delete(APPS, namespace, name, uid === undefined ? {} : { uid });
}

async function scale(
  { kube }: ClusterClientDeps,
  reader: Reader,
  { namespace, name }: AppRef,
  { replicas }: ScaleRequest,
): Promise<ApplyResponse> {
  const before = await existing(kube, { namespace, name });
  // By the subresource that autoscalers use, for which a right of its own can be given.
  await kube.patch(APPS, namespace, name, { spec: { replicas } }, 'scale');
  return changed(kube, reader, before);
}

async function changeSpec(
  { kube }: ClusterClientDeps,
  reader: Reader,
  ref: AppRef,
  spec: object,
): Promise<ApplyResponse> {
  const before = await existing(kube, ref);
  await kube.patch(APPS, ref.namespace, ref.name, { spec });
  return changed(kube, reader, before);
}

function changedEnv({ set, unset }: EnvRequest): object {
  return { ...set, ...Object.fromEntries(unset.map((variable) => [variable, null])) };
}

async function existing(kube: Kube, { namespace, name }: AppRef): Promise<AppResource> {
  const found = await kube.get(APPS, namespace, name);
  if (!found) throw appNotFound(`${namespace}/${name}`);
  return found;
}

async function changed(kube: Kube, reader: Reader, before: AppResource): Promise<ApplyResponse> {
  const { namespace = '', name = '' } = before.metadata;
  const after = await existing(kube, { namespace, name });
  const taken = await untilTaken(kube, after);
  const app = await readApp(kube, reader, { namespace, name });
  const result = changeOf(before, after);
  return taken ? answerOf(app, taken, result) : { result, message: NOBODY, app };
}

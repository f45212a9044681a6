import { OperatingError } from '../../core/errors.ts';
import type { AppKey, Ms, ReplicaId, RouterView } from '../../core/model.ts';
import { FIELD_MANAGER, type Kube } from '../client.ts';
import { createInformer, type Informer } from '../informer.ts';
import { APP_LABEL, IN_ROUTE_LABEL, LEFT_ANNOTATION } from '../names.ts';
import { pathOf } from '../types.ts';
import { type ContainerStatus, PODS, type Pod } from '../workloads.ts';
import { watcherContainer, watcherName } from './drain-watch.ts';

export interface LeavingOptions {
  kube: Kube;
  /** Only this one is looked at; absent: all of them. */
  namespace?: string;
  now: () => Ms;
  /** Of the container that looks for open connections; absent: nobody looks. */
  watcherImage?: string;
  logger?: { warn(what: object, text: string): void };
}

type Watched = 'not' | 'begins' | 'serves' | 'quiet' | 'failed';

interface LeavingPod {
  app: AppKey;
  namespace: string;
  name: ReplicaId;
  uid: string;
  /** Generation of the first table without it. */
  left: string;
  /** It pauses between leaving and TERM: what it is answering then may end. */
  pauses: boolean;
  deleting: boolean;
  watched: Watched;
}

/** The watcher's last words are read again after this long. */
const COUNT_EVERY_MS = 500;
const IMAGE_FAILURES = /^(ErrImage|ImagePull|InvalidImage|ImageInspect|CreateContainer|RunContainer)/;

/** Pods that are out of the route and not stopped: who of them may still be answering somebody. */
export class Leaving {
  readonly synced: Promise<unknown>;
  readonly #options: LeavingOptions;
  readonly #pods: Informer<Pod, LeavingPod>;
  readonly #deadlines = new Map<string, { at: Ms; timer: NodeJS.Timeout }>();
  readonly #counts = new Map<string, { open: number; at: Ms }>();
  readonly #failed = new Set<string>();
  readonly #listeners = new Set<(app: AppKey) => void>();

  constructor(options: LeavingOptions) {
    this.#options = options;
    const { kube, namespace, logger } = options;
    this.#pods = createInformer<Pod, LeavingPod>(kube, PODS, {
      ...(namespace === undefined ? {} : { namespace }),
      labelSelector: `${APP_LABEL},${IN_ROUTE_LABEL}=false`,
      keep: leavingPod,
      groups: ({ app }) => [app],
      onTrouble: (err) => logger?.warn({ err }, 'the watch of leaving pods broke off; it is taken up again'),
    });
    this.#pods.onChange(({ now, before }) => {
      if (!now && before) this.#forget(before.uid);
      this.#tell((now ?? before)?.app ?? '');
    });
    this.synced = this.#pods.synced;
  }

  /** Our own writes, as the server answered them. */
  saw(pods: readonly Pod[]): void {
    for (const pod of pods) if (pod.metadata.labels?.[IN_ROUTE_LABEL] === 'false') this.#pods.saw(pod);
  }

  /** Puts a watcher beside the pod; harmless when there is one. What fails is told once, and then nobody looks. */
  async watch(app: AppKey, replica: ReplicaId, left: number, port: number): Promise<void> {
    const { kube, watcherImage, logger } = this.#options;
    const [namespace = ''] = app.split('/');
    if (watcherImage === undefined) return;
    const pod = await kube.get(PODS, namespace, replica);
    if (!pod || pod.metadata.deletionTimestamp !== undefined || hasWatcher(pod, String(left))) return;
    try {
      const watched = await kube.request<Pod>({
        method: 'PATCH',
        path: pathOf(PODS, namespace, replica, 'ephemeralcontainers'),
        query: { fieldManager: FIELD_MANAGER },
        contentType: 'application/strategic-merge-patch+json',
        body: { spec: { ephemeralContainers: [watcherContainer(String(left), watcherImage, port)] } },
        doing: `looking for open connections of pod ${replica} in ${namespace}`,
      });
      this.saw([watched]);
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
      this.#failed.add(pod.metadata.uid ?? '');
      logger?.warn({ app, code: error.code }, `${error.message}; the pod is given its time to drain instead`);
    }
  }

  /** From then on a pod that nobody can look into counts as drained. */
  drain(app: AppKey, replica: ReplicaId, deadline: Ms): void {
    const pod = this.#pods.group(app).find(({ name }) => name === replica);
    if (!pod || this.#deadlines.has(pod.uid)) return;
    const timer = setTimeout(() => this.#tell(app), Math.max(0, deadline - this.#options.now()) + 1);
    timer.unref();
    this.#deadlines.set(pod.uid, { at: deadline, timer });
  }

  /** Connections that are open, or 1 where there may be some. */
  async inFlight(app: AppKey, perConnection: boolean): Promise<Record<ReplicaId, number>> {
    // A pod that was not seen yet would count as one that nobody is connected to.
    await this.synced;
    const found: Record<ReplicaId, number> = {};
    for (const pod of this.#pods.group(app)) {
      if (pod.deleting) continue;
      const open = perConnection ? await this.#connections(pod) : Number(!pod.pauses && !this.#isOver(pod));
      if (open > 0) found[pod.name] = open;
    }
    return found;
  }

  /** Somebody may have connections that nobody can see, or nobody has looked at yet. */
  unseen(app: AppKey): RouterView['connectionsUnseen'] {
    const all = this.#pods.group(app).flatMap((pod) => (pod.deleting ? [] : [this.#watched(pod)]));
    if (all.includes('not')) return 'never';
    return all.includes('begins') ? 'yet' : undefined;
  }

  onChange(listener: (app: AppKey) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#pods.close();
    this.#listeners.clear();
    for (const { timer } of this.#deadlines.values()) clearTimeout(timer);
  }

  async #connections(pod: LeavingPod): Promise<number> {
    switch (this.#watched(pod)) {
      case 'quiet':
        return 0;
      case 'begins':
        return 1;
      case 'serves':
        return Math.max(1, await this.#count(pod));
      case 'not':
      case 'failed':
        return Number(!this.#isOver(pod));
    }
  }

  #watched(pod: LeavingPod): Watched {
    return pod.watched === 'failed' || this.#failed.has(pod.uid) ? 'not' : pod.watched;
  }

  #isOver({ uid }: LeavingPod): boolean {
    const deadline = this.#deadlines.get(uid);
    return deadline !== undefined && this.#options.now() >= deadline.at;
  }

  async #count({ uid, namespace, name, left }: LeavingPod): Promise<number> {
    const last = this.#counts.get(uid);
    const now = performance.now();
    if (last && now - last.at < COUNT_EVERY_MS) return last.open;
    let open = last?.open ?? 1;
    try {
      const lines = await this.#options.kube.lines({
        method: 'GET',
        path: pathOf(PODS, namespace, name, 'log'),
        query: { container: watcherName(left), tailLines: 1 },
        accept: '*/*',
        doing: `reading how many connections pod ${name} has`,
      });
      for await (const line of lines) open = Number(line) || 0;
    } catch (error) {
      // It has said nothing yet, or the pod is on its way out: what was known last is what is known.
      if (!(error instanceof OperatingError)) throw error;
    }
    this.#counts.set(uid, { open, at: now });
    return open;
  }

  #forget(uid: string): void {
    clearTimeout(this.#deadlines.get(uid)?.timer);
    this.#deadlines.delete(uid);
    this.#counts.delete(uid);
    this.#failed.delete(uid);
  }

  #tell(app: AppKey): void {
    for (const listener of this.#listeners) listener(app);
  }
}

function hasWatcher({ spec }: Pod, left: string): boolean {
  return spec?.ephemeralContainers?.some(({ name }) => name === watcherName(left)) ?? false;
}

function leavingPod(pod: Pod): LeavingPod {
  const { metadata, spec = {}, status = {} } = pod;
  const left = metadata.annotations?.[LEFT_ANNOTATION] ?? '';
  const found = status.ephemeralContainerStatuses?.find(({ name }) => name === watcherName(left));
  return {
    app: `${metadata.namespace}/${metadata.labels?.[APP_LABEL]}`,
    namespace: metadata.namespace ?? '',
    name: metadata.name ?? '',
    uid: metadata.uid ?? '',
    left,
    pauses: spec.containers?.some(({ lifecycle }) => lifecycle?.preStop !== undefined) ?? false,
    deleting: metadata.deletionTimestamp !== undefined,
    watched: hasWatcher(pod, left) ? watchedBy(found) : 'not',
  };
}

function watchedBy(status: ContainerStatus | undefined): Watched {
  const { running, terminated, waiting } = status?.state ?? {};
  if (terminated) return terminated.exitCode === 0 ? 'quiet' : 'failed';
  if (running) return 'serves';
  return waiting?.reason !== undefined && IMAGE_FAILURES.test(waiting.reason) ? 'failed' : 'begins';
}

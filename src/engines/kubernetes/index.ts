import type { AppKey, Pool, PoolId, Replica, ReplicaId, Revision, RunSpec } from '../../core/model.ts';
import type { Kube } from '../../kubernetes/client.ts';
import { createInformer, type Informer } from '../../kubernetes/informer.ts';
import { APP_LABEL, type AppName, appNameOf } from '../../kubernetes/names.ts';
import type { OwnerReference } from '../../kubernetes/types.ts';
import { DEPLOYMENTS, type Deployment, PODS, type Pod } from '../../kubernetes/workloads.ts';
import type { ActionContext, Engine, LogLine, LogQuery, PrepareOptions } from '../../ports/engine.ts';
import type { AppSpec } from '../../spec/app.ts';
import { type Changes, createChanges } from '../changes.ts';
import { createTurns } from '../turns.ts';
import { queryLogs } from './logs.ts';
import { Memory } from './memory.ts';
import { type Cluster, forget, grow, observedAgain, setBudget, staleWriter, stop } from './mutate.ts';
import { prepare } from './prepare.ts';
import { type SeenPod, type SeenPool, seenPod, seenPool } from './seen.ts';
import { sweep } from './sweep.ts';
import { absentReplica, replicaOf } from './view.ts';

export interface KubernetesEngineOptions {
  kube: Kube;
  /** Only this one is looked at; absent: all of them. */
  namespace?: string;
  /** The App object that everything of it belongs to, so that it goes with it. */
  ownerOf(app: AppName): Promise<OwnerReference | undefined>;
  /** Of this installation, at least 32 bytes: digests of Secrets are made with it. */
  contentKey: Buffer;
  logger?: { warn(what: object, text: string): void };
}

/** Runs replicas as pods: one Deployment per pool. Resolves once all that is there has been seen. */
export async function createKubernetesEngine(options: KubernetesEngineOptions): Promise<Engine> {
  const engine = new KubernetesEngine(options);
  await engine.synced;
  return engine;
}

class KubernetesEngine implements Engine {
  readonly name = 'kubernetes';
  readonly onChange: Engine['onChange'];
  readonly synced: Promise<unknown>;
  readonly #options: KubernetesEngineOptions;
  readonly #pods: Informer<Pod, SeenPod>;
  readonly #pools: Informer<Deployment, SeenPool>;
  readonly #memory: Memory;
  readonly #changes: Changes = createChanges();
  readonly #turns = createTurns();
  readonly #closing = new AbortController();
  /** Of each App the newest state that asked for something. */
  readonly #newest = new Map<AppKey, number>();
  /** What was last written as a budget. */
  readonly #budgets = new Map<AppKey, string>();

  constructor(options: KubernetesEngineOptions) {
    this.#options = options;
    this.onChange = this.#changes.onChange;
    const { kube, namespace, logger } = options;
    const common = {
      ...(namespace === undefined ? {} : { namespace }),
      labelSelector: APP_LABEL,
      groups: ({ app }: { app: AppKey }) => [app],
      onTrouble: (err: unknown) =>
        logger?.warn({ err }, 'a watch of the cluster broke off; it is taken up again'),
    };
    this.#memory = new Memory(kube, this.#changes.changed);
    this.#pods = createInformer(kube, PODS, { ...common, keep: seenPod });
    this.#pools = createInformer(kube, DEPLOYMENTS, { ...common, keep: seenPool });
    this.#pods.onChange(({ now, before }) => {
      if (now) this.#memory.note(now);
      else if (before) this.#memory.forget(before.uid);
      this.#changes.changed((now ?? before)?.app ?? '');
    });
    this.#pools.onChange(({ now, before }) => this.#changes.changed((now ?? before)?.app ?? ''));
    this.synced = Promise.all([this.#pods.synced, this.#pools.synced]);
  }

  prepare(spec: AppSpec, { dryRun }: PrepareOptions): Promise<RunSpec> {
    const { namespace, name } = spec.metadata;
    return this.#act(`prepare ${namespace}/${name}`, () => prepare(this.#options, spec, dryRun));
  }

  grow(ctx: ActionContext, pool: Pool, revision: Revision, spec: AppSpec, replicas: number): Promise<void> {
    return this.#mutate(ctx, async (cluster) => {
      await this.#budget(cluster, ctx.app, spec);
      await grow(cluster, ctx, { pool, revision, spec, replicas });
    });
  }

  stop(ctx: ActionContext, replica: ReplicaId, graceMs: number): Promise<void> {
    return this.#mutate(ctx, (cluster) => stop(cluster, ctx, replica, graceMs));
  }

  forget(ctx: ActionContext, pool: PoolId): Promise<void> {
    return this.#mutate(ctx, (cluster) => forget(cluster, ctx, pool));
  }

  async list(app: AppKey): Promise<Replica[]> {
    this.#closing.signal.throwIfAborted();
    const pools = new Map(this.#pools.group(app).map((pool) => [pool.pool, pool]));
    const pods = this.#pods.group(app).filter((pod) => !(pod.ended && pod.deleting));
    const replicas = pods.map((pod) => {
      this.#memory.look(pod);
      return replicaOf(pod, pools.get(pod.pool), this.#memory.of(pod.uid));
    });
    return [...replicas, ...[...pools.values()].flatMap((pool) => this.#absent(pool, pods))].sort((a, b) =>
      a.id < b.id ? -1 : 1,
    );
  }

  logs(query: LogQuery): AsyncIterable<LogLine> {
    const chosen = () =>
      this.#pods
        .group(query.app)
        .filter(
          ({ name, pool }) =>
            (query.replica === undefined || query.replica === name) &&
            (query.pool === undefined || query.pool === pool),
        );
    const source = {
      kube: this.#options.kube,
      namespace: appNameOf(query.app).namespace,
      pods: () =>
        chosen().map(({ name, container, state, restarts }) => ({
          name,
          container,
          hasStarted: state.running !== undefined || state.terminated !== undefined || restarts > 0,
          isGone: false,
        })),
      changed: (signal: AbortSignal) => this.#nextChange(query.app, signal),
      closing: this.#closing.signal,
    };
    return queryLogs(source, query);
  }

  sweep(inUse: () => Promise<ReadonlyMap<AppKey, readonly Revision[]>>): Promise<void> {
    return this.#act('sweep', () => sweep(this.#options, inUse));
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort(new Error('the Kubernetes engine is closed'));
    // First: whoever is told of a change asks, and nothing is answered any more.
    this.#changes.close();
    this.#pods.close();
    this.#pools.close();
    this.#memory.close();
    await this.#turns.settled();
  }

  /** Pods that a pool wants and does not have. */
  #absent(pool: SeenPool, pods: readonly SeenPod[]): Replica[] {
    const living = pods.filter(
      (pod) => pod.pool === pool.pool && !pod.deleting && !pool.stopping.includes(pod.name),
    );
    const missing = Math.max(0, pool.replicas - living.length);
    return Array.from({ length: missing }, (_, index) => absentReplica(pool, index + 1, Date.now()));
  }

  /** Written when it differs from what this process wrote last. */
  async #budget(cluster: Cluster, app: AppKey, spec: AppSpec): Promise<void> {
    const budget = JSON.stringify(spec.spec.kubernetes?.podDisruptionBudget ?? null);
    const last = this.#budgets.get(app);
    if (last === undefined && budget === 'null') return;
    // That of an App which is gone goes with it.
    const wanted = `${(await cluster.ownerOf(appNameOf(app)))?.uid} ${budget}`;
    if (last === wanted) return;
    await setBudget(cluster, appNameOf(app), spec);
    this.#budgets.set(app, wanted);
  }

  #nextChange(app: AppKey, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const off = this.onChange((changed) => changed === app && resolve());
    const end = () => resolve();
    signal.addEventListener('abort', end);
    return promise.finally(() => {
      off();
      signal.removeEventListener('abort', end);
    });
  }

  #mutate(ctx: ActionContext, work: (cluster: Cluster) => Promise<void>): Promise<void> {
    return this.#act(ctx.app, () => {
      const newest = this.#newest.get(ctx.app) ?? 0;
      if (ctx.stateVersion < newest) throw staleWriter(ctx, newest);
      this.#newest.set(ctx.app, ctx.stateVersion);
      const { kube, ownerOf } = this.#options;
      const saw = (object: Deployment) => this.#pools.saw(object);
      return observedAgain(() => work({ kube, ownerOf, saw }));
    });
  }

  /** In turn per key, never after close. */
  async #act<T>(key: string, work: () => Promise<T>): Promise<T> {
    this.#closing.signal.throwIfAborted();
    return this.#turns.take(key, work);
  }
}

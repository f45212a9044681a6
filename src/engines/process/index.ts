import path from 'node:path';
import type { Remembered } from '../../core/decide/catch-up.ts';
import type {
  AppKey,
  Ms,
  Pool,
  PoolId,
  Replica,
  ReplicaId,
  Revision,
  RevisionId,
  RunSpec,
} from '../../core/model.ts';
import { revisionIdOf } from '../../core/revision.ts';
import type { ActionContext, Engine, LogLine, LogQuery, PrepareOptions } from '../../ports/engine.ts';
import type { AppSpec } from '../../spec/app.ts';
import { type Changes, createChanges } from '../changes.ts';
import { createTurns } from '../turns.ts';
import { endStrays, findReplicas } from './adopt.ts';
import type { EngineContext } from './context.ts';
import { makeFolders, removeTemporaries } from './durable.ts';
import { explained } from './failures.ts';
import { layoutOf } from './layout.ts';
import { queryLogs } from './logs/follow.ts';
import { keptLogs } from './logs/kept.ts';
import { limitsOf, type ProcessEngineOptions } from './options.ts';
import { createPorts, defaultRange } from './ports.ts';
import { prepare } from './prepare/prepare.ts';
import { Replicas } from './replicas.ts';
import { readOrCreate } from './secret-files.ts';
import { sweep } from './sweep.ts';
import { createTrees } from './tree.ts';

export type { ProcessEngineOptions } from './options.ts';

const LOOK_AT_LOGS_EVERY_MS = 500;
/** So long a prepared revision is kept though nothing uses it: its apply may still be under way. */
const PREPARED_KEPT_MS = 10 * 60_000;
const INSTALLATION_ID_BYTES = 12;
const QUIET = { info: () => undefined, warn: () => undefined };

/**
 * Runs replicas as processes of this machine. Takes over what an earlier engine with the same state folder left: adopts
 * what is alive, starts what is missing, ends what belongs to nothing.
 * @throws OperatingError E_DISK_FULL, E_STATE_READ_ONLY, E_STATE_CORRUPT
 */
export async function createProcessEngine(options: ProcessEngineOptions): Promise<Engine> {
  const stateDir = path.resolve(options.stateDir);
  const layout = layoutOf(stateDir);
  try {
    await makeFolders(stateDir);
    const installation = (
      await readOrCreate(layout.installationId, INSTALLATION_ID_BYTES, stateDir)
    ).toString('hex');
    for (const folder of [layout.snapshots, layout.revisions, layout.files, layout.captured])
      await removeTemporaries(folder);
    return await startEngine(options, layout, installation);
  } catch (error) {
    throw explained(error, 'starting the process engine', stateDir);
  }
}

async function startEngine(
  options: ProcessEngineOptions,
  layout: EngineContext['layout'],
  installation: string,
): Promise<Engine> {
  const limits = limitsOf(options.limits, path.dirname(process.execPath));
  const changes = createChanges();
  const context: EngineContext = {
    layout,
    limits,
    clock: options.clock,
    now: options.now ?? (() => options.clock.wall()),
    bootId: options.bootId,
    logger: options.logger ?? QUIET,
    ports: createPorts(limits.ports ?? defaultRange()),
    trees: createTrees(layout, options.bootId),
    ownerOf: ({ app, replica }) => `${installation}:${app}/${replica}`,
    changed: changes.changed,
  };
  const replicas = new Replicas(context);
  const found = await findReplicas(context, replicas.remove);
  const adopted = found.filter(({ beginning }) => beginning.kind !== 'start');
  await endStrays(
    context,
    installation,
    new Set(adopted.map(({ supervisor }) => context.ownerOf(supervisor.intent))),
  );
  for (const { supervisor, beginning } of found) {
    replicas.add(supervisor);
    supervisor.begin(beginning);
  }
  return new ProcessEngine({ context, options, replicas, changes, installation });
}

interface Parts {
  context: EngineContext;
  options: ProcessEngineOptions;
  replicas: Replicas;
  changes: Changes;
  installation: string;
}

class ProcessEngine implements Engine {
  readonly name = 'process';
  readonly onChange: Engine['onChange'];
  readonly #context: EngineContext;
  readonly #options: ProcessEngineOptions;
  readonly #replicas: Replicas;
  readonly #changes: Changes;
  readonly #buildOwner: string;
  readonly #turns = createTurns();
  readonly #prepared = new Map<RevisionId, { run: RunSpec; atMs: number }>();
  readonly #closing = new AbortController();
  readonly #looking: NodeJS.Timeout;

  constructor({ context, options, replicas, changes, installation }: Parts) {
    this.#context = context;
    this.#options = options;
    this.#replicas = replicas;
    this.#changes = changes;
    this.#buildOwner = `${installation}:build`;
    this.onChange = changes.onChange;
    this.#looking = setInterval(() => {
      for (const supervisor of replicas.all()) supervisor.tick();
    }, LOOK_AT_LOGS_EVERY_MS);
  }

  prepare(spec: AppSpec, given: PrepareOptions): Promise<RunSpec> {
    const { layout, limits, trees, clock } = this.#context;
    const signal = given.signal
      ? AbortSignal.any([given.signal, this.#closing.signal])
      : this.#closing.signal;
    const keep = (run: RunSpec) => this.#prepared.set(revisionIdOf(run), { run, atMs: clock.monotonic() });
    const own = { layout, limits, secrets: this.#options.secrets, trees, buildOwner: this.#buildOwner, keep };
    const key = `prepare ${spec.metadata.namespace}/${spec.metadata.name}`;
    return this.#act(key, `preparing ${spec.metadata.name}`, async () => {
      const run = await prepare(own, spec, { ...given, signal });
      // Once more: a build may have taken longer than what is prepared is kept.
      if (!given.dryRun) keep(run);
      return run;
    });
  }

  grow(ctx: ActionContext, pool: Pool, revision: Revision, spec: AppSpec, replicas: number): Promise<void> {
    return this.#mutate(ctx, 'starting replicas', () =>
      this.#replicas.grow(ctx, pool, revision, spec, replicas),
    );
  }

  stop(ctx: ActionContext, replica: ReplicaId, graceMs: Ms): Promise<void> {
    return this.#mutate(ctx, 'stopping a replica', async () =>
      this.#replicas.find(ctx.app, replica)?.stop(graceMs, ctx.stateVersion),
    );
  }

  forget(ctx: ActionContext, pool: PoolId): Promise<void> {
    return this.#mutate(ctx, 'forgetting a pool', () => this.#replicas.forget(ctx.app, pool));
  }

  list(app: AppKey): Promise<Replica[]> {
    return Promise.all(this.#replicas.of(app).map((supervisor) => supervisor.view()));
  }

  async remembered(app: AppKey): Promise<Omit<Remembered, 'serving'>> {
    return this.#replicas.remembered(app);
  }

  logs(query: LogQuery): AsyncIterable<LogLine> {
    const { app, replica, pool } = query;
    const { layout } = this.#context;
    const source = {
      // Only for who asks for them: most want what runs.
      kept: async () => ((replica ?? pool) === undefined ? [] : keptLogs(layout, app, query)),
      folders: () => this.#replicas.logFolders(app, query),
      lives: () => replica === undefined || this.#replicas.find(app, replica) !== undefined,
      stamp: (only?: ReplicaId) => {
        for (const supervisor of this.#replicas.of(app)) {
          if (only === undefined || supervisor.intent.replica === only) supervisor.tick();
        }
      },
      now: () => this.#context.clock.wall(),
      logFiles: this.#context.limits.logFiles,
      closing: this.#closing.signal,
    };
    return queryLogs(source, query);
  }

  sweep(inUse: () => Promise<ReadonlyMap<AppKey, readonly Revision[]>>): Promise<void> {
    return this.#act('sweep', 'sweeping', () =>
      sweep(this.#context, this.#replicas, inUse, () => this.#recentlyPrepared()),
    );
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort(new Error('the process engine is closed'));
    clearInterval(this.#looking);
    await this.#turns.settled();
    await Promise.all(this.#replicas.all().map((supervisor) => supervisor.close()));
    this.#changes.close();
  }

  #mutate(ctx: ActionContext, doing: string, work: () => Promise<void>): Promise<void> {
    return this.#act(ctx.app, `${doing} of ${ctx.app}`, () => {
      this.#replicas.admit(ctx);
      return work();
    });
  }

  /** In turn per key, never after close, and with what the machine refuses said in words. */
  async #act<T>(key: string, doing: string, work: () => Promise<T>): Promise<T> {
    this.#closing.signal.throwIfAborted();
    return this.#turns.take(key, work).catch((error: unknown) => {
      throw explained(error, doing, this.#context.layout.root);
    });
  }

  #recentlyPrepared(): { revision: RevisionId; run: RunSpec }[] {
    for (const [revision, { atMs }] of this.#prepared) {
      if (this.#context.clock.monotonic() - atMs > PREPARED_KEPT_MS) this.#prepared.delete(revision);
    }
    return [...this.#prepared].map(([revision, { run }]) => ({ revision, run }));
  }
}

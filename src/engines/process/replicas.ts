import path from 'node:path';
import type { Remembered, RememberedPool } from '../../core/decide/catch-up.ts';
import { OperatingError } from '../../core/errors.ts';
import type { AppKey, Pool, PoolId, ReplicaId, Revision } from '../../core/model.ts';
import { HASH_VERSION } from '../../core/revision.ts';
import type { ActionContext } from '../../ports/engine.ts';
import type { AppSpec } from '../../spec/app.ts';
import { NOT_STARTED } from './adopt.ts';
import type { EngineContext } from './context.ts';
import { makeFolders, namesIn, removeEmpty, removeTree, syncFolder } from './durable.ts';
import { sentence } from './failures.ts';
import { appRunFolder, poolOf, replicaFolder, splitKey } from './layout.ts';
import { keepLogs } from './logs/kept.ts';
import type { LogFolder } from './logs/read.ts';
import { redactor } from './logs/redact.ts';
import { capturedSecrets } from './prepare/captured-secrets.ts';
import { type Intent, readIntent, writeIntent } from './replica/records.ts';
import { Supervisor } from './replica/supervisor.ts';

/** The replicas of all Apps: which exist, and how they come and go. Callers take turns per App. */
export class Replicas {
  readonly #context: EngineContext;
  readonly #apps = new Map<AppKey, Map<ReplicaId, Supervisor>>();
  /** Newest state version that asked for anything. */
  readonly #versions = new Map<AppKey, number>();

  constructor(context: EngineContext) {
    this.#context = context;
  }

  of(app: AppKey): Supervisor[] {
    return [...(this.#apps.get(app)?.values() ?? [])];
  }

  all(): Supervisor[] {
    return [...this.#apps.values()].flatMap((replicas) => [...replicas.values()]);
  }

  apps(): AppKey[] {
    return [...this.#apps.keys()];
  }

  find(app: AppKey, replica: ReplicaId): Supervisor | undefined {
    return this.#apps.get(app)?.get(replica);
  }

  add(supervisor: Supervisor): void {
    const { app, replica } = supervisor.intent;
    const replicas = this.#apps.get(app) ?? new Map<ReplicaId, Supervisor>();
    this.#apps.set(app, replicas.set(replica, supervisor));
    this.#versions.set(app, Math.max(this.#versions.get(app) ?? 0, supervisor.stateVersion));
  }

  readonly remove = (supervisor: Supervisor): void => {
    const { app, replica } = supervisor.intent;
    this.#apps.get(app)?.delete(replica);
  };

  /** @throws OperatingError E_STALE_WRITER */
  admit(ctx: ActionContext): void {
    const seen = this.#versions.get(ctx.app) ?? 0;
    if (ctx.stateVersion < seen) {
      throw new OperatingError(
        'E_STALE_WRITER',
        `state version ${ctx.stateVersion} of ${ctx.app} asked for something after version ${seen} had`,
        {
          hint: 'another daemon decides for this App; end one of the two',
        },
      );
    }
    this.#versions.set(ctx.app, ctx.stateVersion);
  }

  /** @returns what is known without the store */
  remembered(app: AppKey): Omit<Remembered, 'serving'> {
    const pools = new Map<PoolId, RememberedPool>();
    for (const { intent } of this.of(app)) {
      const { pool, revision, run, createdAt } = intent;
      const provenance = { createdAt, actor: 'unknown', source: '' };
      const known = pools.get(pool);
      pools.set(pool, {
        pool,
        revision: { ...revision, run, hashVersion: HASH_VERSION, provenance },
        replicas: (known?.replicas ?? 0) + 1,
      });
    }
    return { stateVersion: this.#versions.get(app) ?? 0, pools: [...pools.values()] };
  }

  async grow(
    ctx: ActionContext,
    pool: Pool,
    revision: Revision,
    spec: AppSpec,
    replicas: number,
  ): Promise<void> {
    const folder = appRunFolder(this.#context.layout, ctx.app);
    const standing = this.of(ctx.app).filter(({ intent, stopping }) => intent.pool === pool.id && !stopping);
    const missing = replicas - standing.length;
    if (missing <= 0) return;
    await makeFolders(folder);
    for (const up of [path.dirname(folder), this.#context.layout.run]) await syncFolder(up);
    const next = 1 + Math.max(-1, ...(await this.#numbersUsed(ctx.app, pool.id)));
    const intents = Array.from({ length: missing }, (_, index) =>
      intentOf(ctx, pool, revision, spec, next + index, this.#context),
    );
    // All are durable before the first is started: a crash in between starts the rest, never more than were asked for.
    await Promise.all(
      intents.map((intent) =>
        writeIntent(replicaFolder(this.#context.layout, ctx.app, intent.replica), intent),
      ),
    );
    for (const intent of intents) this.#begin(intent);
    this.#context.changed(ctx.app);
  }

  #begin(intent: Intent): void {
    const supervisor: Supervisor = new Supervisor({
      context: this.#context,
      folder: replicaFolder(this.#context.layout, intent.app, intent.replica),
      intent,
      wish: { kind: 'wanted' },
      attempt: { ...NOT_STARTED, startedAt: intent.createdAt },
      gone: () => this.remove(supervisor),
    });
    this.add(supervisor);
    supervisor.begin({ kind: 'start' });
  }

  /** Also those that are gone: their folders stay until the pool is forgotten. */
  async #numbersUsed(app: AppKey, pool: PoolId): Promise<number[]> {
    const names = await namesIn(appRunFolder(this.#context.layout, app));
    return names.filter((name) => poolOf(name) === pool).map((name) => Number(name.slice(pool.length + 1)));
  }

  /** @throws OperatingError E_POOL_IN_USE */
  async forget(app: AppKey, pool: PoolId): Promise<void> {
    const left = this.of(app).filter(({ intent }) => intent.pool === pool);
    if (left.length > 0) {
      throw new OperatingError('E_POOL_IN_USE', `pool ${pool} of ${app} still has ${left.length} replicas`, {
        hint: 'they are forgotten when they have stopped',
      });
    }
    const folder = appRunFolder(this.#context.layout, app);
    const revisions = new Set<string>();
    for (const name of await namesIn(folder)) {
      if (poolOf(name) !== pool) continue;
      const intent = await readIntent(path.join(folder, name));
      if (intent) {
        revisions.add(intent.revision.id);
        await this.#keepLogs(app, name, intent);
      }
      await removeTree(path.join(folder, name));
    }
    for (const revision of revisions) await this.#removeUnusedTree(revision);
    // A deleted App may come back under its name, with versions that begin anew.
    if ((await namesIn(folder)).some((name) => !name.startsWith('.'))) return;
    this.#versions.delete(app);
    await removeEmpty(folder);
  }

  /** Logs are lost before anything else is: on a full disk the pool goes all the same. */
  async #keepLogs(app: AppKey, replica: ReplicaId, intent: Intent): Promise<void> {
    const { layout, limits, clock, logger } = this.#context;
    try {
      const redact = await this.#redactOf(intent);
      const source = { replica, pool: intent.pool, folder: replicaFolder(layout, app, replica), redact };
      await keepLogs(layout, app, source, { logFiles: limits.logFiles, now: clock.wall() });
    } catch (error) {
      logger.warn({ app, replica, error: sentence(error) }, 'the last lines of a replica could not be kept');
    }
  }

  async #removeUnusedTree(revision: string): Promise<void> {
    if (this.all().some(({ intent }) => intent.revision.id === revision)) return;
    await this.#context.trees.remove(revision);
  }

  /** What there is to read of an App, replicas that are gone included. */
  async logFolders(app: AppKey, wanted: { replica?: ReplicaId; pool?: PoolId }): Promise<LogFolder[]> {
    const folder = appRunFolder(this.#context.layout, app);
    const folders: LogFolder[] = [];
    for (const replica of await namesIn(folder)) {
      const pool = poolOf(replica);
      if (replica.startsWith('.')) continue;
      if ((wanted.replica ?? replica) !== replica || (wanted.pool ?? pool) !== pool) continue;
      folders.push(this.find(app, replica)?.logFolder() ?? (await this.#goneFolder(app, replica)));
    }
    return folders;
  }

  async #goneFolder(app: AppKey, replica: ReplicaId): Promise<LogFolder> {
    const folder = replicaFolder(this.#context.layout, app, replica);
    const intent = await readIntent(folder);
    const redact = intent ? await this.#redactOf(intent) : redactor([]);
    return { replica, pool: poolOf(replica), folder, redact };
  }

  async #redactOf({ run }: Intent) {
    return redactor(Object.values(await capturedSecrets(this.#context.layout, run)));
  }
}

function intentOf(
  ctx: ActionContext,
  pool: Pool,
  revision: Revision,
  spec: AppSpec,
  number: number,
  context: EngineContext,
): Intent {
  splitKey(ctx.app);
  return {
    schema: 1,
    app: ctx.app,
    pool: pool.id,
    replica: `${pool.id}-${number}`,
    revision: { id: revision.id, number: revision.number },
    run: revision.run,
    ...(spec.spec.port === undefined ? {} : { appPort: spec.spec.port }),
    graceMs: spec.spec.terminationGracePeriodSeconds * 1000,
    createdAt: context.clock.wall(),
    stateVersion: ctx.stateVersion,
  };
}

import path from 'node:path';
import type { AppKey, RunSpec } from '../../core/model.ts';
import { revisionIdOf } from '../../core/revision.ts';
import type { ActionContext, Engine } from '../../ports/engine.ts';
import { endStrays, findReplicas } from './adopt.ts';
import { createChanges } from './changes.ts';
import type { EngineContext } from './context.ts';
import { makeFolders, removeTemporaries } from './durable.ts';
import { explained } from './failures.ts';
import { layoutOf } from './layout.ts';
import { queryLogs } from './logs/follow.ts';
import { limitsOf, type ProcessEngineOptions } from './options.ts';
import { createPorts, defaultRange } from './ports.ts';
import { prepare } from './prepare/prepare.ts';
import { Replicas } from './replicas.ts';
import { readOrCreate } from './secret-files.ts';
import { sweepApps, sweepContent } from './sweep.ts';
import { createTrees } from './tree.ts';
import { createTurns } from './turns.ts';

export type { Limits, Logger, ProcessEngineOptions, SecretSource } from './options.ts';

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
  return engineOf({ context, options, replicas, changes, installation });
}

interface Parts {
  context: EngineContext;
  options: ProcessEngineOptions;
  replicas: Replicas;
  changes: ReturnType<typeof createChanges>;
  installation: string;
}

function engineOf({ context, options, replicas, changes, installation }: Parts): Engine {
  const { layout, limits, clock } = context;
  const turns = createTurns();
  const prepared = new Map<string, { run: RunSpec; atMs: number }>();
  const closing = new AbortController();
  const looking = setInterval(() => {
    for (const supervisor of replicas.all()) supervisor.tick();
  }, LOOK_AT_LOGS_EVERY_MS);

  /** In turn per App, never after close, and with what the machine refuses said in words. */
  async function act<T>(key: string, doing: string, work: () => Promise<T>): Promise<T> {
    closing.signal.throwIfAborted();
    return turns.take(key, work).catch((error: unknown) => {
      throw explained(error, doing, layout.root);
    });
  }

  function mutate(ctx: ActionContext, doing: string, work: () => Promise<void>): Promise<void> {
    return act(ctx.app, `${doing} of ${ctx.app}`, () => {
      replicas.admit(ctx);
      return work();
    });
  }

  function recentlyPrepared() {
    for (const [revision, { atMs }] of prepared) {
      if (clock.monotonic() - atMs > PREPARED_KEPT_MS) prepared.delete(revision);
    }
    return [...prepared].map(([revision, { run }]) => ({ revision, run }));
  }

  return {
    name: 'process',
    prepare(spec, given) {
      const signal = given.signal ? AbortSignal.any([given.signal, closing.signal]) : closing.signal;
      const keep = (run: RunSpec) => prepared.set(revisionIdOf(run), { run, atMs: clock.monotonic() });
      const own = {
        layout,
        limits,
        secrets: options.secrets,
        trees: context.trees,
        buildOwner: `${installation}:build`,
        keep,
      };
      const key = `prepare ${spec.metadata.namespace}/${spec.metadata.name}`;
      return act(key, `preparing ${spec.metadata.name}`, () => prepare(own, spec, { ...given, signal }));
    },
    grow: (ctx, pool, revision, spec, count) =>
      mutate(ctx, 'starting replicas', () => replicas.grow(ctx, pool, revision, spec, count)),
    stop: (ctx, replica, graceMs) =>
      mutate(ctx, 'stopping a replica', async () =>
        replicas.find(ctx.app, replica)?.stop(graceMs, ctx.stateVersion),
      ),
    forget: (ctx, pool) => mutate(ctx, 'forgetting a pool', () => replicas.forget(ctx.app, pool)),
    list: (app: AppKey) => Promise.all(replicas.of(app).map((supervisor) => supervisor.view())),
    logs: (query) =>
      queryLogs(
        {
          folders: () => replicas.logFolders(query.app, query),
          stamp: () => {
            for (const supervisor of replicas.of(query.app)) supervisor.tick();
          },
          lives: () => query.replica === undefined || replicas.find(query.app, query.replica) !== undefined,
          now: () => clock.wall(),
          logFiles: limits.logFiles,
          closing: closing.signal,
        },
        query,
      ),
    sweep: (inUse) =>
      act('sweep', 'sweeping', async () => {
        await sweepApps(context, replicas, new Set(inUse.keys()));
        await sweepContent(context, replicas, inUse, recentlyPrepared());
      }),
    onChange: changes.onChange,
    async close() {
      if (closing.signal.aborted) return;
      closing.abort(new Error('the process engine is closed'));
      clearInterval(looking);
      await turns.settled();
      await Promise.all(replicas.all().map((supervisor) => supervisor.close()));
      changes.close();
    },
  };
}

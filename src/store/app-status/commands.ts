import { OperatingError } from '../../core/errors.ts';
import type { AppState, Command, CommandResult } from '../../core/model.ts';
import type { Kube } from '../../kubernetes/client.ts';
import { APP_COMMANDS, type CommandResource } from '../../kubernetes/crossfade.ts';
import { type CommandCache, commandResource, commandsFor, type KeptCommand } from './command-cache.ts';
import type { Row } from './row.ts';

export interface CommandBook {
  add(row: Row, command: Command): Promise<'added' | 'known'>;
  /** Commands that `state` has not carried out, oldest first. */
  waiting(row: Row, state: () => AppState): Command[];
  /** Writes down what came of those that `state` has carried out. Failing here is made good later. */
  settle(row: Row, state: AppState): Promise<void>;
  /** Deletes every command of an App. */
  forget(row: Row): Promise<void>;
}

export interface CommandBookOptions {
  kube: Kube;
  cache: CommandCache;
  /** Carried-out commands of an App beyond this are deleted. */
  keep: number;
  log: { warn(what: object, text: string): void };
}

export function createCommandBook({ kube, cache, keep, log }: CommandBookOptions): CommandBook {
  return {
    async add(row, command) {
      try {
        cache.saw(await kube.create(APP_COMMANDS, commandResource(row, command)));
        return 'added';
      } catch (error) {
        if (isCode(error, 'E_CLUSTER_EXISTS')) return 'known';
        throw error;
      }
    },
    waiting(row, state) {
      const open = commandsFor(cache, row).filter((kept) => !kept.done);
      if (open.length === 0) return [];
      const { commandsDone } = state();
      return open.map((kept) => kept.command).filter(({ id }) => !commandsDone[id]);
    },
    async settle(row, { commandsDone }) {
      const open = commandsFor(cache, row).filter((kept) => !kept.done && commandsDone[kept.command.id]);
      if (open.length === 0) return;
      try {
        for (const kept of open) await writeResult(kube, cache, kept, commandsDone[kept.command.id]);
        const done = commandsFor(cache, row).filter((kept) => kept.done);
        await remove(kube, done.slice(0, Math.max(0, done.length - keep)));
      } catch (error) {
        // The state has the result, and says so to whoever asks; the next commit tries again.
        log.warn(
          { app: row.key, err: error },
          'the result of a command could not be written into its object',
        );
      }
    },
    forget: (row) => remove(kube, cache.group(row.key)),
  };
}

async function remove(kube: Kube, commands: readonly KeptCommand[]): Promise<void> {
  for (const { namespace, name } of commands) await kube.delete(APP_COMMANDS, namespace, name);
}

async function writeResult(
  kube: Kube,
  cache: CommandCache,
  { namespace, name }: KeptCommand,
  done: CommandResult | undefined,
): Promise<void> {
  if (!done) return;
  try {
    cache.saw(await kube.patch(APP_COMMANDS, namespace, name, { status: resultOf(done) }, 'status'));
  } catch (error) {
    if (!isCode(error, 'E_CLUSTER_NOT_FOUND')) throw error;
  }
}

function resultOf({ at, result }: CommandResult): CommandResource['status'] {
  const time = new Date(at).toISOString();
  if (result.kind === 'done') return { result: 'done', message: result.message, at: time };
  return { result: 'refused', code: result.reason.code, message: result.reason.message, at: time };
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof OperatingError && error.code === code;
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { AppRef, Client } from '../../api/client.ts';
import { appNames, collect, durationMs } from '../arguments.ts';
import type { CliContext } from '../context.ts';
import { EXIT, Exit, isNotFound, usageError } from '../exit.ts';
import { loadApps } from '../files.ts';
import { type Session, withSession } from '../session.ts';

interface DeleteFlags {
  filename?: string[];
  wait?: boolean;
  timeout?: number;
  reason?: string;
  ignoreNotFound?: boolean;
}

export function registerDelete(program: Command, ctx: CliContext): void {
  program
    .command('delete')
    .summary('delete Apps: out of the route, drained, stopped')
    .description('Deletes Apps. Their replicas leave the route, finish their requests, and are stopped.')
    .argument('[app...]', 'app NAME, app/NAME or NAME')
    .option('-f, --filename <file>', 'the Apps of this file or folder', collect)
    .option('--wait', 'until nothing of them is left')
    .option('--timeout <duration>', 'with --wait: give up waiting after this long', durationMs)
    .option('--ignore-not-found', 'an App that does not exist is no error')
    .option('--reason <text>', 'why, for the audit log')
    .action(
      withSession(ctx, async (session, args: string[], flags: DeleteFlags) => {
        const refs = await refsOf(session, args, flags.filename ?? []);
        const client = await session.client();
        for (const ref of refs) await removeOne(session, client, ref, flags);
        if (flags.wait) await Promise.all(refs.map((ref) => untilGone(session, client, ref, flags.timeout)));
      }),
    );
}

async function refsOf(session: Session, args: string[], files: string[]): Promise<AppRef[]> {
  const named = appNames(args).map(session.ref);
  const filed = files.length === 0 ? [] : (await loadApps(session, files)).map(({ spec }) => spec.metadata);
  const refs = [...named, ...filed.map(({ name, namespace }) => ({ name, namespace }))];
  if (refs.length === 0) throw usageError('nothing was named', 'crossfade delete app NAME, or -f FILE');
  return refs;
}

async function removeOne(session: Session, client: Client, ref: AppRef, flags: DeleteFlags): Promise<void> {
  try {
    await client.remove(ref, flags.reason);
  } catch (error) {
    if (flags.ignoreNotFound && isNotFound(error)) return;
    throw error;
  }
  const text = flags.wait ? 'is being deleted' : 'deleted';
  if (session.out.structured) session.out.streamed({ ...ref, result: 'deleting' });
  else session.out.print(`app/${ref.name} ${text}`);
}

const POLL_MS = 200;

async function untilGone(session: Session, client: Client, ref: AppRef, timeoutMs?: number): Promise<void> {
  const giveUpAt = performance.now() + (timeoutMs ?? Number.POSITIVE_INFINITY);
  let message = '';
  while (performance.now() < giveUpAt) {
    try {
      message = (await client.app(ref)).status.message;
    } catch (error) {
      if (!isNotFound(error)) throw error;
      session.out.note(`app/${ref.name} is gone`);
      return;
    }
    await sleep(POLL_MS);
  }
  session.out.note(`error: time is up, app/${ref.name} is still there: ${message}`);
  throw new Exit(EXIT.timeout);
}

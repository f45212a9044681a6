import type { Command } from 'commander';
import type { AppRef, Client } from '../../api/client.ts';
import { appNames } from '../arguments.ts';
import type { CliContext } from '../context.ts';
import { usageError } from '../exit.ts';
import { untilInterrupted } from '../interrupt.ts';
import { listOf } from '../output/output.ts';
import { statusLines } from '../output/status.ts';
import { type Session, withSession } from '../session.ts';
import { watchApp } from '../views.ts';

interface StatusFlags {
  watch?: boolean;
  allNamespaces?: boolean;
}

export function registerStatus(program: Command, ctx: CliContext): void {
  program
    .command('status')
    .summary('one picture of an App: route, revisions, replicas, release')
    .description(
      'Shows Apps as one picture: address, route with asked and measured shares, revisions and their replicas, and the stages of the release with what it waits for.',
    )
    .argument('[app...]', 'NAME or app/NAME; absent: all of the namespace')
    .option('-A, --all-namespaces', 'of every namespace')
    .option('-w, --watch', 'draw it again whenever something changes')
    .action(
      withSession(ctx, async (session, args: string[], flags: StatusFlags) => {
        const names = appNames(args);
        const client = await session.client();
        if (flags.watch) {
          const [name] = names;
          if (name === undefined || names.length > 1) throw usageError('--watch shows one App: name it');
          await untilInterrupted((signal) => drawAgain(session, client, session.ref(name), signal));
          return;
        }
        const apps =
          names.length > 0
            ? await Promise.all(names.map((name) => client.app(session.ref(name))))
            : await client.apps(flags.allNamespaces ? undefined : session.namespace);
        if (session.out.structured) {
          const [only] = apps;
          session.out.object(names.length === 1 ? only : listOf(apps));
          return;
        }
        if (apps.length === 0) session.out.note(`no apps found in namespace ${session.namespace}`);
        for (const [index, app] of apps.entries()) {
          if (index > 0) session.out.print('');
          session.out.lines(await picture(session, client, app));
        }
      }),
    );
}

async function picture(
  session: Session,
  client: Client,
  app: Parameters<typeof statusLines>[0]['app'],
): Promise<string[]> {
  const replicas = await client.replicas({ namespace: app.metadata.namespace, name: app.metadata.name });
  const { paint, glyphs } = session.out;
  return statusLines({ app, replicas, nowMs: Date.now(), paint, glyphs });
}

const HOME_AND_CLEAR = '\u001b[H\u001b[J';
const CLEAR_ALL = '\u001b[2J';

async function drawAgain(session: Session, client: Client, ref: AppRef, signal: AbortSignal): Promise<void> {
  const { out, ctx } = session;
  if (out.isTTY && !out.structured) ctx.stdout.write(CLEAR_ALL);
  for await (const app of watchApp(client, ref, signal)) {
    if (out.structured) {
      out.streamed(app);
      continue;
    }
    const lines = await picture(session, client, app);
    // One write: a picture that is cleared first and drawn later flickers.
    if (out.isTTY)
      ctx.stdout.write(`${HOME_AND_CLEAR}${lines.slice(0, (ctx.stdout.rows || 1_000) - 1).join('\n')}\n`);
    else out.lines([...lines, '']);
  }
}

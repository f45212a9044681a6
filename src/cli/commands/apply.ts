import type { Command } from 'commander';
import type { AppRef, Client } from '../../api/client.ts';
import type { ApplyResponse, AppView } from '../../api/types.ts';
import { renderApp } from '../../spec/index.ts';
import { collect, durationMs } from '../arguments.ts';
import type { CliContext } from '../context.ts';
import { EXIT, Exit, type ExitCode, isNotFound } from '../exit.ts';
import { type LoadedApp, loadApps } from '../files.ts';
import { followRelease } from '../follow.ts';
import { listOf } from '../output/output.ts';
import { type Session, withSession } from '../session.ts';

interface ApplyFlags {
  filename: string[];
  wait?: boolean;
  timeout?: number;
  dryRun?: boolean;
  reason?: string;
}

interface Applied {
  ref: AppRef;
  response: ApplyResponse;
  /** Releases whose verdicts say nothing about this. */
  before: string[];
}

export function registerApply(program: Command, ctx: CliContext): void {
  program
    .command('apply')
    .summary('make Apps be as their files say; a new revision starts a release')
    .description(
      'Sends App files to the daemon. A changed run configuration makes a new revision, and a release by the strategy of the App begins. All files are checked before anything is sent.',
    )
    .requiredOption(
      '-f, --filename <file>',
      'App file, folder (searched through), or - for standard input; may be repeated',
      collect,
    )
    .option('--wait', 'follow the release and end with it')
    .option(
      '--timeout <duration>',
      'with --wait: give up watching after this long (the release goes on)',
      durationMs,
    )
    .option('--dry-run', 'say what would happen and change nothing')
    .option('--reason <text>', 'why, for the audit log')
    .action(
      withSession(ctx, async (session, flags: ApplyFlags) => {
        const apps = await loadApps(session, flags.filename);
        const client = await session.client();
        const applied: Applied[] = [];
        for (const app of apps) applied.push(await applyOne(session, client, app, flags));
        const views = await (flags.wait && !flags.dryRun
          ? waitForAll(session, client, applied, flags)
          : applied);
        printObjects(
          session,
          views.map((done) => done.response.app),
        );
        const worst = Math.max(...views.map((done) => ('exit' in done ? done.exit : exitOf(done.response))));
        if (worst !== EXIT.ok) throw new Exit(worst as ExitCode);
      }),
    );
}

async function applyOne(
  session: Session,
  client: Client,
  app: LoadedApp,
  flags: ApplyFlags,
): Promise<Applied> {
  const { name, namespace } = app.spec.metadata;
  const ref = { name, namespace };
  const status = flags.wait ? await statusBefore(client, ref) : undefined;
  const response = await client.apply(ref, {
    app: renderApp(app.spec),
    ...(session.flags.server === undefined && !session.inCluster ? { baseDir: app.baseDir } : {}),
    ...(flags.dryRun ? { dryRun: true } : {}),
    ...(flags.reason === undefined ? {} : { reason: flags.reason }),
  });
  const suffix = flags.dryRun ? ' (dry run)' : '';
  say(session, `app/${name} ${response.result}${suffix}`);
  if (response.message !== '') say(session, `  ${response.message}`);
  return { ref, response, before: oldReleases(status, response) };
}

async function statusBefore(client: Client, ref: AppRef): Promise<AppView['status'] | undefined> {
  try {
    return (await client.app(ref)).status;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** A release that ran already is superseded or waited for by a changed spec; that of an unchanged one is the one meant. */
export function oldReleases(status: AppView['status'] | undefined, response: ApplyResponse): string[] {
  const running = response.result === 'unchanged' ? null : status?.release;
  return [status?.lastRelease, running].flatMap((release) => release?.id ?? []);
}

/** What is said about an object goes to stderr when the object itself is asked for. */
function say(session: Session, line: string): void {
  if (session.out.structured || session.out.format === 'name') session.out.note(line);
  else session.out.print(line);
}

/** A held revision was recorded and will not be released: the caller has to know. */
function exitOf(response: ApplyResponse): number {
  return response.result === 'held' ? EXIT.refused : EXIT.ok;
}

async function waitForAll(
  session: Session,
  client: Client,
  applied: readonly Applied[],
  flags: ApplyFlags,
): Promise<(Applied & { exit: number })[]> {
  return Promise.all(
    applied.map(async (one) => {
      if (one.response.result === 'held') return { ...one, exit: EXIT.refused };
      const followed = await followRelease({
        session,
        client,
        ref: one.ref,
        goal: { generation: one.response.app.metadata.generation, before: one.before },
        ...(flags.timeout === undefined ? {} : { timeoutMs: flags.timeout }),
      });
      const app: AppView = followed.app ?? one.response.app;
      return { ...one, response: { ...one.response, app }, exit: followed.exit };
    }),
  );
}

function printObjects({ out }: Session, apps: readonly AppView[]): void {
  if (out.structured) out.object(apps.length === 1 ? apps[0] : listOf(apps));
  if (out.format === 'name') out.lines(apps.map((app) => `app/${app.metadata.name}`));
}

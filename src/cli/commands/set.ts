import type { Command } from 'commander';
import type { Client } from '../../api/client.ts';
import type { ApplyResponse } from '../../api/types.ts';
import { OperatingError } from '../../core/errors.ts';
import { durationMs, isAppKind, oneAppName } from '../arguments.ts';
import type { CliContext } from '../context.ts';
import { EXIT, Exit, usageError } from '../exit.ts';
import { followRelease } from '../follow.ts';
import { type Session, withSession } from '../session.ts';
import { oldReleases } from './apply.ts';

export function registerSet(program: Command, ctx: CliContext): void {
  const set = program
    .command('set')
    .summary('change one thing of an App: env')
    .description('Changes one thing of a stored App. A changed run configuration starts a release.');
  registerSetEnv(set, ctx);
  registerSetImage(set, ctx);
}

interface EnvFlags {
  list?: boolean;
  reason?: string;
  wait?: boolean;
  timeout?: number;
}

function registerSetEnv(set: Command, ctx: CliContext): void {
  set
    .command('env')
    .description('Sets (NAME=value) and removes (NAME-) environment variables; a new revision is released.')
    .argument('<app>', 'app/NAME or NAME')
    .argument('[change...]', 'NAME=value to set, NAME- to remove')
    .option('--list', 'print the variables and change nothing')
    .option('--reason <text>', 'why, for the audit log')
    .option('--wait', 'follow the release and end with it')
    .option('--timeout <duration>', 'with --wait: give up watching after this long', durationMs)
    .action(
      withSession(ctx, async (session, app: string, rest: string[], flags: EnvFlags) => {
        const { name, changes } = nameAndChanges(app, rest);
        const { set: toSet, unset } = readChanges(changes);
        if (!flags.list && changes.length === 0)
          throw usageError('nothing to change', 'NAME=value sets, NAME- removes');
        const client = await session.client();
        if (flags.list) {
          const view = await client.app(session.ref(name));
          const env = envOf(view.spec);
          if (session.out.structured) session.out.object(env);
          else session.out.lines(Object.entries(env).map(([key, value]) => `${key}=${envText(value)}`));
          return;
        }
        await setEnv(session, client, name, { set: toSet, unset }, flags);
      }),
    );
}

async function setEnv(
  session: Session,
  client: Client,
  name: string,
  changes: { set: Record<string, string>; unset: string[] },
  { reason, wait, timeout }: EnvFlags,
): Promise<void> {
  const ref = session.ref(name);
  const before = wait ? await client.app(ref) : undefined;
  const response = await client.setEnv(ref, { ...changes, ...(reason === undefined ? {} : { reason }) });
  const lines = [`app/${name} env ${SAID[response.result]}`, `  ${response.message}`];
  if (session.out.structured) for (const line of lines) session.out.note(line);
  else session.out.lines(lines);
  if (response.result === 'held' || before === undefined) {
    if (session.out.structured) session.out.object(response.app);
    // It was recorded and will not be released: the caller has to know.
    if (response.result === 'held') throw new Exit(EXIT.refused);
    return;
  }
  const followed = await followRelease({
    session,
    client,
    ref,
    goal: { generation: response.app.metadata.generation, before: oldReleases(before.status, response) },
    ...(timeout === undefined ? {} : { timeoutMs: timeout }),
  });
  if (session.out.structured) session.out.object(followed.app ?? response.app);
  if (followed.exit !== EXIT.ok) throw new Exit(followed.exit);
}

const SAID: Record<ApplyResponse['result'], string> = {
  created: 'updated',
  configured: 'updated',
  held: 'updated',
  unchanged: 'unchanged',
};

/** `set env app shop A=b` as well as `set env app/shop A=b`. */
function nameAndChanges(app: string, rest: string[]): { name: string; changes: string[] } {
  const [next, ...others] = rest;
  if (isAppKind(app) && next !== undefined && !isChange(next)) return { name: next, changes: others };
  return { name: oneAppName([app]), changes: rest };
}

function isChange(text: string): boolean {
  return text.includes('=') || text.endsWith('-');
}

/** Exported for its tests. */
export function readChanges(changes: readonly string[]): { set: Record<string, string>; unset: string[] } {
  const set: Record<string, string> = {};
  const unset: string[] = [];
  for (const change of changes) {
    const equals = change.indexOf('=');
    const name = equals < 0 ? change.replace(/-$/, '') : change.slice(0, equals);
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) || (equals < 0 && !change.endsWith('-'))) {
      throw usageError(`"${change}" is neither NAME=value nor NAME-`);
    }
    if (equals < 0) unset.push(name);
    else set[name] = change.slice(equals + 1);
  }
  const both = unset.find((name) => name in set);
  if (both !== undefined) throw usageError(`${both} is both set and removed`);
  return { set, unset };
}

function envOf(spec: unknown): Record<string, unknown> {
  const run = (spec as { run?: { env?: Record<string, unknown> } } | null)?.run;
  return run?.env ?? {};
}

function envText(value: unknown): string {
  return typeof value === 'string' ? value : `<${JSON.stringify(value)}>`;
}

function registerSetImage(set: Command, ctx: CliContext): void {
  set
    .command('image')
    .description('Not built yet: needs the container engine.')
    .argument('<app...>', 'app/NAME and NAME=IMAGE')
    .action(
      withSession(ctx, async () => {
        throw new OperatingError(
          'E_NOT_BUILT',
          '`set image` needs the container engine, which is not built yet',
          {
            hint: 'Apps run from `source` and `run.command` today: change the file and `crossfade apply -f` it, or use `crossfade set env`',
          },
        );
      }),
    );
}

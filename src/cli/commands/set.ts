import type { Command } from 'commander';
import type { AppRef, Client } from '../../api/client.ts';
import type { ApplyResponse } from '../../api/types.ts';
import { durationMs, isAppKind, oneAppName } from '../arguments.ts';
import type { CliContext } from '../context.ts';
import { EXIT, Exit, usageError } from '../exit.ts';
import { followRelease } from '../follow.ts';
import { type Session, withSession } from '../session.ts';
import { oldReleases } from './apply.ts';

export function registerSet(program: Command, ctx: CliContext): void {
  const set = program
    .command('set')
    .summary('change one thing of an App: env, image')
    .description('Changes one thing of a stored App. A changed run configuration starts a release.');
  registerSetEnv(set, ctx);
  registerSetImage(set, ctx);
}

interface ChangeFlags {
  reason?: string;
  wait?: boolean;
  timeout?: number;
}

interface EnvFlags extends ChangeFlags {
  list?: boolean;
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
        const change: Change = (ref, reason) => client.setEnv(ref, { set: toSet, unset, ...reason });
        await changeAndFollow(session, client, name, { what: 'env', change }, flags);
      }),
    );
}

type Change = (ref: AppRef, reason: { reason?: string }) => Promise<ApplyResponse>;

async function changeAndFollow(
  session: Session,
  client: Client,
  name: string,
  { what, change }: { what: string; change: Change },
  { reason, wait, timeout }: ChangeFlags,
): Promise<void> {
  const ref = session.ref(name);
  const before = wait ? await client.app(ref) : undefined;
  const response = await change(ref, reason === undefined ? {} : { reason });
  const lines = [`app/${name} ${what} ${SAID[response.result]}`, `  ${response.message}`];
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
    .description('Sets the image of an App; a new revision is released.')
    .argument('<app>', 'app/NAME or NAME')
    .argument('<image>', 'IMAGE, or CONTAINER=IMAGE with the container that is the App')
    .option('--reason <text>', 'why, for the audit log')
    .option('--wait', 'follow the release and end with it')
    .option('--timeout <duration>', 'with --wait: give up watching after this long', durationMs)
    .action(
      withSession(ctx, async (session, app: string, wanted: string, flags: ChangeFlags) => {
        const name = oneAppName([app]);
        const client = await session.client();
        const { container, image } = readImage(wanted);
        if (container !== undefined) {
          const own = containerOf((await client.app(session.ref(name))).spec);
          if (container !== own && container !== name)
            throw usageError(`container ${container} is not the App`, `its container is called ${own}`);
        }
        const change: Change = (ref, reason) => client.setImage(ref, { image, ...reason });
        await changeAndFollow(session, client, name, { what: 'image', change }, flags);
      }),
    );
}

/** `CONTAINER=IMAGE` as kubectl takes it; an image has no equals sign. */
function readImage(text: string): { container?: string; image: string } {
  const equals = text.indexOf('=');
  const image = text.slice(equals + 1);
  if (image === '') throw usageError(`"${text}" names no image`);
  return equals < 0 ? { image } : { container: text.slice(0, equals), image };
}

function containerOf(spec: unknown): string {
  return (spec as { kubernetes?: { container?: string } } | null)?.kubernetes?.container ?? 'app';
}

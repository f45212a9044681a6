import type { Command } from 'commander';
import { OperatingError } from '../../core/errors.ts';
import { isAppKind, oneAppName } from '../arguments.ts';
import type { CliContext } from '../context.ts';
import { usageError } from '../exit.ts';
import { withSession } from '../session.ts';

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
}

function registerSetEnv(set: Command, ctx: CliContext): void {
  set
    .command('env')
    .description('Sets (NAME=value) and removes (NAME-) environment variables; a new revision is released.')
    .argument('<app>', 'app/NAME or NAME')
    .argument('[change...]', 'NAME=value to set, NAME- to remove')
    .option('--list', 'print the variables and change nothing')
    .option('--reason <text>', 'why, for the audit log')
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
        const reason = flags.reason === undefined ? {} : { reason: flags.reason };
        const response = await client.setEnv(session.ref(name), { set: toSet, unset, ...reason });
        if (session.out.structured) session.out.object(response.app);
        else
          session.out.lines([
            `app/${name} env ${response.result === 'unchanged' ? 'unchanged' : 'updated'}`,
            `  ${response.message}`,
          ]);
      }),
    );
}

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

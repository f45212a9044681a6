import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import type { CliContext } from '../context.ts';
import { usageError } from '../exit.ts';
import { listOf } from '../output/output.ts';
import { tableLines } from '../output/table.ts';
import { ageText } from '../output/units.ts';
import { withSession } from '../session.ts';

export function registerSecret(program: Command, ctx: CliContext): void {
  const secret = program
    .command('secret')
    .summary('values that App files name but never contain: set, list, delete')
    .description('Keeps values that App files refer to with { secret: NAME }. They are never printed.');
  registerSecretSet(secret, ctx);
  secret
    .command('list')
    .description('Lists the names of the secrets of a namespace.')
    .action(
      withSession(ctx, async (session) => {
        const secrets = await (await session.client()).secrets(session.namespace);
        const { out } = session;
        if (out.structured) out.object(listOf(secrets));
        else if (out.format === 'name') out.lines(secrets.map(({ name }) => `secret/${name}`));
        else if (secrets.length === 0) out.note(`no secrets found in namespace ${session.namespace}`);
        else {
          const nowMs = Date.now();
          const columns = [
            { title: 'NAME', cell: (row: (typeof secrets)[number]) => row.name },
            { title: 'SET BY', cell: (row: (typeof secrets)[number]) => row.updatedBy ?? '-' },
            { title: 'AGE', cell: (row: (typeof secrets)[number]) => ageText(row.updatedAt, nowMs) },
          ];
          out.lines(tableLines(columns, secrets));
        }
      }),
    );
  secret
    .command('delete')
    .description(
      'Removes a secret. Revisions that were made with it keep their copy; applying an App that names it is refused.',
    )
    .argument('<name>', 'name of the secret')
    .action(
      withSession(ctx, async (session, name: string) => {
        await (await session.client()).removeSecret(session.namespace, name);
        session.out.print(`secret/${name} deleted`);
      }),
    );
}

function registerSecretSet(secret: Command, ctx: CliContext): void {
  secret
    .command('set')
    .summary('store a value read from standard input or a file')
    .description(
      'Stores a value read from standard input or from a file; one newline at its end is dropped. Never from the command line: other users can read those.',
    )
    .argument('<name>', 'name of the secret')
    .option('--from-file <file>', 'read the value from this file')
    .action(
      withSession(ctx, async (session, name: string, flags: { fromFile?: string }) => {
        const value = (await readValue(ctx, flags.fromFile)).replace(/\r?\n$/, '');
        if (value === '') throw usageError('the value is empty');
        await (await session.client()).putSecret(session.namespace, name, value);
        session.out.print(`secret/${name} set`);
      }),
    );
}

async function readValue(ctx: CliContext, file: string | undefined): Promise<string> {
  if (file !== undefined) {
    try {
      return readFileSync(path.resolve(ctx.cwd, file), 'utf8');
    } catch (error) {
      throw usageError(`${file} cannot be read: ${(error as Error).message}`);
    }
  }
  if (ctx.stdin.isTTY) {
    throw usageError(
      'the value is read from standard input, which is a terminal',
      'crossfade secret set NAME < FILE, or --from-file FILE',
    );
  }
  return text(ctx.stdin as Readable);
}

import { type Command, Option } from 'commander';
import type { Role, TokenView } from '../../api/types.ts';
import { durationMs } from '../arguments.ts';
import type { CliContext } from '../context.ts';
import { listOf } from '../output/output.ts';
import { type Column, tableLines } from '../output/table.ts';
import { ageText } from '../output/units.ts';
import { withSession } from '../session.ts';

const ROLES: Role[] = ['viewer', 'deployer', 'admin'];

export function registerToken(program: Command, ctx: CliContext): void {
  const token = program
    .command('token')
    .summary('who may use the API over TCP: create, list, revoke')
    .description(
      'Tokens for the TCP listener of the daemon (`crossfade daemon --listen`). One per user: it is the name in the audit log.',
    );
  token
    .command('create')
    .description('Makes a token and prints it, this once.')
    .argument('<user>', 'whom it identifies')
    .addOption(new Option('--role <role>', 'what they may do').choices(ROLES).default('viewer'))
    .option('--expires <duration>', 'valid for this long; absent: until revoked', durationMs)
    .action(
      withSession(ctx, async (session, user: string, flags: { role: Role; expires?: number }) => {
        const created = await (await session.client()).createToken({
          user,
          role: flags.role,
          ...(flags.expires === undefined ? {} : { expiresInMs: flags.expires }),
        });
        if (session.out.structured) session.out.object(created);
        else {
          session.out.note(
            `token ${created.id} for ${created.user} (${created.role}); it is not shown again:`,
          );
          session.out.print(created.token);
        }
      }),
    );
  token
    .command('list')
    .description('Lists tokens, without their secrets.')
    .action(
      withSession(ctx, async (session) => {
        const tokens = await (await session.client()).tokens();
        const { out } = session;
        if (out.structured) out.object(listOf(tokens));
        else if (tokens.length === 0) out.note('no tokens');
        else out.lines(tableLines(columns(Date.now()), tokens));
      }),
    );
  token
    .command('revoke')
    .description('Makes a token invalid at once.')
    .argument('<id>', 'as `token list` shows it')
    .action(
      withSession(ctx, async (session, id: string) => {
        await (await session.client()).revokeToken(id);
        session.out.print(`token ${id} revoked`);
      }),
    );
}

function columns(nowMs: number): Column<TokenView>[] {
  return [
    { title: 'ID', cell: (token) => token.id },
    { title: 'USER', cell: (token) => token.user },
    { title: 'ROLE', cell: (token) => token.role },
    { title: 'AGE', cell: (token) => ageText(token.createdAt, nowMs) },
    { title: 'EXPIRES', cell: (token) => token.expiresAt ?? 'never' },
    { title: 'LAST USED', cell: (token) => ageText(token.lastUsedAt, nowMs) },
  ];
}

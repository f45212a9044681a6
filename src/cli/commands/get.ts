import { Argument, type Command } from 'commander';
import type { AppRef, Client } from '../../api/client.ts';
import { appNames } from '../arguments.ts';
import type { CliContext } from '../context.ts';
import { usageError } from '../exit.ts';
import { untilInterrupted } from '../interrupt.ts';
import { KINDS, type Kind, kindOf } from '../kinds.ts';
import { listOf } from '../output/output.ts';
import { tableLines } from '../output/table.ts';
import { type Owned, ownedColumns } from '../output/tables.ts';
import { type Session, withSession } from '../session.ts';

interface GetFlags {
  allNamespaces?: boolean;
  watch?: boolean;
}

export function registerGet(program: Command, ctx: CliContext): void {
  program
    .command('get')
    .summary('list Apps, or what belongs to them')
    .description('Lists Apps, or the revisions, releases, replicas or events that belong to them.')
    .addArgument(new Argument('<kind>', `${KINDS.map((kind) => kind.plural).join(', ')}, or app/NAME`))
    .argument('[name...]', 'names of Apps; absent: all of the namespace')
    .option('-A, --all-namespaces', 'of every namespace')
    .option('-w, --watch', 'go on printing what changes')
    .action(
      withSession(ctx, async (session, kindText: string, rest: string[], flags: GetFlags) => {
        const { kind, names } = readArguments(kindText, rest);
        if (flags.allNamespaces && names.length > 0)
          throw usageError('a name and --all-namespaces exclude each other');
        const client = await session.client();
        const request: Request = { session, client, kind, names, everywhere: flags.allNamespaces === true };
        const rows = await list(request);
        printAll(request, rows, flags.watch === true);
        if (flags.watch) await untilInterrupted((signal) => printChanges(request, rows, signal));
      }),
    );
}

interface Request {
  session: Session;
  client: Client;
  kind: Kind<unknown>;
  names: string[];
  everywhere: boolean;
}

/** `get apps shop`, `get app/shop`, `get rep shop`. */
function readArguments(kindText: string, rest: string[]): { kind: Kind<unknown>; names: string[] } {
  const slash = kindText.indexOf('/');
  if (slash < 0) return { kind: kindOf(kindText), names: appNames(rest) };
  const kind = kindOf(kindText.slice(0, slash));
  return { kind, names: [kindText.slice(slash + 1), ...appNames(rest)] };
}

async function list({ session, client, kind, names, everywhere }: Request): Promise<Owned<unknown>[]> {
  const refs = names.map(session.ref);
  const where = everywhere ? undefined : session.namespace;
  return kind.list(client, refs.length > 0 ? refs : where);
}

function printAll(request: Request, rows: Owned<unknown>[], watching: boolean): void {
  const { session, kind, names } = request;
  const { out } = session;
  if (out.structured && !watching) {
    const [only] = rows;
    const single = kind.plural === 'apps' && names.length === 1 && only !== undefined;
    out.object(single ? only.value : listOf(rows.map((row) => kind.object(row))));
    return;
  }
  if (rows.length === 0 && !out.structured && out.format !== 'name') {
    out.note(
      request.everywhere
        ? `no ${kind.plural} found`
        : `no ${kind.plural} found in namespace ${session.namespace}`,
    );
    return;
  }
  printRows(request, rows, true);
}

function printRows(
  { session, kind, everywhere, names }: Request,
  rows: Owned<unknown>[],
  header: boolean,
): void {
  const { out } = session;
  if (out.structured) {
    for (const row of rows) out.streamed(kind.object(row));
    return;
  }
  if (out.format === 'name') {
    out.lines(rows.map((row) => `${kind.singular}/${kind.id(row.value)}`));
    return;
  }
  const context = { paint: out.paint, nowMs: Date.now() };
  const columns = ownedColumns(kind.columns(context), {
    namespace: everywhere,
    app: kind.namesItsApp !== true && names.length !== 1,
  });
  out.lines(tableLines(columns, rows, { wide: out.format === 'wide', header }));
}

async function printChanges(request: Request, first: Owned<unknown>[], signal: AbortSignal): Promise<void> {
  const { client, kind, session, names, everywhere } = request;
  const seen = new Map(first.map((row) => [rowKey(kind, row), JSON.stringify(row.value)]));
  const query = {
    signal,
    ...(everywhere ? {} : { namespace: session.namespace }),
    ...(names.length === 1 && names[0] !== undefined ? { app: names[0] } : {}),
  };
  for await (const item of client.watch(query)) {
    const ref: AppRef =
      item.kind === 'event'
        ? { namespace: item.event.namespace, name: item.event.app }
        : { namespace: item.app.metadata.namespace, name: item.app.metadata.name };
    if (names.length > 0 && !names.includes(ref.name)) continue;
    const rows = await kind.changed(client, item, ref);
    const news = rows.filter((row) => seen.get(rowKey(kind, row)) !== JSON.stringify(row.value));
    for (const row of news) seen.set(rowKey(kind, row), JSON.stringify(row.value));
    if (news.length > 0) printRows(request, news, false);
  }
}

function rowKey(kind: Kind<unknown>, row: Owned<unknown>): string {
  return `${row.namespace}/${row.app}/${kind.id(row.value)}`;
}

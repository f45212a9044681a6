import type { Command } from 'commander';
import type { ReleaseView, RevisionView } from '../../api/types.ts';
import { OperatingError } from '../../core/errors.ts';
import { oneAppName } from '../arguments.ts';
import type { CliContext } from '../context.ts';
import { listOf } from '../output/output.ts';
import { type Column, tableLines } from '../output/table.ts';
import { ageText } from '../output/units.ts';
import { toYamlText } from '../output/yaml.ts';
import { withSession } from '../session.ts';

interface HistoryRow {
  revision: RevisionView;
  /** The release that brought it last; absent for one that was only recorded. */
  release: ReleaseView | undefined;
}

export function registerHistory(rollout: Command, ctx: CliContext): void {
  rollout
    .command('history')
    .summary('revisions, and what became of their releases')
    .description(
      'Lists the revisions of an App, oldest first, with the release that brought each one and its verdict.',
    )
    .argument('<app...>', 'app/NAME or NAME')
    .option('--revision <number|id>', 'everything about this one')
    .action(
      withSession(ctx, async (session, args: string[], flags: { revision?: string }) => {
        const name = oneAppName(args);
        const client = await session.client();
        const [revisions, releases] = await Promise.all([
          client.revisions(session.ref(name)),
          client.releases(session.ref(name)),
        ]);
        const rows = historyRows(revisions, releases);
        const { out } = session;
        if (flags.revision !== undefined) {
          const row = pick(rows, name, flags.revision);
          if (out.structured) out.object(row);
          else out.lines([`app/${name} with revision #${row.revision.number}`, toYamlText(row.revision)]);
          return;
        }
        if (out.structured) {
          out.object(listOf(rows));
          return;
        }
        out.lines([`app/${name}`, ...tableLines(columns(Date.now()), rows, { wide: out.format === 'wide' })]);
      }),
    );
}

function historyRows(revisions: readonly RevisionView[], releases: readonly ReleaseView[]): HistoryRow[] {
  return [...revisions]
    .sort((a, b) => a.number - b.number)
    .map((revision) => ({
      revision,
      release: releases
        .filter((release) => release.revision === revision.id)
        .sort((a, b) => Date.parse(a.startedAt) - Date.parse(b.startedAt))
        .at(-1),
    }));
}

function pick(rows: readonly HistoryRow[], name: string, wanted: string): HistoryRow {
  const row = rows.find(
    ({ revision }) => revision.id === wanted || `${revision.number}` === wanted.replace(/^#/, ''),
  );
  if (row === undefined) {
    throw new OperatingError('E_REVISION_NOT_FOUND', `app "${name}" has no revision ${wanted}`, {
      hint: `it has: ${rows.map(({ revision }) => `#${revision.number}`).join(', ')}`,
    });
  }
  return row;
}

function columns(nowMs: number): Column<HistoryRow>[] {
  return [
    { title: 'REVISION', cell: ({ revision }) => String(revision.number) },
    { title: 'ID', cell: ({ revision }) => revision.id },
    { title: 'ROLE', cell: ({ revision }) => revision.role },
    { title: 'RELEASE', cell: ({ release }) => release?.id ?? '<none>' },
    { title: 'CAUSE', cell: ({ release }) => release?.cause ?? '<none>' },
    {
      title: 'VERDICT',
      cell: ({ release }) => release?.verdict ?? (release === undefined ? '<none>' : 'running'),
    },
    { title: 'ACTOR', cell: ({ revision, release }) => release?.actor ?? revision.actor },
    {
      title: 'AGE',
      cell: ({ revision, release }) => ageText(release?.startedAt ?? revision.createdAt, nowMs),
    },
    {
      title: 'REASON',
      cell: ({ release, revision }) => release?.reason?.message ?? revision.held?.message ?? '-',
      wide: true,
    },
  ];
}

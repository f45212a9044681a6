import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Command } from 'commander';
import type { Client } from '../../api/client.ts';
import { OperatingError } from '../../core/errors.ts';
import type { AppSpec } from '../../spec/app.ts';
import { renderApp } from '../../spec/index.ts';
import { collect } from '../arguments.ts';
import type { CliContext } from '../context.ts';
import { EXIT, Exit, isNotFound } from '../exit.ts';
import { type LoadedApp, loadApps } from '../files.ts';
import { toYamlText } from '../output/yaml.ts';
import { type Session, withSession } from '../session.ts';

export function registerDiff(program: Command, ctx: CliContext): void {
  program
    .command('diff')
    .summary('stored Apps against files, as a unified diff')
    .description(
      'Compares what is stored with what a file says, both expanded, and the content that they name: source folder, config and env files, secrets. Exit code 0: no difference, 1: there are differences, above: an error.',
    )
    .requiredOption(
      '-f, --filename <file>',
      'App file, folder, or - for standard input; may be repeated',
      collect,
    )
    .action(
      withSession(ctx, async (session, flags: { filename: string[] }) => {
        const apps = await loadApps(session, flags.filename);
        const client = await session.client();
        const diffs: string[] = [];
        for (const app of apps) diffs.push(await diffOf(session, client, app));
        const different = diffs.filter((diff) => diff !== '');
        for (const diff of different) session.out.print(painted(session, diff.trimEnd()));
        if (different.length > 0) throw new Exit(EXIT.failed);
      }),
    );
}

async function diffOf(session: Session, client: Client, { spec, baseDir }: LoadedApp): Promise<string> {
  const stored = await storedText(client, spec);
  const file = toYamlText(renderApp(spec));
  if (stored === '') return unifiedDiff(spec, stored, file);
  const { name, namespace } = spec.metadata;
  const place = session.flags.server === undefined ? { baseDir } : {};
  const { content } = await client.plan({ name, namespace }, { app: renderApp(spec), ...place });
  // What the file names may have changed though the file did not: that too would be released.
  const lines = (side: 'from' | 'to') =>
    content.map((one) => `\n# ${one.field}: ${one[side] ?? 'none'}`).join('');
  return unifiedDiff(spec, `${stored}${lines('from')}`, `${file}${lines('to')}`);
}

async function storedText(client: Client, { metadata: { name, namespace } }: AppSpec): Promise<string> {
  try {
    const { apiVersion, kind, metadata, spec } = await client.app({ name, namespace });
    const { generation: _ours, ...written } = metadata;
    return toYamlText({ apiVersion, kind, metadata: written, spec });
  } catch (error) {
    if (isNotFound(error)) return '';
    throw error;
  }
}

const DIFF_PROGRAM = 'diff';

/** By the system's own `diff -u`, as kubectl does. */
function unifiedDiff({ metadata }: AppSpec, stored: string, wanted: string): string {
  if (stored === wanted) return '';
  const folder = mkdtempSync(path.join(tmpdir(), 'crossfade-diff-'));
  try {
    const files = [path.join(folder, 'stored'), path.join(folder, 'file')] as const;
    writeFileSync(files[0], stored === '' ? '' : `${stored}\n`);
    writeFileSync(files[1], `${wanted}\n`);
    const label = `${metadata.namespace}/${metadata.name}`;
    const run = spawnSync(DIFF_PROGRAM, ['-u', '-L', `stored ${label}`, '-L', `file ${label}`, ...files], {
      encoding: 'utf8',
    });
    if (run.error !== undefined || run.status === null || run.status > 1) {
      throw new OperatingError('E_NO_DIFF', `the program diff failed: ${run.error?.message ?? run.stderr}`, {
        hint: 'install diffutils, or compare with: crossfade get app NAME -o yaml and crossfade render -f FILE',
      });
    }
    return run.stdout;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function painted({ out: { paint } }: Session, diff: string): string {
  return diff
    .split('\n')
    .map((line) => {
      if (line.startsWith('+')) return paint('green', line);
      if (line.startsWith('-')) return paint('red', line);
      return line.startsWith('@@') ? paint('cyan', line) : line;
    })
    .join('\n');
}

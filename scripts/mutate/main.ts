/**
 * `npm run mutate -- [options]`: changes src/core in some thousand ways, one at a time, and tells which changes no test
 * notices (docs/reliability.md).
 *
 *   --only GLOB    files to change (src/core/**\/*.ts); what was found of the others stays
 *   --tests GLOB   tests to try them with (tests/unit/core/*.test.ts and lives.ts); of what they do not notice, others may
 *   --quick        leaves out the slow tests and the simulated lives, and tries each change for less than a second
 *   --seconds N    ... or for so long
 *   --fresh        forgets what earlier runs found; without it, only what changed since is tried
 *   --jobs N       processes (2)
 *   --score        only prints what was found last of each file
 *   --survivors    also every change that no test noticed
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from '../testing/files.ts';
import { stryker } from './install.ts';
import { printScore } from './score.ts';

const FOLDER = path.join(ROOT, '.cache', 'mutate');
const FOUND = path.join(FOLDER, 'found.json');
const UNIT = 'tests/unit/core/*.test.ts';
const LIVES = 'scripts/mutate/lives.ts';
/** The machine may be busy with something else: what does not end is mostly noticed by counting, not by this. */
const TIMEOUT_MS = 120_000;
const QUICK_TIMEOUT_MS = 20_000;

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: 'src/core/**/*.ts' },
    tests: { type: 'string' },
    quick: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '0.4' },
    fresh: { type: 'boolean', default: false },
    jobs: { type: 'string', default: '2' },
    score: { type: 'boolean', default: false },
    survivors: { type: 'boolean', default: false },
  },
});

if (!values.score) run();
process.exitCode = printScore(FOUND, values.survivors);

function run(): void {
  mkdirSync(FOLDER, { recursive: true });
  if (values.fresh) rmSync(path.join(FOLDER, 'tried.jsonl'), { force: true });
  const [config, report] = [path.join(FOLDER, 'stryker.json'), path.join(FOLDER, 'report.json')];
  writeFileSync(
    config,
    JSON.stringify({
      mutate: [values.only],
      testRunner: 'core-tests',
      plugins: [path.join(import.meta.dirname, 'runner.ts')],
      coverageAnalysis: 'perTest',
      concurrency: Number(values.jobs),
      timeoutMS: values.quick ? QUICK_TIMEOUT_MS : TIMEOUT_MS,
      timeoutFactor: values.quick ? 1 : 10,
      disableTypeChecks: false,
      // It would be read with the programming interface of TypeScript, which 7 does not have; Node does not read it.
      tsconfigFile: 'none.json',
      tempDirName: path.join('.cache', 'mutate', 'sandbox'),
      ignorePatterns: ['.cache', 'dist', 'coverage', 'docs', 'examples'],
      reporters: ['json', 'progress-append-only'],
      jsonReporter: { fileName: report },
      allowConsoleColors: false,
      warnings: { slow: false },
    }),
  );
  const { status } = spawnSync(process.execPath, [stryker(), 'run', config], {
    cwd: ROOT,
    stdio: 'inherit',
    env: {
      ...process.env,
      CROSSFADE_MUTATE_FOLDER: FOLDER,
      CROSSFADE_MUTATE_TESTS: values.tests ?? [UNIT, ...(values.quick ? [] : [LIVES])].join(' '),
      ...(values.quick ? { CROSSFADE_MUTATE_QUICK: String(Number(values.seconds) * 1000) } : {}),
    },
  });
  if (status !== 0) throw new Error(`Stryker ended with ${status}`);
  const files = { ...filesOf(FOUND), ...filesOf(report) };
  writeFileSync(FOUND, JSON.stringify({ files }));
}

function filesOf(report: string): object {
  return existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')).files : {};
}

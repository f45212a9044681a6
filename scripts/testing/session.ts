import { runChecks } from '../checks/run-checks.ts';
import type { Group } from './files.ts';
import { type Place, withCluster } from './kubernetes.ts';
import { checkLines, countTotals, fileLines, hasPassed, summaryLines } from './report.ts';
import type { FileResult } from './run-file.ts';
import { runGroups } from './run-groups.ts';

export interface Session {
  /** The checks of the repository come first, each counted as a test. */
  checks: boolean;
  groups: readonly Group[];
  full: boolean;
  /** Show also what passing files print. */
  verbose: boolean;
}

/** Runs everything, prints as it goes, ends with the totals, and sets the exit code. */
export async function runSession({ checks, groups, full, verbose }: Session): Promise<void> {
  const ci = process.env.CI === 'true';
  const checkResults = checks ? await runChecks((result) => print(checkLines(result))) : [];
  const results: FileResult[] = [];
  const run = async (some: readonly Group[], { env, enter }: Place) => {
    const all = full ? { ...env, CROSSFADE_TEST_FULL: '1' } : env;
    const told = (result: FileResult) => print(fileLines(result, { verbose }));
    results.push(...(await runGroups(some, { env: all, enter }, told)));
  };
  const onCluster = groups.filter((group) => group.onCluster);
  await run(
    groups.filter((group) => !group.onCluster),
    { env: {} },
  );
  const files = onCluster.flatMap((group) => group.files);
  if (files.length > 0) await withCluster(files, (place) => run(onCluster, place));
  print(summaryLines(results, checkResults, ci));
  process.exitCode = hasPassed(countTotals(results, checkResults, ci)) ? 0 : 1;
}

function print(lines: readonly string[]): void {
  console.log(lines.join('\n'));
}

import { runChecks } from '../checks/run-checks.ts';
import type { Group } from './files.ts';
import { checkLines, countTotals, fileLines, hasPassed, summaryLines } from './report.ts';
import type { RunOptions } from './run-file.ts';
import { runGroups } from './run-groups.ts';

export interface Session {
  /** The checks of the repository come first, each counted as a test. */
  checks: boolean;
  groups: readonly Group[];
  /** Added to the environment of every test file. */
  env: Record<string, string>;
  /** Show also what passing files print. */
  verbose: boolean;
  /** Makes of a command one that runs where the tests have to run. */
  enter?: RunOptions['enter'];
}

/** Runs everything, prints as it goes, ends with the totals, and sets the exit code. */
export async function runSession({ checks, groups, env, verbose, enter }: Session): Promise<void> {
  const ci = process.env.CI === 'true';
  const checkResults = checks ? await runChecks((result) => print(checkLines(result))) : [];
  const fileResults = await runGroups(groups, { env, enter }, (result) =>
    print(fileLines(result, { verbose })),
  );
  print(summaryLines(fileResults, checkResults, ci));
  process.exitCode = hasPassed(countTotals(fileResults, checkResults, ci)) ? 0 : 1;
}

function print(lines: readonly string[]): void {
  console.log(lines.join('\n'));
}

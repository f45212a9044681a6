/** `npm run check`: everything that is quick. Types, lint, format, dead code, dependency rule, unit tests, a short simulation. */
import { runChecks } from './checks/run-checks.ts';
import { findGroups } from './testing/files.ts';
import { checkLines, countTotals, fileLines, hasPassed, summaryLines } from './testing/report.ts';
import { runGroups } from './testing/run-groups.ts';

const checks = await runChecks((result) => print(checkLines(result)));
const groups = findGroups({ patterns: [], groups: ['unit', 'simulation'], full: false });
const files = await runGroups(groups, {}, (result) => print(fileLines(result, { verbose: false })));
print(summaryLines(files, checks, process.env.CI === 'true'));
process.exitCode = hasPassed(countTotals(files, checks, false)) ? 0 : 1;

function print(lines: readonly string[]): void {
  console.log(lines.join('\n'));
}

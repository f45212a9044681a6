/**
 * `npm test [-- PATTERN...] [--full] [--verbose]`: the checks of the repository, then every test file. With patterns
 * only the files whose path contains one of them, without the checks.
 */
import { parseArgs } from 'node:util';
import { runChecks } from './checks/run-checks.ts';
import { findGroups } from './testing/files.ts';
import { checkLines, countTotals, fileLines, hasPassed, summaryLines } from './testing/report.ts';
import { stopRunning } from './testing/run-file.ts';
import { runGroups } from './testing/run-groups.ts';

const { values: flags, positionals: patterns } = parseArgs({
  allowPositionals: true,
  options: { full: { type: 'boolean', default: false }, verbose: { type: 'boolean', default: false } },
});
const ci = process.env.CI === 'true';

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    await stopRunning();
    process.exit(130);
  });
}

const checks = patterns.length === 0 ? await runChecks((result) => print(checkLines(result))) : [];
const groups = findGroups({ patterns, groups: [], full: flags.full });
const files = await runGroups(groups, flags.full ? { CROSSFADE_TEST_FULL: '1' } : {}, (result) =>
  print(fileLines(result, flags)),
);
print(summaryLines(files, checks, ci));
process.exitCode = hasPassed(countTotals(files, checks, ci)) ? 0 : 1;

function print(lines: readonly string[]): void {
  console.log(lines.join('\n'));
}

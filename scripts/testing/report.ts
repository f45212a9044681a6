/** What a test run says, and whether it passed. Pure: takes results, gives lines. */
import type { FileResult } from './run-file.ts';

/** A check of the repository, counted as one test. */
export interface CheckResult {
  name: string;
  ok: boolean;
  /** How much it looked at, in words: `212 files`. */
  looked: string;
  durationMs: number;
  output: string;
}

export interface Totals {
  passed: number;
  failed: number;
  skipped: number;
}

/**
 * Skips that CI accepts, each with why. Empty: everything that the tests need is brought by the tests. Elsewhere a skip
 * is only told.
 */
const ALLOWED_SKIPS_IN_CI: readonly RegExp[] = [];

export function checkLines(result: CheckResult): string[] {
  const mark = result.ok ? 'ok  ' : 'FAIL';
  const line = `${mark} ${result.name} (${result.looked}, ${seconds(result.durationMs)})`;
  return result.ok ? [line] : [line, ...indent(result.output)];
}

export function fileLines(result: FileResult, options: { verbose: boolean }): string[] {
  const failed = result.failures.length > 0;
  const counts = [
    `${result.passed} passed`,
    ...(failed ? [`${result.failures.length} FAILED`] : []),
    ...(result.skipped.length > 0 ? [`${result.skipped.length} skipped`] : []),
  ];
  const lines = [
    `${failed ? 'FAIL' : 'ok  '} ${result.file} (${counts.join(', ')}, ${seconds(result.durationMs)})`,
  ];
  lines.push(...result.told.map((text) => `  ${text}`));
  for (const { name, detail } of result.failures) lines.push(`  not ok: ${name}`, ...indent(detail, 6));
  if (result.output.trim() !== '' && (failed || options.verbose)) {
    lines.push('  output:', ...indent(result.output.trimEnd(), 6));
  }
  return lines;
}

/** The end of the report. Its last line is the contract with those who read it by machine. */
export function summaryLines(
  files: readonly FileResult[],
  checks: readonly CheckResult[],
  ci: boolean,
): string[] {
  const totals = countTotals(files, checks, ci);
  const lines: string[] = [];
  const skipped = files.flatMap(({ file, skipped }) => skipped.map((skip) => ({ file, ...skip })));
  if (skipped.length > 0) {
    lines.push('', `SKIPPED: ${skipped.length}`);
    for (const skip of skipped) {
      const refused = ci && !isAllowed(skip.reason) ? ' (not allowed in CI: this is a failure)' : '';
      lines.push(`  ${skip.file}: ${skip.name}`, `    reason: ${skip.reason || 'none was given'}${refused}`);
    }
  }
  const failed = [
    ...checks.filter(({ ok }) => !ok).map(({ name }) => name),
    ...files.flatMap(({ file, failures }) => failures.map(({ name }) => `${file}: ${name}`)),
  ];
  if (failed.length > 0) lines.push('', `FAILED: ${failed.length}`, ...failed.map((name) => `  ${name}`));
  if (totals.passed + totals.failed === 0) lines.push('', 'No test was executed: that is a failure.');
  return [...lines, '', `${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`];
}

export function countTotals(
  files: readonly FileResult[],
  checks: readonly CheckResult[],
  ci: boolean,
): Totals {
  const skips = files.flatMap(({ skipped }) => skipped);
  const refused = ci ? skips.filter(({ reason }) => !isAllowed(reason)).length : 0;
  return {
    passed: sum(files.map(({ passed }) => passed)) + checks.filter(({ ok }) => ok).length,
    failed:
      sum(files.map(({ failures }) => failures.length)) + checks.filter(({ ok }) => !ok).length + refused,
    skipped: skips.length - refused,
  };
}

/** A run passes when nothing failed and something was executed. */
export function hasPassed(totals: Totals): boolean {
  return totals.failed === 0 && totals.passed > 0;
}

function isAllowed(reason: string): boolean {
  return ALLOWED_SKIPS_IN_CI.some((allowed) => allowed.test(reason));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function seconds(durationMs: number): string {
  return `${(durationMs / 1000).toFixed(1)} s`;
}

function indent(text: string, width = 4): string[] {
  return text.split('\n').map((line) => `${' '.repeat(width)}${line}`);
}

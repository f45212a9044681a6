/** The checks of the repository: each names what it looked at, and one that looked at nothing fails. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { checkDependencyRule, formatViolation } from '../dependency-rule.ts';
import { ROOT } from '../testing/files.ts';
import type { CheckResult } from '../testing/report.ts';

interface Outcome {
  ok: boolean;
  /** Files that were read. */
  looked: number;
  output: string;
}

interface Check {
  name: string;
  run: () => Promise<Outcome>;
}

const CHECKS: Check[] = [
  { name: 'types', run: checkTypes },
  { name: 'lint and format', run: checkStyle },
  { name: 'dead code', run: checkDeadCode },
  { name: 'dependency rule', run: checkDependencies },
];

export async function runChecks(onResult: (result: CheckResult) => void): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  for (const { name, run } of CHECKS) {
    const startedAt = performance.now();
    const outcome = await run();
    const result = toResult(name, outcome, performance.now() - startedAt);
    results.push(result);
    onResult(result);
  }
  return results;
}

/** A tool that read nothing also finds nothing: that is no success. */
function toResult(name: string, { ok, looked, output }: Outcome, durationMs: number): CheckResult {
  const nothing = looked > 0 ? '' : `\n${name} looked at no file.`;
  return {
    name,
    ok: ok && looked > 0,
    looked: `${looked} files`,
    durationMs,
    output: `${output.trim()}${nothing}`,
  };
}

async function checkTypes(): Promise<Outcome> {
  const { code, stdout, stderr } = await tool('tsc', ['-p', '.', '--listFiles', '--pretty', 'false']);
  const lines = stdout.split('\n');
  const own = lines.filter(
    (line) => line.startsWith(`${ROOT}${path.sep}`) && !line.includes('/node_modules/'),
  );
  const messages = lines.filter((line) => !line.startsWith('/'));
  return { ok: code === 0, looked: own.length, output: [...messages, stderr].join('\n') };
}

async function checkStyle(): Promise<Outcome> {
  const args = ['ci', '--max-diagnostics=50', '--error-on-warnings', '.'];
  const { code, stdout, stderr } = await tool('biome', args);
  const output = stripVTControlCharacters(`${stdout}${stderr}`);
  return { ok: code === 0, looked: Number(/Checked (\d+) files?/.exec(output)?.[1] ?? 0), output };
}

async function checkDeadCode(): Promise<Outcome> {
  const counter = path.join(import.meta.dirname, 'knip-counter.ts');
  const args = [
    '--no-progress',
    '--treat-config-hints-as-errors',
    '--reporter=compact',
    `--reporter=${counter}`,
  ];
  const { code, stdout, stderr } = await tool('knip', args);
  const looked = Number(/^files read: (\d+)$/m.exec(stdout)?.[1] ?? 0);
  return { ok: code === 0, looked, output: `${stdout}${stderr}` };
}

async function checkDependencies(): Promise<Outcome> {
  const { looked, violations } = await checkDependencyRule(ROOT);
  return { ok: violations.length === 0, looked, output: violations.map(formatViolation).join('\n') };
}

async function tool(name: string, args: readonly string[]) {
  const child = spawn(path.join(ROOT, 'node_modules', '.bin', name), args, {
    cwd: ROOT,
    env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...output };
}

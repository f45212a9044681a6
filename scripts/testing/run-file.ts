/** Runs one test file in a process group and a temporary folder of its own, and looks at what it left behind. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import {
  canSeeProcesses,
  filesUnder,
  killProcessesUnder,
  processesThatStay,
} from '../../tests/support/processes.ts';
import { ROOT } from './files.ts';
import type { TestRecord } from './reporter.ts';

export interface FileResult {
  file: string;
  passed: number;
  failures: { name: string; detail: string }[];
  skipped: { name: string; reason: string }[];
  /** What its tests have to say of themselves. */
  told: string[];
  durationMs: number;
  /** What the file printed, standard output and error as they came. */
  output: string;
}

export interface RunOptions {
  timeoutMs: number;
  env: Record<string, string>;
  /** Makes of a command one that runs elsewhere, in the same process: in another network. */
  enter?: ((command: string, args: readonly string[]) => { command: string; args: string[] }) | undefined;
}

/** Processes that were told to end get this long to be gone. */
const EXIT_GRACE_MS = 3_000;
const KEPT_OUTPUT = 200_000;
const reporter = path.join(import.meta.dirname, 'reporter.ts');
const running = new Set<{ child: ChildProcess; folder: string; recordsFile: string }>();
let stopped = false;

export async function runFile(file: string, options: RunOptions): Promise<FileResult> {
  if (stopped) return await new Promise(() => {});
  const startedAt = performance.now();
  // Short: Unix sockets below it must fit into 107 characters. The records are outside, or they would count as left.
  const folder = await mkdtemp(path.join(os.tmpdir(), 'cf-'));
  // Replicas with a user of their own have to pass through it.
  await chmod(folder, 0o711);
  const recordsFile = `${folder}.records`;
  try {
    const end = await execute(file, folder, recordsFile, options);
    const records = await readRecords(recordsFile);
    const result = toResult(file, records, end, options.timeoutMs);
    result.failures.push(...(await leftovers(folder)));
    return { ...result, durationMs: performance.now() - startedAt };
  } finally {
    await cleanUp(folder);
    await rm(recordsFile, { force: true });
  }
}

/** Ends what is running, for when the runner itself is told to end; files that are asked for later never begin. */
export async function stopRunning(): Promise<void> {
  stopped = true;
  await Promise.all(
    [...running].map(async ({ child, folder, recordsFile }) => {
      killGroup(child);
      await cleanUp(folder);
      await rm(recordsFile, { force: true });
    }),
  );
}

/** The part of it that can be done while this process ends. */
export function killRunning(): void {
  for (const { child } of running) killGroup(child);
}

interface End {
  code: number | null;
  signal: NodeJS.Signals | null;
  timedOut: boolean;
  output: string;
}

async function execute(file: string, folder: string, recordsFile: string, options: RunOptions): Promise<End> {
  const flags = [
    '--disable-warning=ExperimentalWarning',
    `--test-reporter=${reporter}`,
    `--test-reporter-destination=${recordsFile}`,
  ];
  const { command, args } = options.enter?.(process.execPath, [...flags, file]) ?? {
    command: process.execPath,
    args: [...flags, file],
  };
  const child = spawn(command, args, {
    cwd: ROOT,
    // A group of its own: what it started can be ended with it.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      ...options.env,
      TMPDIR: folder,
      // A test that forgets --state-dir must not find the daemon of the person who runs it.
      XDG_STATE_HOME: path.join(folder, 'xdg'),
      // npm and others would leave their caches in TMPDIR.
      NODE_DISABLE_COMPILE_CACHE: '1',
      // Set inside of a test; with it the file would report to that one.
      NODE_TEST_CONTEXT: undefined,
    },
  });
  const entry = { child, folder, recordsFile };
  running.add(entry);
  const end: End = { code: null, signal: null, timedOut: false, output: '' };
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      end.output = (end.output + text).slice(-KEPT_OUTPUT);
    });
  }
  const timer = setTimeout(() => {
    end.timedOut = true;
    killGroup(child);
  }, options.timeoutMs);
  // 'exit', not 'close': a process that was left behind may hold the pipes open.
  [end.code, end.signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  clearTimeout(timer);
  running.delete(entry);
  return end;
}

function toResult(file: string, records: TestRecord[], end: End, timeoutMs: number): FileResult {
  const failures = records.filter((record) => record.kind === 'failed');
  const skipped = records.filter((record) => record.kind === 'skipped');
  const passed = records.filter((record) => record.kind === 'passed').length;
  const result: FileResult = {
    file,
    passed,
    failures: [...failures],
    skipped,
    told: records.filter((record) => record.kind === 'told').map(({ text }) => text),
    durationMs: 0,
    output: end.output,
  };
  const fail = (detail: string) => result.failures.push({ name: file, detail });
  const last = records.findLast((record) => record.kind === 'began')?.name ?? 'none of its tests';
  if (end.timedOut) fail(`did not end within ${timeoutMs / 1000} s; the last test that began: ${last}`);
  else if (end.signal !== null) fail(`was killed by ${end.signal}; the last test that began: ${last}`);
  else if (end.code !== 0 && failures.length === 0) fail(`ended with exit code ${end.code}, see its output`);
  else if (passed + failures.length + skipped.length === 0) fail('has no test');
  return result;
}

async function leftovers(folder: string): Promise<FileResult['failures']> {
  const found: FileResult['failures'] = [];
  const processes = (await canSeeProcesses()) ? await processesThatStay(folder, EXIT_GRACE_MS) : [];
  if (processes.length > 0) {
    const list = processes.map(({ pid, command }) => `  ${pid} ${command}`);
    found.push({ name: 'processes are left', detail: `killed now:\n${list.join('\n')}` });
  }
  const files = await filesUnder(folder);
  if (files.length > 0) {
    const list = files.slice(0, 20).map((file) => `  ${file}`);
    found.push({
      name: 'files are left',
      detail: `${files.length} in its temporary folder:\n${list.join('\n')}`,
    });
  }
  return found;
}

async function cleanUp(folder: string): Promise<void> {
  if (await canSeeProcesses()) await killProcessesUnder(folder);
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function readRecords(recordsFile: string): Promise<TestRecord[]> {
  const text = await readFile(recordsFile, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  // The last line of a file that was killed may be cut.
  const lines = text.split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as TestRecord);
}

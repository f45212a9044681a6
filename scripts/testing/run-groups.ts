import type { Group } from './files.ts';
import { type FileResult, killRunning, type RunOptions, runFile, stopRunning } from './run-file.ts';

/** Runs the groups one after the other and tells of every file as it ends. When this process is told to end, so are they. */
export async function runGroups(
  groups: readonly Group[],
  how: Omit<RunOptions, 'timeoutMs'>,
  onResult: (result: FileResult) => void,
): Promise<FileResult[]> {
  endWithThisProcess();
  const results: FileResult[] = [];
  for (const group of groups) {
    const waiting = [...group.files];
    const worker = async () => {
      for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
        const options = { timeoutMs: group.timeoutMs, ...how };
        const first = await runFile(file, options);
        const result = mayRepeat(group, first) ? await repeat(first, () => runFile(file, options)) : first;
        results.push(result);
        onResult(result);
      }
    };
    await Promise.all(Array.from({ length: group.concurrency }, worker));
  }
  return results;
}

/**
 * Real processes on a machine that others use too: in CI a file with real processes that failed is run once more, and
 * that is said loudly. A seed of the simulation that found something is never run away from.
 */
function mayRepeat(group: Group, first: FileResult): boolean {
  return process.env.CI === 'true' && group.name !== 'simulation' && first.failures.length > 0;
}

async function repeat(first: FileResult, run: () => Promise<FileResult>): Promise<FileResult> {
  const names = first.failures.map(({ name, detail }) => `    ${name}\n${detail}`).join('\n');
  process.stdout.write(
    `REPEATED ${first.file}: failed once, is run a second time. The first failure was:\n${names}\n`,
  );
  return await run();
}

function endWithThisProcess(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, async () => {
      await stopRunning();
      process.exit(130);
    });
  }
  // It ends otherwise, too: by an error, or because nobody reads its output any more.
  process.once('exit', killRunning);
}

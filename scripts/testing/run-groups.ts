import type { Group } from './files.ts';
import { type FileResult, killRunning, type RunOptions, runFile, stopRunning } from './run-file.ts';

/** Runs the groups one after the other and tells of every file as it ends. When this process is told to end, so are they. */
export async function runGroups(
  groups: readonly Group[],
  env: RunOptions['env'],
  onResult: (result: FileResult) => void,
): Promise<FileResult[]> {
  endWithThisProcess();
  const results: FileResult[] = [];
  for (const group of groups) {
    const waiting = [...group.files];
    const worker = async () => {
      for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
        const result = await runFile(file, { timeoutMs: group.timeoutMs, env });
        results.push(result);
        onResult(result);
      }
    };
    await Promise.all(Array.from({ length: group.concurrency }, worker));
  }
  return results;
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

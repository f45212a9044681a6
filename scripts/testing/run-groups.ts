import type { Group } from './files.ts';
import { type FileResult, type RunOptions, runFile } from './run-file.ts';

/** Runs the groups one after the other and tells of every file as it ends. */
export async function runGroups(
  groups: readonly Group[],
  env: RunOptions['env'],
  onResult: (result: FileResult) => void,
): Promise<FileResult[]> {
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

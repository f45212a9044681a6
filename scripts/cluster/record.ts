/** What is known of a cluster from outside, kept in its state directory. */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { stateFiles } from './layout.ts';

export interface ClusterRecord {
  keeperPid: number;
  /** Of the first process inside, as the machine sees it. */
  worldPid: number;
  cgroup: string;
  /** Environment of the programs inside: where they and their libraries are. */
  env: Record<string, string>;
}

export async function writeRecord(stateDir: string, record: ClusterRecord): Promise<void> {
  const { record: file } = stateFiles(stateDir);
  await writeFile(`${file}.new`, `${JSON.stringify(record, undefined, 2)}\n`, { mode: 0o600 });
  await rename(`${file}.new`, file);
}

/** Undefined when there is no cluster that is up, or none at all. */
export async function readRecord(stateDir: string): Promise<ClusterRecord | undefined> {
  try {
    return JSON.parse(await readFile(stateFiles(stateDir).record, 'utf8')) as ClusterRecord;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** True when the keeper runs: a process id alone may be another's by now. */
export async function isKept(
  stateDir: string,
  { keeperPid }: Pick<ClusterRecord, 'keeperPid'>,
): Promise<boolean> {
  const command = await readFile(`/proc/${keeperPid}/cmdline`, 'utf8').catch(() => '');
  return command.includes(stateDir);
}

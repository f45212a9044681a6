/** Which test files there are, and how each kind of them is run. */
import { globSync } from 'node:fs';
import path from 'node:path';

export const ROOT = path.dirname(path.dirname(import.meta.dirname));

export interface Group {
  name: string;
  /** Files at once. What measures traffic or uses the whole machine runs alone. */
  concurrency: number;
  /** Upper bound for one file, in milliseconds: it ends what hangs and says nothing about speed. */
  timeoutMs: number;
  /** Relative to the root of the repository. */
  files: string[];
  /** Its files run in the network of a Kubernetes cluster. */
  onCluster: boolean;
}

const MINUTE_MS = 60_000;

interface Kind extends Pick<Group, 'name' | 'concurrency' | 'timeoutMs'> {
  fullTimeoutMs: number;
  onCluster?: true;
}

const KINDS: readonly Kind[] = [
  { name: 'unit', concurrency: 2, timeoutMs: 2 * MINUTE_MS, fullTimeoutMs: 10 * MINUTE_MS },
  { name: 'simulation', concurrency: 2, timeoutMs: 5 * MINUTE_MS, fullTimeoutMs: 60 * MINUTE_MS },
  { name: 'conformance', concurrency: 1, timeoutMs: 5 * MINUTE_MS, fullTimeoutMs: 15 * MINUTE_MS },
  { name: 'e2e', concurrency: 1, timeoutMs: 8 * MINUTE_MS, fullTimeoutMs: 120 * MINUTE_MS },
  {
    name: 'kubernetes',
    concurrency: 1,
    timeoutMs: 20 * MINUTE_MS,
    fullTimeoutMs: 120 * MINUTE_MS,
    onCluster: true,
  },
];

/** End-to-end files that do not depend on how fast anything is: two of them at once. */
const UNHURRIED = [
  'clock',
  'crash-points',
  'interventions',
  'leftovers',
  'package',
  'power-loss',
  'trouble',
].map((name) => `tests/e2e/${name}.test.ts`);

/** On a cluster, what takes long: measurements, nodes and whole clusters that come and go. Run in full, or by name. */
const LONG = [
  'baseline',
  'cluster',
  'disturbed',
  'held',
  'interrupted',
  'kept-connections',
  'leftovers',
  'nodes',
  'router/contour',
  'scaled',
  'scenarios',
  'timings',
].map((name) => `tests/kubernetes/${name}.test.ts`);

export interface Selection {
  /** A file is run when its path contains one of these; none means all. */
  patterns: readonly string[];
  /** Names of the groups; none means all. */
  groups: readonly string[];
  full: boolean;
}

/** @throws Error when a test file is in a folder that no group runs: it would never be noticed that it does not run */
export function findGroups(selection: Selection, root = ROOT): Group[] {
  const all = globSync('tests/**/*.test.ts', { cwd: root })
    .filter((file) => selection.full || selection.patterns.length > 0 || !LONG.includes(file))
    .sort();
  const stray = all.filter((file) => !KINDS.some(({ name }) => file.startsWith(`tests/${name}/`)));
  if (stray.length > 0) throw new Error(`no group runs ${stray.join(', ')}`);
  return KINDS.filter(({ name }) => selection.groups.length === 0 || selection.groups.includes(name))
    .map(({ name, concurrency, timeoutMs, fullTimeoutMs, onCluster = false }) => ({
      name,
      concurrency,
      onCluster,
      timeoutMs: selection.full ? fullTimeoutMs : timeoutMs,
      files: all.filter((file) => file.startsWith(`tests/${name}/`) && matches(file, selection.patterns)),
    }))
    .flatMap((group) => {
      const unhurried = group.files.filter((file) => UNHURRIED.includes(file));
      const alone = group.files.filter((file) => !UNHURRIED.includes(file));
      return [
        { ...group, files: alone },
        { ...group, name: `${group.name}, unhurried`, concurrency: 2, files: unhurried },
      ];
    })
    .filter(({ files }) => files.length > 0);
}

function matches(file: string, patterns: readonly string[]): boolean {
  return patterns.length === 0 || patterns.some((pattern) => file.includes(pattern));
}

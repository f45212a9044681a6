/** Many lives, on as many threads as wanted. */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { oneLife, SimulationFailure } from './one-life.ts';
import type { ProfileName } from './profiles.ts';

export interface Lot {
  first: number;
  /** Lives at once per message. */
  lives: number;
  profile: ProfileName | undefined;
}

export interface Yield {
  lives: number;
  releases: number;
  hostileReleases: number;
  cpuMs: number;
  requests: { sent: number; ok: number; failed: Record<string, number> };
  verdicts: Map<string, number>;
  cells: Map<string, number>;
  failures: { seed: number; profile: ProfileName; message: string }[];
}

/** At least half of all releases are hostile. */
const PROFILE_OF_TURN: readonly ProfileName[] = ['hostile', 'rough', 'hostile', 'calm', 'hostile'];

function profileOf(seed: number): ProfileName {
  return PROFILE_OF_TURN[seed % PROFILE_OF_TURN.length] ?? 'hostile';
}

export async function liveMany({ first, lives, profile }: Lot): Promise<Yield> {
  const before = process.threadCpuUsage();
  const total = emptyYield();
  for (let seed = first; seed < first + lives; seed++) {
    const own = profile ?? profileOf(seed);
    try {
      const { releases, users, judge, cells } = await oneLife(seed, own);
      total.lives += 1;
      total.releases += releases;
      if (own === 'hostile') total.hostileReleases += releases;
      total.requests.sent += users.ledger.sent;
      total.requests.ok += users.ledger.ok;
      for (const [fault, count] of Object.entries(users.ledger.failed))
        total.requests.failed[fault] = (total.requests.failed[fault] ?? 0) + count;
      addTo(total.verdicts, judge.verdicts);
      addTo(total.cells, cells.counts);
    } catch (error) {
      if (!(error instanceof SimulationFailure)) throw error;
      total.failures.push({ seed, profile: own, message: error.message });
    }
  }
  const used = process.threadCpuUsage(before);
  total.cpuMs = (used.user + used.system) / 1000;
  return total;
}

export function emptyYield(): Yield {
  return {
    lives: 0,
    releases: 0,
    hostileReleases: 0,
    cpuMs: 0,
    requests: { sent: 0, ok: 0, failed: {} },
    verdicts: new Map(),
    cells: new Map(),
    failures: [],
  };
}

export function addYield(total: Yield, more: Yield): void {
  total.lives += more.lives;
  total.releases += more.releases;
  total.hostileReleases += more.hostileReleases;
  total.cpuMs += more.cpuMs;
  total.requests.sent += more.requests.sent;
  total.requests.ok += more.requests.ok;
  for (const [fault, count] of Object.entries(more.requests.failed))
    total.requests.failed[fault] = (total.requests.failed[fault] ?? 0) + count;
  addTo(total.verdicts, more.verdicts);
  addTo(total.cells, more.cells);
  total.failures.push(...more.failures);
}

function addTo(counts: Map<string, number>, more: ReadonlyMap<string, number>): void {
  for (const [key, count] of more) counts.set(key, (counts.get(key) ?? 0) + count);
}

/**
 * @param nextLot asked for each time that a thread has nothing to do; undefined: it is enough
 * @param onYield told what each lot gave
 */
export async function soak(
  jobs: number,
  nextLot: () => Lot | undefined,
  onYield: (more: Yield) => void,
): Promise<void> {
  if (jobs === 1) {
    for (let lot = nextLot(); lot; lot = nextLot()) onYield(await liveMany(lot));
    return;
  }
  await Promise.all(Array.from({ length: jobs }, () => onThread(nextLot, onYield)));
}

function onThread(nextLot: () => Lot | undefined, onYield: (more: Yield) => void): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const worker = new Worker(new URL(import.meta.url), { workerData: 'soak' });
  const go = () => {
    const lot = nextLot();
    if (lot) worker.postMessage(lot);
    else void worker.terminate().then(() => resolve(), reject);
  };
  worker.on('message', (more: Yield) => {
    onYield(more);
    go();
  });
  worker.on('error', reject);
  go();
  return promise;
}

if (!isMainThread && workerData === 'soak') {
  parentPort?.on('message', (lot: Lot) => {
    void liveMany(lot).then(
      (more) => parentPort?.postMessage(more),
      (error: unknown) => {
        throw error;
      },
    );
  });
}

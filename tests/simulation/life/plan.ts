/** What happens in a life, drawn before it begins: a list that can be shortened, and says itself what it does. */
import type { Command, Ms } from '../../../src/core/model.ts';
import type { AppSpec } from '../../../src/spec/app.ts';
import { hashOf, Random } from '../random.ts';
import { VERBS } from './cells.ts';
import {
  CALL_FAULTS,
  type CallFault,
  HAPPENINGS,
  OPERATIONS,
  type Profile,
  type WorldHappening,
} from './profiles.ts';
import { strategyOf } from './strategies.ts';
import { BAD, type Behaviour } from './versions.ts';

type Edit = Partial<
  Pick<AppSpec['spec'], 'strategy' | 'onNewRevision' | 'replicas' | 'drainTimeoutMs' | 'health' | 'verify'>
>;

export type Item = { at: Ms } & (
  | { do: 'apply'; version: number; behaviour: Behaviour }
  | { do: 'edit'; change: Edit }
  | { do: 'command'; command: Pick<Command, 'id' | 'verb' | 'full' | 'toRevision'> }
  | { do: 'delete' }
  /** `pick` chooses whom it hits, `ms` is how long or how much. */
  | { do: WorldHappening; pick: number; ms: Ms }
);

/** One machine has one daemon, whose store may be put back; a cluster has leaders that change, and caches that lag. */
const ONLY_ON = {
  machine: ['diskFull', 'restoredStore'],
  cluster: ['leaderMove', 'cacheLag'],
} as const satisfies Record<string, readonly WorldHappening[]>;

export interface Plan {
  on: keyof typeof ONLY_ON;
  first: { strategy: AppSpec['spec']['strategy']; more: Partial<AppSpec['spec']> };
  workers: number;
  lengthMs: Ms;
  /** Chances of what goes wrong at a call. */
  perCall: Record<CallFault, number>;
  items: Item[];
}

/** So many of what happens to the world come soon after somebody asked for something, where much is under way. */
const SOON_AFTER = 0.25;
const SOON_MS = 300;

export function planOf(seed: number, profile: Profile): Plan {
  const random = new Random(seed);
  const lengthMs = random.int(8_000, 20_000);
  const items: Item[] = [];
  const numbers = { version: 1, command: 0 };
  for (const operation of OPERATIONS) {
    const own = new Random(seed ^ hashOf(operation));
    for (const at of times(own, swarmed(own, profile.operationsPerMinute[operation]), lengthMs))
      items.push(...operations(own, at, operation, profile, numbers));
  }
  const operationsAt = items.map(({ at }) => at);
  const on = random.pick(['machine', 'cluster'] as const);
  const elsewhere: readonly WorldHappening[] = ONLY_ON[on === 'machine' ? 'cluster' : 'machine'];
  for (const happening of HAPPENINGS.filter((name) => !elsewhere.includes(name))) {
    const own = new Random(seed ^ hashOf(happening));
    for (const alone of times(own, swarmed(own, profile.perMinute[happening]), lengthMs)) {
      const at =
        operationsAt.length > 0 && own.chance(SOON_AFTER)
          ? own.pick(operationsAt) + own.int(0, SOON_MS)
          : alone;
      items.push({ at, do: happening, pick: own.int(0, 1000), ms: own.int(1, own.pick([100, 1000, 5000])) });
    }
  }
  return {
    on,
    first: {
      strategy: strategyOf(random),
      more: { replicas: random.int(1, 4), revisionHistoryLimit: random.int(1, 3), ...settings(random) },
    },
    workers: random.pick([1, 1, 2, 3]),
    lengthMs,
    perCall: perCallOf(seed, profile),
    items: items.sort((a, b) => a.at - b.at),
  };
}

function settings(random: Random): Edit {
  return {
    onNewRevision: random.pick(['supersede', 'supersede', 'queue', 'reject'] as const),
    health: { minReadySeconds: random.pick([0, 0, 0.2]) },
    verify: {
      minRequests: random.pick([20, 40]),
      onNoTraffic: random.pick(['probe', 'probe', 'hold'] as const),
    },
  };
}

/**
 * Each life has its own mixture: what happens in all of them at once hides what one alone would show (Groce and others,
 * Swarm Testing, 2012).
 */
function swarmed(random: Random, rate: number): number {
  return rate * random.pick([0, 0.25, 1, 1, 2.75]);
}

function perCallOf(seed: number, { perCall }: Profile): Record<CallFault, number> {
  const random = new Random(seed ^ hashOf('calls'));
  const rates = CALL_FAULTS.map((fault) => [fault, swarmed(random, perCall[fault])]);
  return Object.fromEntries(rates) as Record<CallFault, number>;
}

/** Moments of something that happens so often, by chance. */
function* times(random: Random, perMinute: number, lengthMs: Ms): Generator<Ms> {
  for (let at = 0; ; ) {
    if (perMinute > 0) at += (-Math.log(1 - random.next()) * 60_000) / perMinute;
    if (perMinute === 0 || at >= lengthMs) return;
    yield Math.round(at);
  }
}

function operations(
  random: Random,
  at: Ms,
  operation: (typeof OPERATIONS)[number],
  profile: Profile,
  numbers: { version: number; command: number },
): Item[] {
  switch (operation) {
    case 'apply': {
      const goesBack = random.chance(0.2);
      const version = goesBack ? random.int(1, numbers.version) : ++numbers.version;
      // The same version always behaves the same.
      const own = new Random(version * 7919);
      const behaviour = version > 1 && own.chance(profile.badVersions) ? own.pick(BAD) : 'well';
      return [{ at, do: 'apply', version, behaviour }];
    }
    case 'scale':
      return [{ at, do: 'edit', change: { replicas: random.pick([0, 1, 1, 2, 2, 3, 3, 4, 5]) } }];
    case 'edit':
      return [
        { at, do: 'edit', change: random.chance(0.5) ? { strategy: strategyOf(random) } : settings(random) },
      ];
    case 'delete':
      return [{ at, do: 'delete' }];
    case 'command':
      return Array.from({ length: random.pick([1, 1, 1, 2, 3]) }, () => ({
        at: at + random.pick([0, 0, 1, 30]),
        do: 'command' as const,
        command: commandOf(random, numbers),
      }));
  }
}

/** Now and then the same id again; ids may look like numbers. */
function commandOf(
  random: Random,
  numbers: { command: number },
): Pick<Command, 'id' | 'verb' | 'full' | 'toRevision'> {
  const n = random.chance(0.15) && numbers.command > 0 ? random.int(1, numbers.command) : ++numbers.command;
  const verb = random.pick(VERBS);
  return {
    id: n % 3 === 0 ? String(100_000 - n) : `c${n}`,
    verb,
    ...(verb === 'promote' && random.chance(0.5) ? { full: true } : {}),
    ...(verb === 'undo' && random.chance(0.3) ? { toRevision: String(random.int(1, 5)) } : {}),
  };
}

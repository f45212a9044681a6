/** How much goes wrong, and how often. */

/** Chances, each time that one of these calls is made. */
export const CALL_FAULTS = [
  'slowTick',
  'crashBeforeCommit',
  'crashInCommit',
  'crashBeforeAction',
  'crashAfterAction',
  'commitConflict',
  'commitUnknown',
  'actionRefused',
  'actionUnknown',
  'actionTwice',
  'slowAction',
  'lateDelivery',
  'lostAcknowledgement',
  'repeatedDelivery',
  'engineUnseen',
  'routerUnseen',
  'portClash',
  'slowStart',
  'slowStop',
] as const;
export type CallFault = (typeof CALL_FAULTS)[number];

/** Times per minute of simulated time. */
export const HAPPENINGS = [
  'daemonCrash',
  'leaderMove',
  'reboot',
  'clockJump',
  'cacheLag',
  'diskFull',
  'restoredStore',
  'replicaCrash',
  'replicaHang',
  'replicaFlap',
  'routerDown',
  'routerRestart',
  'routerUpgrade',
  'oldTable',
  'secondWriter',
] as const;
export type WorldHappening = (typeof HAPPENINGS)[number];

export const OPERATIONS = ['apply', 'scale', 'edit', 'command', 'delete'] as const;
export type Operation = (typeof OPERATIONS)[number];

export interface Profile {
  perCall: Record<CallFault, number>;
  perMinute: Record<WorldHappening, number>;
  operationsPerMinute: Record<Operation, number>;
  /** Part of the versions that are bad in one way or another. */
  badVersions: number;
}

const HOSTILE: Profile = {
  perCall: {
    slowTick: 0.03,
    crashBeforeCommit: 0.01,
    crashInCommit: 0.02,
    crashBeforeAction: 0.02,
    crashAfterAction: 0.02,
    commitConflict: 0.03,
    commitUnknown: 0.02,
    actionRefused: 0.05,
    actionUnknown: 0.05,
    actionTwice: 0.1,
    slowAction: 0.1,
    lateDelivery: 0.3,
    lostAcknowledgement: 0.05,
    repeatedDelivery: 0.1,
    engineUnseen: 0.02,
    routerUnseen: 0.02,
    portClash: 0.05,
    slowStart: 0.05,
    slowStop: 0.1,
  },
  perMinute: {
    daemonCrash: 4,
    leaderMove: 4,
    reboot: 2,
    clockJump: 6,
    cacheLag: 8,
    diskFull: 3,
    restoredStore: 2.5,
    replicaCrash: 12,
    replicaHang: 2,
    replicaFlap: 12,
    routerDown: 4,
    routerRestart: 4,
    routerUpgrade: 3,
    oldTable: 3,
    secondWriter: 3,
  },
  operationsPerMinute: { apply: 45, scale: 15, edit: 15, command: 120, delete: 1 },
  badVersions: 0.5,
};

export const PROFILES = {
  calm: {
    ...scaled(HOSTILE, 0.02, 0.05),
    operationsPerMinute: { apply: 15, scale: 2, edit: 1, command: 20, delete: 0.2 },
    badVersions: 0.1,
  },
  rough: {
    ...scaled(HOSTILE, 0.25, 0.3),
    operationsPerMinute: { apply: 25, scale: 6, edit: 5, command: 60, delete: 0.5 },
    badVersions: 0.3,
  },
  hostile: HOSTILE,
} satisfies Record<string, Profile>;

export type ProfileName = keyof typeof PROFILES;

function scaled({ perCall, perMinute }: Profile, calls: number, minutes: number) {
  return { perCall: times(perCall, calls), perMinute: times(perMinute, minutes) };
}

function times<Key extends string>(rates: Record<Key, number>, by: number): Record<Key, number> {
  const entries = Object.entries<number>(rates).map(([name, rate]) => [name, rate * by]);
  return Object.fromEntries(entries) as Record<Key, number>;
}

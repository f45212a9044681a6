/** Strategies for simulated Apps: every kind of stage is in one of them. */
import type { AppSpec, CanaryStep, Match } from '../../../src/spec/app.ts';
import type { Random } from '../random.ts';

type Strategy = AppSpec['spec']['strategy'];

const BY_USER = { kind: 'header', name: 'x-user' } as const;
const TESTERS: Match = { headers: [{ name: 'x-tester', value: { kind: 'present' } }], cookies: [] };

export function strategyOf(random: Random): Strategy {
  const warmMs = random.pick([0, 500, 3000]);
  return random.pick<(() => Strategy)[][number]>([
    () => ({ kind: 'recreate' }),
    () => ({ kind: 'recreate', hold: { maxRequests: 100, maxMs: 5000 } }),
    () => ({
      kind: 'rolling',
      maxSurge: random.pick([0, 1, '25%']),
      maxUnavailable: random.pick([1, '25%', '50%', '100%']),
    }),
    () => ({ kind: 'rolling', maxSurge: 1, maxUnavailable: 0 }),
    () => ({ kind: 'blueGreen', autoPromotion: random.chance(0.7), warmMs }),
    () => ({ kind: 'blueGreen', autoPromotion: true, autoPromotionMs: 300, previewReplicas: 1, warmMs }),
    () => canary(random, warmMs),
    () => canary(random, warmMs),
    () => abTest(random, warmMs, []),
    () => abTest(random, warmMs, [TESTERS]),
  ])();
}

function abTest(random: Random, warmMs: number, matches: Match[]): Strategy {
  const isByName = matches.length > 0 && random.chance(0.3);
  return {
    kind: 'abTest',
    matches,
    ...(isByName ? {} : { split: { weightBp: random.int(1000, 9000), by: BY_USER } }),
    ...(random.chance(0.3) ? { candidateReplicas: 1 } : {}),
    warmMs,
  };
}

function canary(random: Random, warmMs: number): Strategy {
  const first = random.int(1, 5000);
  return {
    kind: 'canary',
    ...(random.chance(0.3) ? { sticky: BY_USER } : {}),
    steps: [
      ...(random.chance(0.3) ? [{ kind: 'setHeaderRoute' as const, name: 'testers', match: [TESTERS] }] : []),
      ...(random.chance(0.3) ? mirror(random) : []),
      { kind: 'setWeight', weightBp: first },
      random.pick([
        { kind: 'pause', durationMs: 300 },
        { kind: 'pause', durationMs: 1500 },
        { kind: 'pause' },
        { kind: 'approval' },
        { kind: 'verify', minRequests: 30 },
      ]),
      {
        kind: 'setCanaryScale',
        scale: random.pick([
          { kind: 'count', replicas: 2 },
          { kind: 'percent', of: 50 },
        ]),
      },
      { kind: 'setWeight', weightBp: random.int(5000, 10_000) },
    ],
    warmMs,
  };
}

function mirror(random: Random): CanaryStep[] {
  return [
    { kind: 'setMirror', shareBp: random.pick([50, 2500, 10_000]) },
    { kind: 'pause', durationMs: random.pick([100, 500]) },
    ...(random.chance(0.2) ? [{ kind: 'setMirror' as const, shareBp: 0 }] : []),
  ];
}

import type { AppSpec } from '../../../../src/spec/app.ts';

/** By the name that transcripts and their folders have. */
export const STRATEGIES: Record<string, AppSpec['spec']['strategy']> = {
  recreate: { kind: 'recreate' },
  'recreate-hold': { kind: 'recreate', hold: { maxRequests: 1000, maxMs: 5000 } },
  rolling: { kind: 'rolling', maxSurge: 1, maxUnavailable: 0 },
  'rolling-in-place': { kind: 'rolling', maxSurge: 0, maxUnavailable: 1 },
  'blue-green': { kind: 'blueGreen', autoPromotion: false, previewReplicas: 1, warmMs: 5000 },
  'blue-green-auto': { kind: 'blueGreen', autoPromotion: true, autoPromotionMs: 500, warmMs: 5000 },
  canary: {
    kind: 'canary',
    steps: [
      { kind: 'setWeight', weightBp: 800 },
      { kind: 'pause', durationMs: 1000 },
      { kind: 'setWeight', weightBp: 5000 },
      { kind: 'pause' },
    ],
    warmMs: 5000,
  },
  'canary-steps': {
    kind: 'canary',
    steps: [
      { kind: 'setCanaryScale', scale: { kind: 'count', replicas: 1 } },
      {
        kind: 'setHeaderRoute',
        name: 'testers',
        match: [{ headers: [{ name: 'x-tester', value: { kind: 'present' } }], cookies: [] }],
      },
      { kind: 'approval', message: 'the testers have seen it' },
      { kind: 'setHeaderRoute', name: 'testers', match: [] },
      { kind: 'setWeight', weightBp: 2000 },
      { kind: 'verify', minRequests: 300 },
      { kind: 'setCanaryScale', scale: { kind: 'percent', of: 100 } },
    ],
    sticky: { kind: 'header', name: 'x-user' },
    warmMs: 5000,
  },
  'canary-mirror': {
    kind: 'canary',
    steps: [
      { kind: 'setMirror', shareBp: 5000 },
      { kind: 'pause', durationMs: 1000 },
      { kind: 'setMirror', shareBp: 10_000 },
      { kind: 'pause' },
      { kind: 'setWeight', weightBp: 2000 },
    ],
    warmMs: 5000,
  },
  'ab-test': {
    kind: 'abTest',
    matches: [],
    split: { weightBp: 3000, by: { kind: 'header', name: 'x-user' } },
    warmMs: 3000,
  },
  'ab-test-matches': {
    kind: 'abTest',
    matches: [{ headers: [], cookies: [{ name: 'wording', value: { kind: 'exact', value: 'b' } }] }],
    candidateReplicas: 1,
    warmMs: 3000,
  },
};

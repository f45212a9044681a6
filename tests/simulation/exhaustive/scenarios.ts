import type { Command } from '../../../src/core/model.ts';
import type { AppSpec } from '../../../src/spec/app.ts';

export interface Scenario {
  name: string;
  strategy: AppSpec['spec']['strategy'];
  replicas: 1 | 2;
}

const STRATEGIES: Record<string, AppSpec['spec']['strategy']> = {
  rolling: { kind: 'rolling', maxSurge: 1, maxUnavailable: 0 },
  'rolling in place': { kind: 'rolling', maxSurge: 0, maxUnavailable: 1 },
  'blue-green': { kind: 'blueGreen', autoPromotion: true, warmMs: 2000 },
  canary: {
    kind: 'canary',
    steps: [
      { kind: 'setWeight', weightBp: 5000 },
      { kind: 'pause', durationMs: 1000 },
    ],
    warmMs: 0,
  },
  recreate: { kind: 'recreate' },
};

export const SCENARIOS: readonly Scenario[] = Object.entries(STRATEGIES).flatMap(([name, strategy]) =>
  ([1, 2] as const).map((replicas) => ({
    name: `${name}, ${replicas} ${replicas === 1 ? 'replica' : 'replicas'}`,
    strategy,
    replicas,
  })),
);

/** What operators may do at any moment, beside applying a third version. */
export const COMMANDS: readonly Pick<Command, 'verb' | 'full'>[] = [
  { verb: 'promote' },
  { verb: 'promote', full: true },
  { verb: 'abort' },
  { verb: 'pause' },
  { verb: 'resume' },
  { verb: 'undo' },
  { verb: 'restart' },
  { verb: 'retry' },
];

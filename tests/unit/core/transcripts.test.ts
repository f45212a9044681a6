/**
 * Every strategy forward, back, and with a candidate that crashes, as a transcript that is read by people.
 * Regenerated only on purpose: UPDATE_GOLDEN=1 node --test tests/unit/core/transcripts.test.ts
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { AppSpec } from '../../../src/spec/app.ts';
import { specOf, World } from '../../simulation/world.ts';

const STRATEGIES: Record<string, AppSpec['spec']['strategy']> = {
  recreate: { kind: 'recreate' },
  'recreate-hold': { kind: 'recreate', hold: { maxRequests: 10, maxMs: 1000 } },
  rolling: { kind: 'rolling', maxSurge: '25%', maxUnavailable: '25%' },
  'blue-green': { kind: 'blueGreen', autoPromotion: true, warmMs: 5000 },
  'blue-green-manual': { kind: 'blueGreen', autoPromotion: false, previewReplicas: 1, warmMs: 5000 },
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
  'ab-test': {
    kind: 'abTest',
    matches: [],
    split: { weightBp: 3000, by: { kind: 'header', name: 'x-user' } },
    warmMs: 3000,
  },
};

for (const [name, strategy] of Object.entries(STRATEGIES)) {
  test(`the transcript of ${name}: release, undo, a candidate that crashes`, () => {
    const world = new World(specOf(strategy));
    world.run(1000);
    world.log.push('> apply v2');
    world.apply('v2');
    world.run(4000);
    if (world.state.release) {
      world.log.push('> promote');
      world.command('promote');
      world.run(2000);
    }
    world.log.push('> undo');
    world.command('undo');
    world.run(10_000);
    world.log.push('> apply v3, which crashes 200 ms after it was ready');
    world.behaviours.set('v3', { readyAfterMs: 100, exitsAfterMs: 300, answers: 'ok' });
    world.apply('v3');
    world.run(8000);
    assert.equal(world.state.release, undefined, 'the release has ended');
    assert.equal(world.state.frozen, undefined);
    assert.equal(world.replicas.length, 3, 'nothing is left over');
    compareWithGolden(name, `${world.log.join('\n')}\n`);
  });
}

function compareWithGolden(name: string, text: string): void {
  const file = path.join(import.meta.dirname, 'golden', `${name}.txt`);
  if (process.env.UPDATE_GOLDEN) writeFileSync(file, text);
  assert.equal(text, readFileSync(file, 'utf8'));
}

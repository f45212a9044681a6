/** How many replicas a scale, a share or a per cent comes to: rounded as users and Kubernetes expect. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Scale } from '../../../src/core/model.ts';
import { replicasForWeight, resolveFenceposts, resolveScale } from '../../../src/core/scale.ts';

const SCALES: [scale: Scale, weightBp: number, of: number, replicas: number][] = [
  [{ kind: 'full' }, 0, 5, 5],
  [{ kind: 'zero' }, 10_000, 5, 0],
  [{ kind: 'count', replicas: 2 }, 10_000, 5, 2],
  [{ kind: 'count', replicas: 7 }, 0, 5, 7],
  [{ kind: 'count', replicas: 2 }, 10_000, 0, 0],
  [{ kind: 'percent', of: 100 }, 0, 5, 5],
  [{ kind: 'percent', of: 50 }, 0, 5, 3],
  [{ kind: 'percent', of: 1 }, 0, 5, 1],
  [{ kind: 'percent', of: 0 }, 0, 5, 0],
  [{ kind: 'matchWeight' }, 2000, 5, 1],
  [{ kind: 'matchWeight' }, 2001, 5, 2],
  [{ kind: 'matchWeight' }, 0, 5, 0],
];

for (const [scale, weightBp, of, replicas] of SCALES) {
  test(`${JSON.stringify(scale)} with ${weightBp / 100}% of the requests is ${replicas} of ${of} replicas`, () => {
    assert.equal(resolveScale(scale, weightBp, of), replicas);
  });
}

test('whoever has a share has at least one replica, where anything runs at all', () => {
  assert.equal(replicasForWeight(1, 3), 1);
  assert.equal(replicasForWeight(10_000, 3), 3);
  assert.equal(replicasForWeight(0, 3), 0);
  assert.equal(replicasForWeight(5000, 0), 0);
});

test('a surge is rounded up, what may be missing down, and one of them is never nothing', () => {
  assert.deepEqual(resolveFenceposts('25%', '25%', 10), { surge: 3, unavailable: 2 });
  assert.deepEqual(resolveFenceposts('30%', '0%', 10), { surge: 3, unavailable: 0 });
  assert.deepEqual(resolveFenceposts(2, 1, 10), { surge: 2, unavailable: 1 });
  assert.deepEqual(resolveFenceposts(0, 0, 10), { surge: 0, unavailable: 1 });
  assert.deepEqual(resolveFenceposts(0, 3, 10), { surge: 0, unavailable: 3 });
  assert.deepEqual(resolveFenceposts(1, 0, 10), { surge: 1, unavailable: 0 });
  assert.deepEqual(resolveFenceposts('0%', '10%', 3), { surge: 0, unavailable: 1 });
});

test('what is neither a number nor a per cent is not guessed at', () => {
  for (const wrong of ['25', 'many%', '%%', '2x', '25%%'])
    assert.throws(() => resolveFenceposts(wrong, 0, 4), { message: `not a number or per cent: ${wrong}` });
});

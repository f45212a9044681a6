import assert from 'node:assert/strict';
import { test } from 'node:test';
import { emptyStable } from '../../../src/core/decide/empty-stable.ts';
import type { Stage } from '../../../src/core/model.ts';
import { halfway } from './support.ts';

test('a stage that gives a share to a stable of which nobody is ready says so, and why', () => {
  const world = halfway();
  const stage = world.state.release?.stages[0] ?? assert.fail('no stage');
  const stable = world.replicas
    .filter(({ pool }) => pool === '1-1')
    .map((replica) => ({ ...replica, ready: false }));
  const gives = 'gives 80% of the requests to the stable revision 7, which has no ready replica';
  const way =
    '. Bring it back, or abort and release with the strategy rolling or recreate, which do not need it';
  const probe = (ok: boolean) => ({ at: 0, ok, detail: 'answered 503' });
  const says = (change: (replica: (typeof stable)[number]) => void, at = 1) =>
    emptyStable(
      stage,
      stable.map((replica, n) => {
        const own = { ...replica };
        if (n === at) change(own);
        return own;
      }),
      7,
    );
  assert.equal(
    says(() => undefined),
    `${gives}${way}`,
  );
  assert.equal(
    says((replica) => Object.assign(replica, { lastProbe: probe(false) })),
    `${gives} (replica 1-1-2: answered 503)${way}`,
  );
  assert.equal(
    says((replica) => Object.assign(replica, { lastProbe: probe(true) })),
    `${gives}${way}`,
  );
  assert.equal(
    says((replica) =>
      Object.assign(replica, { failure: { code: 'E_X', message: 'no port' }, lastProbe: probe(false) }),
    ),
    `${gives} (replica 1-1-2: no port)${way}`,
  );
  assert.equal(
    says((replica) => Object.assign(replica, { ready: true })),
    undefined,
  );
  assert.equal(emptyStable(stage, [], 7), `${gives}${way}`);
  const whole: Stage = {
    ...stage,
    route: { ...stage.route, split: { kind: 'weights', to: [{ key: 'candidate', weight: 10_000 }] } },
  };
  assert.equal(emptyStable(whole, [], 7), undefined);
  const roll: Stage = {
    ...stage,
    route: { ...stage.route, split: { kind: 'perReadyReplica', to: ['stable'] } },
  };
  assert.equal(emptyStable(roll, [], 7), undefined);
});

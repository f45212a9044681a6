import assert from 'node:assert/strict';
import { type Decision, FULL_WEIGHT, type RouteTable } from '../../../src/core/model.ts';
import type { AppSpec } from '../../../src/spec/app.ts';
import type { Node } from './node.ts';

const SLOWEST_DRAIN_MS = 500;

/** What a decision causes. */
export function judgeDecision({ state, world }: Node, { next, actions }: Decision): void {
  assert.ok(!next.frozen, next.frozen?.message ?? '');
  const follows = next.version === state.version + 1 || (state.version === 0 && next.version > 0);
  assert.ok(next === state || follows, 'one commit is one version');
  for (const id of Object.keys(state.commandsDone))
    assert.ok(next.commandsDone[id], `command ${id} is forgotten`);
  for (const action of actions) {
    if (action.kind === 'route') judgeTable(action.table, mayTurnAway(world.object.spec.spec));
    if (action.kind === 'stop' && world.busy.includes(action.replica)) {
      const deadline = next.leaving[action.replica]?.deadline ?? Number.POSITIVE_INFINITY;
      assert.ok(world.now >= deadline + SLOWEST_DRAIN_MS, `${action.replica} is stopped with a request open`);
    }
  }
  const { release, warm, stable, retiring } = next;
  const kept = [stable, ...warm.map(({ pool }) => pool), release?.arms.stable, release?.arms.candidate];
  for (const pool of retiring) assert.ok(!kept.includes(pool), `${pool} is used and on its way out`);
}

/** An outage is declared by recreate, and by a roll that may have all of its replicas away at once. */
function mayTurnAway({ strategy, replicas }: AppSpec['spec']): boolean {
  return (
    strategy.kind === 'recreate' || (strategy.kind === 'rolling' && strategy.maxUnavailable === replicas)
  );
}

/** 1 and 2: whole weights, and somebody to answer. */
function judgeTable({ route, members, generation }: RouteTable, mayTurnAway: boolean): void {
  const { split, admit } = route;
  if (split.kind === 'weights') {
    const sum = split.to.reduce((total, share) => total + share.weight, 0);
    assert.equal(sum, FULL_WEIGHT, `the weights of table ${generation} sum to ${sum}`);
  }
  if (admit.kind !== 'open') {
    assert.ok(mayTurnAway, `table ${generation} turns users away`);
    return;
  }
  const count = (pool: string) => members[pool]?.length ?? 0;
  if (split.kind === 'weights')
    for (const { key, weight } of split.to)
      assert.ok(
        weight === 0 || count(key) > 0,
        `table ${generation} gives ${key} requests, and nobody is there`,
      );
  else
    assert.ok(
      split.to.some((pool) => count(pool) > 0),
      `nobody is in table ${generation}`,
    );
}

/** What users would meet at this moment. */
export function judgeMoment({ world: { serving, replicas } }: Node): void {
  if (serving?.route.admit.kind !== 'open') return;
  for (const { replica: id } of Object.values(serving.members).flat()) {
    const replica = replicas.find((r) => r.id === id);
    assert.ok(replica, `users are sent to ${id}, which is stopped`);
    assert.ok(replica.wasReady, `users are sent to ${id}, which was never ready`);
  }
}

/** A route that is not carried as it was asked for: the release holds, says so once, and loses nothing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isOfRoute, noteRouteTrouble } from '../../../src/core/decide/route-trouble.ts';
import type { AppState, Reason } from '../../../src/core/model.ts';
import { judgeSplit } from '../../../src/core/verify.ts';
import type { Strategy } from '../../../src/spec/app.ts';
import { specOf, World } from '../../simulation/world.ts';
import { draftOf, halfway } from './support.ts';

const CANARY: Strategy = {
  kind: 'canary',
  steps: [
    { kind: 'setWeight', weightBp: 2000 },
    { kind: 'pause', durationMs: 1000 },
    { kind: 'setWeight', weightBp: 5000 },
    { kind: 'pause', durationMs: 1000 },
  ],
  warmMs: 60_000,
};
const OVERWRITTEN = { code: 'E_ROUTE_OVERWRITTEN', message: 'HTTPRoute shop: flux wrote 100/0' };

function stableWorld(): World {
  return new World(specOf(CANARY)).runUntil((w) => w.state.stable !== undefined && !w.state.release);
}

const said = (world: World) => world.events.filter((event) => event.reason === 'RouteNotFollowed');
const weightOf = (world: World) => {
  const split = world.table?.route.split;
  const candidate = world.state.release?.arms.candidate;
  return split?.kind === 'weights' ? (split.to.find(({ key }) => key === candidate)?.weight ?? 0) : 0;
};

test('a release does not take its first step on a route that is not followed already', () => {
  const world = stableWorld();
  world.routeTrouble = OVERWRITTEN;
  world.apply('v2');
  world.run(20_000);
  assert.equal(weightOf(world), 0);
  assert.equal(world.state.release?.phase.kind, 'advancing');
  world.routeTrouble = undefined;
  world.runUntil((w) => w.state.history.length === 2);
  assert.deepEqual(world.state.history.at(-1)?.phase, { kind: 'done', verdict: 'promoted' });
});

test('in mid-release it holds where it is, says who wrote last once, and goes on when the route is followed again', () => {
  const world = stableWorld();
  world.apply('v2');
  world.runUntil((w) => weightOf(w) === 2000 && w.state.release?.record.at(-1)?.routedAt !== undefined);
  world.routeTrouble = OVERWRITTEN;
  world.run(20_000);
  assert.equal(weightOf(world), 2000);
  assert.deepEqual(
    said(world).map(({ message }) => message),
    [OVERWRITTEN.message],
  );
  assert.equal(world.state.trouble?.code, 'E_ROUTE_OVERWRITTEN');
  world.routeTrouble = undefined;
  world.runUntil((w) => w.state.history.length === 2);
  assert.equal(world.state.trouble, undefined);
});

test('a route that is never followed ends the release at its deadline, with that as the reason', () => {
  const world = stableWorld();
  world.routeTrouble = OVERWRITTEN;
  world.apply('v2');
  world.runUntil((w) => w.state.release?.phase.kind === 'aborting');
  const phase = world.state.release?.phase;
  assert.match(phase?.kind === 'aborting' ? phase.why.message : '', /flux wrote 100\/0/);
  world.run(5_000);
  assert.equal(world.state.release?.phase.kind, 'aborting', 'not over before the route is back');
  world.routeTrouble = undefined;
  world.runUntil((w) => w.state.history.length === 2);
  assert.deepEqual(weightOf(world), 0);
});

test('a split that a router makes by chance, or coarser than asked, is judged by what it was told in the end', () => {
  const route = {
    split: {
      kind: 'weights' as const,
      to: [
        { key: 'a', weight: 8000 },
        { key: 'b', weight: 2000 },
      ],
    },
    matches: [],
    admit: { kind: 'open' as const },
  };
  const sample = { route, members: {}, counts: { a: 740, b: 260 }, slack: 2, stray: 0 };
  assert.equal(judgeSplit(sample).kind, 'disagrees');
  const shares = { a: 0.75, b: 0.25 };
  assert.equal(judgeSplit({ ...sample, shares }).kind, 'disagrees');
  assert.equal(judgeSplit({ ...sample, shares, byChance: true }).kind, 'agrees');
  assert.equal(
    judgeSplit({ ...sample, counts: { a: 500, b: 500 }, shares, byChance: true }).kind,
    'disagrees',
  );
});

/** What is shown and said when the router says this, and so much was shown before. */
function noted(seen: Reason | undefined, before?: AppState['trouble'], failing: string[] = []) {
  const world = halfway();
  if (before) world.state.trouble = before;
  for (const key of failing) world.state.backoff[key] = { failures: 1, until: 0 };
  world.routeTrouble = seen;
  const draft = draftOf(world);
  noteRouteTrouble(draft);
  return {
    shown: draft.state.trouble,
    said: draft.events.map(({ type, reason, message }) => `${type} ${reason}: ${message}`),
    now: world.now,
  };
}

test('trouble of the route is said when it begins, shown as it changes, and not said again for other words', () => {
  const first = noted(OVERWRITTEN);
  assert.deepEqual(first.shown, { ...OVERWRITTEN, at: first.now });
  assert.deepEqual(first.said, [`Warning RouteNotFollowed: ${OVERWRITTEN.message}`]);
  const before = { ...OVERWRITTEN, at: 5 };
  assert.deepEqual([noted(OVERWRITTEN, before).shown, noted(OVERWRITTEN, before).said], [before, []]);
  const reworded = noted({ ...OVERWRITTEN, message: 'argo wrote' }, before);
  assert.deepEqual([reworded.shown?.message, reworded.said], ['argo wrote', []]);
  const other = noted({ code: 'E_ROUTE_REFUSED', message: 'no' }, before);
  assert.deepEqual(other.said, ['Warning RouteNotFollowed: no']);
});

test('it is over when the router says so and no table has failed; other trouble is none of the route', () => {
  const before = { ...OVERWRITTEN, at: 5 };
  assert.equal(noted(undefined, before).shown, undefined);
  assert.equal(noted(undefined, before, ['grow:1-1:3']).shown, undefined);
  assert.deepEqual(noted(undefined, before, ['grow:1-1:3', 'route:4']).shown, before);
  const disk = { code: 'E_DISK', message: OVERWRITTEN.message, at: 5 };
  assert.deepEqual(noted(undefined, disk).shown, disk);
  assert.equal(noted(OVERWRITTEN, disk).said.length, 1);
});

test('a router that cannot be seen says neither that it lasts nor that it is over', () => {
  const world = halfway();
  world.state.trouble = { ...OVERWRITTEN, at: 5 };
  world.router = 'lost';
  const draft = draftOf(world);
  noteRouteTrouble(draft);
  assert.deepEqual(draft.state.trouble, { ...OVERWRITTEN, at: 5 });
});

test('which trouble is of the route', () => {
  for (const code of ['OVERWRITTEN', 'REFUSED', 'SHADOWED', 'UNPROVEN'])
    assert.equal(isOfRoute({ code: `E_ROUTE_${code}` }), true, code);
  assert.equal(isOfRoute({ code: '' }), false);
});

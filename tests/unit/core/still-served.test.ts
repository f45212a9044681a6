import assert from 'node:assert/strict';
import { test } from 'node:test';
import { oldOnesServed } from '../../../src/core/decide/still-served.ts';
import type { Release, RouterView } from '../../../src/core/model.ts';
import { specOf, World } from '../../simulation/world.ts';
import { draftOf, halfway } from './support.ts';

/** A second revision has all of the route; the three old replicas have these connections. */
function switching(connections: number, more: Parameters<typeof specOf>[1] = {}): World {
  const strategy = { kind: 'blueGreen', autoPromotion: true, warmMs: 0 } as const;
  const world = new World(specOf(strategy, { drainTimeoutMs: 10_000, ...more }));
  world.runUntil((w) => w.state.stable !== undefined && !w.state.release);
  world.perConnection = true;
  for (const { id } of world.replicas) world.inFlight[id] = connections;
  world.apply('v2');
  return world;
}

const told = (world: World, reason: string) =>
  world.events.filter((event) => event.reason === reason).map(({ message }) => message);
const isReleased = (world: World) => world.state.history.length === 2;

test('a switch is over when nobody has a connection to the old side any more', () => {
  const world = switching(2);
  world.runUntil((w) => told(w, 'OldReplicasServe').length > 0);
  world.run(5000);
  assert.equal(isReleased(world), false, 'the release waits');
  assert.equal(world.replicas.filter(({ pool }) => pool === '1-1').length, 3, 'the old ones go on');
  assert.match(
    told(world, 'OldReplicasServe').join(),
    /^3 replicas of revision 1 still have 6 open connections: .*waited for 10 s$/,
  );
  world.inFlight = {};
  world.runUntil(isReleased);
  assert.equal(told(world, 'OldReplicasQuiet').length, 1);
  world.runUntil((w) => w.replicas.every(({ pool }) => pool !== '1-1'));
  assert.deepEqual(told(world, 'ConnectionsCut'), []);
});

test('connections that stay end the waiting, not themselves: the release ends and says so, the replicas drain', () => {
  const world = switching(1, { drainLongTimeoutMs: 60_000 });
  world.runUntil(isReleased);
  assert.equal(world.state.history.at(-1)?.phase.kind, 'done');
  assert.match(
    told(world, 'OldReplicasServe').at(-1) ?? '',
    /The release ends all the same; they go on while they drain/,
  );
  world.run(60_000);
  assert.equal(world.replicas.filter(({ pool }) => pool === '1-1').length, 3, 'they are served still');
  world.runUntil((w) => w.replicas.every(({ pool }) => pool !== '1-1'));
  assert.equal(told(world, 'ConnectionsCut').length, 3);
});

test('an abort does not wait for connections', () => {
  const world = switching(1);
  world.runUntil((w) => told(w, 'OldReplicasServe').length > 0);
  world.command('abort');
  world.runUntil(isReleased);
  assert.equal(world.state.stable, '1-1');
});

test('a router that chooses for each request is not waited for', () => {
  const world = switching(1);
  world.perConnection = false;
  world.runUntil(isReleased);
  assert.deepEqual(told(world, 'OldReplicasServe'), []);
});

interface Seen {
  inFlight?: Record<string, number>;
  agoMs?: number;
  change?: (world: World, release: Release) => void;
  view?: Partial<RouterView>;
}

/** The last stage of a release, so long ago, where the table names the candidate only. */
function asked({ inFlight = {}, agoMs = 0, change, view = {} }: Seen) {
  const world = halfway();
  const release = world.state.release ?? assert.fail('no release');
  const table = structuredClone(world.state.table ?? assert.fail('no table'));
  table.members = { '2-2': table.members['2-2'] ?? [] };
  world.state.table = table;
  release.phase = { kind: 'advancing', stage: 2, since: world.now - agoMs, fullSpeed: false };
  change?.(world, release);
  const { router } = world.observed();
  assert.ok(router.kind === 'known');
  const value = { ...router.value, perConnection: true as const, inFlight, ...view };
  const draft = draftOf(world, { router: { ...router, value } });
  const own = draft.state.release ?? assert.fail('no release');
  return {
    waits: oldOnesServed(draft, own),
    said: draft.events.map(({ type, reason, message }) => `${type} ${reason}: ${message}`),
    wakesIn: draft.wakeAt === undefined ? undefined : draft.wakeAt - world.now,
    lingering: own.lingering,
  };
}

const STAYS = 'an open connection stays where it was opened';

test('a connection that is open on the old side is waited for and told, once', () => {
  const { waits, said, wakesIn, lingering } = asked({ inFlight: { '1-1-1': 1 }, agoMs: 4000 });
  assert.deepEqual([waits, wakesIn, lingering], [true, 6000, true]);
  assert.deepEqual(said, [
    `Normal OldReplicasServe: 1 replica of revision 1 still has 1 open connection: ${STAYS}; waited for 6 s`,
  ]);
  const again = asked({
    inFlight: { '1-1-1': 1 },
    change: (_, release) => {
      release.lingering = true;
    },
  });
  assert.deepEqual([again.waits, again.said, again.wakesIn], [true, [], 10_000]);
});

test('when it is waited for long enough the release ends, and says who goes on, and until when', () => {
  const late = (warmMs: number) =>
    asked({
      inFlight: { '1-1-1': 2, '1-1-2': 3 },
      agoMs: 10_000,
      change: (_, release) => {
        release.warmMs = warmMs;
      },
    });
  const told = `Warning OldReplicasServe: 2 replicas of revision 1 still have 5 open connections: ${STAYS}. The release ends all the same; they go on`;
  assert.deepEqual([late(1).waits, late(1).wakesIn], [false, undefined]);
  assert.deepEqual(late(1).said, [`${told} while they are warm`]);
  assert.deepEqual(late(0).said, [`${told} while they drain`]);
});

test('connections that cannot be seen are told as such', () => {
  const { said } = asked({ inFlight: { '1-1-1': 1 }, view: { connectionsUnseen: 'never' } });
  assert.deepEqual(said, [
    `Normal OldReplicasServe: 1 replica of revision 1 may still have connections, which cannot be seen: ${STAYS}; waited for 10 s`,
  ]);
});

test('before anybody has looked it is waited for without a word, and at the end told as what cannot be seen', () => {
  const early = asked({ inFlight: { '1-1-1': 1 }, view: { connectionsUnseen: 'yet' }, agoMs: 4000 });
  assert.deepEqual([early.waits, early.said, early.wakesIn, early.lingering], [true, [], 6000, undefined]);
  const late = asked({ inFlight: { '1-1-1': 1 }, view: { connectionsUnseen: 'yet' }, agoMs: 10_000 });
  assert.equal(late.waits, false);
  assert.match(late.said.join(), /may still have connections, which cannot be seen/);
});

test('when the last connection is gone that is told where it was waited for', () => {
  const quiet = (lingering: boolean) =>
    asked({
      change: (_, release) => {
        if (lingering) release.lingering = true;
      },
    });
  assert.deepEqual([quiet(true).waits, quiet(false).waits], [false, false]);
  assert.deepEqual(quiet(true).said, ['Normal OldReplicasQuiet: no connection is left on the old side']);
  assert.deepEqual(quiet(false).said, []);
});

test('only the old ones count, out of the route and not stopping; and only where a route is chosen per connection', () => {
  const waits = (seen: Seen) => asked({ inFlight: { '1-1-1': 1 }, ...seen }).waits;
  const unrouted: Seen['change'] = ({ state }) => {
    if (state.table) state.table = { ...state.table, members: {} };
  };
  assert.equal(waits({ change: unrouted }), true);
  assert.equal(waits({ inFlight: { '2-2-1': 1 }, change: unrouted }), false, 'the candidate');
  assert.equal(waits({ inFlight: { '1-1-1': 0 } }), false);
  assert.equal(
    waits({
      change: ({ replicas }) => {
        for (const replica of replicas) replica.phase = 'stopping';
      },
    }),
    false,
  );
  const inRoute = { '1-1': [{ replica: '1-1-1', address: 'h:1' }] };
  assert.equal(
    waits({
      change: ({ state }) => {
        if (state.table) state.table = { ...state.table, members: inRoute };
      },
    }),
    false,
  );
  assert.equal(waits({ change: ({ state }) => delete state.table }), true, 'there is no table at all');
  assert.equal(waits({ view: { perConnection: undefined as never } }), false);
  assert.equal(
    waits({
      change: ({ now }, release) => {
        release.phase = { kind: 'aborting', stage: 0, since: now, why: { code: 'E_X', message: '' } };
      },
    }),
    false,
  );
});

test('a router that cannot be seen keeps no release from ending', () => {
  const world = halfway();
  world.router = 'lost';
  const draft = draftOf(world);
  assert.equal(oldOnesServed(draft, draft.state.release ?? assert.fail('no release')), false);
});

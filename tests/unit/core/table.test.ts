/** Which table the router is given: whom it names, what it says of the App, and when there is none. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Draft } from '../../../src/core/decide/draft.ts';
import { intentOf } from '../../../src/core/decide/intent.ts';
import { converge } from '../../../src/core/decide/table.ts';
import type { Observed, RouteTable } from '../../../src/core/model.ts';
import type { AppSpec } from '../../../src/spec/app.ts';
import { specOf, World } from '../../simulation/world.ts';
import { CANARY, draftOf, halfway, ROLLING, seeing, started } from './support.ts';

/** What a decision at this moment would do about the route. */
function converged(world: World, seen: Partial<Observed> = {}): Draft {
  const draft = draftOf(world, seen);
  converge(draft, intentOf(draft));
  return draft;
}

/** The table that is sent now. */
function sent(draft: Draft): RouteTable | undefined {
  const [action] = draft.actions;
  return action?.kind === 'route' ? action.table : undefined;
}

const kinds = (draft: Draft) => draft.actions.map(({ kind }) => kind);

test('nothing is sent while the table that is served is the one that is wanted', () => {
  const draft = converged(started());
  assert.deepEqual(draft.actions, []);
  assert.equal(draft.tableIsCurrent, true);
});

test('a router that cannot be seen is left with what it serves', () => {
  const world = started();
  world.replicas = world.replicas.slice(1);
  const draft = converged(world, { router: { kind: 'unknown', since: 0, why: 'gone' } });
  assert.deepEqual(draft.actions, []);
  assert.equal(draft.tableIsCurrent, false);
});

test('members are the ready ones, in one order whoever listed them, and a change of them is a new generation', () => {
  const world = started();
  world.replicas = world.replicas.toReversed().filter(({ id }) => id !== '1-1-2');
  const table = sent(converged(world));
  const at = (id: string) => world.replicas.find((replica) => replica.id === id)?.address;
  assert.deepEqual(table?.members['1-1'], [
    { replica: '1-1-1', address: at('1-1-1') },
    { replica: '1-1-3', address: at('1-1-3') },
  ]);
  assert.equal(table?.generation, (world.state.table?.generation ?? 0) + 1);
  assert.equal(table?.app, 'default/shop');
  assert.deepEqual(Object.keys(table?.revisions ?? {}), ['1-1']);
});

test('a table takes the place of what the same decision has said about the route before, and of nothing else', () => {
  const world = started();
  world.replicas = world.replicas.slice(1);
  const draft = draftOf(world);
  const table = world.state.table ?? assert.fail('no table');
  draft.act('probe:1', { kind: 'probe', requests: 1, generation: 1 });
  draft.act('unroute', { kind: 'unroute' });
  draft.act('route:1', { kind: 'route', table });
  converge(draft, intentOf(draft));
  assert.deepEqual(
    draft.actions.map(({ key }) => key),
    ['probe:1', `route:${table.generation + 1}`],
  );
});

test('a table that stays as it is takes back only that the route was to be withdrawn', () => {
  const draft = draftOf(started());
  draft.act('probe:1', { kind: 'probe', requests: 1, generation: 1 });
  draft.act('unroute', { kind: 'unroute' });
  converge(draft, intentOf(draft));
  assert.deepEqual(kinds(draft), ['probe']);
});

test('a router that is ahead of us is gone past, never below', () => {
  const world = started();
  const table = sent(converged(world, seeing(world, { ackedGeneration: 41 })));
  assert.equal(table?.generation, 42);
});

test('a router that forgot is told again what it was told', () => {
  const world = started();
  const draft = converged(world, seeing(world, { ackedGeneration: 0, serving: undefined as never }));
  assert.deepEqual(sent(draft), world.state.table);
});

const withoutReady = (world: World, of: string, change: object = { ready: false }) => {
  for (const replica of world.replicas) if (replica.pool === of) Object.assign(replica, change);
};

test('of a pool that has nobody ready left, those who were in the route are tried rather than nobody', () => {
  const world = started();
  withoutReady(world, '1-1');
  assert.deepEqual([converged(world).actions, converged(world).tableIsCurrent], [[], true]);
  withoutReady(world, '1-1', { wasReady: false });
  const rebooted = converged(world);
  assert.equal(rebooted.tableIsCurrent, false, 'at their addresses may be anybody');
  assert.deepEqual(rebooted.actions, []);
});

test('in a roll the pools answer for each other: whoever is not ready is left out', () => {
  const world = started(ROLLING, { replicas: 8 });
  world.apply('v2');
  world.runUntil((w) => (w.table?.members['2-2']?.length ?? 0) > 0 && w.table?.members['1-1']?.length !== 0);
  withoutReady(world, '1-1');
  const table = sent(converged(world));
  assert.deepEqual(table?.members['1-1'], []);
  assert.ok((table?.members['2-2']?.length ?? 0) > 0);
  withoutReady(world, '2-2');
  const nobody = converged(world);
  assert.deepEqual([nobody.actions, nobody.tableIsCurrent], [[], true], 'nobody is ready: it stays as it is');
});

test('scaled to nothing, users are refused by the wish of the owner', () => {
  const world = started();
  world.object = { ...world.object, spec: specOf(CANARY, { replicas: 0 }) };
  assert.deepEqual(sent(converged(world))?.route.admit, { kind: 'refuse' });
});

test('who has no address yet is not in the route', () => {
  const world = started();
  const [first] = world.replicas;
  delete first?.address;
  assert.equal(sent(converged(world))?.members['1-1']?.length, 2);
});

const FRONT = {
  listen: { host: '127.0.0.1', port: 8000 },
  revisionHeader: true,
  upstreamTimeoutMs: 60_000,
  drainLongMs: 10_000,
};

function frontOf(more: Partial<AppSpec['spec']>, route: object = {}) {
  const world = started();
  const { spec } = world.object.spec;
  const edited = { ...spec, ...more, route: { ...spec.route, ...route } } as AppSpec['spec'];
  world.object = { ...world.object, spec: { ...world.object.spec, spec: edited } };
  return sent(converged(world))?.front ?? world.state.table?.front;
}

test('what the table says of the public face is what the file says, and nothing where it says nothing', () => {
  const previewListen = { host: '127.0.0.1', port: 8001 };
  assert.deepEqual(frontOf({}), FRONT);
  assert.deepEqual(frontOf({}, { host: 'shop.test' }), { ...FRONT, host: 'shop.test' });
  assert.deepEqual(frontOf({}, { previewListen }), { ...FRONT, previewListen });
  assert.deepEqual(frontOf({}, { trustedProxies: ['10.0.0.0/8'] }), {
    ...FRONT,
    trustedProxies: ['10.0.0.0/8'],
  });
  assert.deepEqual(frontOf({ drainLongTimeoutMs: 7 }), { ...FRONT, drainLongMs: 7 });
});

test('on a cluster it says what carries the route there: its Service, or what the file names', () => {
  const image = { image: 'shop:2' } as Partial<AppSpec['spec']>;
  assert.deepEqual(frontOf(image), { ...FRONT, cluster: { router: 'service', port: 8080 } });
  const named = { router: 'gateway', httpRoute: 'shop', service: 'shop-svc' };
  assert.deepEqual(frontOf({ ...image, kubernetes: named } as unknown as Partial<AppSpec['spec']>), {
    ...FRONT,
    cluster: { router: 'gateway', port: 8080, httpRoute: 'shop', service: 'shop-svc' },
  });
  const { cluster, ...rest } =
    frontOf({ ...image, port: undefined } as unknown as Partial<AppSpec['spec']>) ?? {};
  assert.deepEqual([cluster, rest], [undefined, FRONT]);
});

/** Somebody else's table, under our generation. */
function overwritten(world: World): World {
  const table = structuredClone(world.state.table ?? assert.fail('no table'));
  world.table = { ...table, members: { ...table.members, '1-1': table.members['1-1']?.slice(1) ?? [] } };
  return world;
}

test('a table that somebody else wrote is put right at once, then less and less often', () => {
  const world = overwritten(started());
  const waits: number[] = [];
  for (let n = 0; n < 8; n++) {
    const draft = converged(world);
    const table = sent(draft) ?? assert.fail('not put right');
    waits.push((draft.state.backoff.overwritten?.until ?? 0) - world.now);
    assert.equal(draft.state.backoff.overwritten?.failures, n + 1);
    world.state = { ...draft.state, pending: {} };
    world.table = table;
    overwritten(world);
    const early = converged(world);
    assert.deepEqual([early.actions, early.wakeAt], [[], world.state.backoff.overwritten?.until]);
    world.now = world.state.backoff.overwritten?.until ?? 0;
  }
  assert.deepEqual(waits, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
});

test('who was overwritten is forgotten after half a minute of peace', () => {
  const world = started();
  world.state.backoff.overwritten = { failures: 3, until: world.now - 29_999 };
  assert.ok(converged(world).state.backoff.overwritten);
  world.state.backoff.overwritten.until -= 1;
  assert.equal(converged(world).state.backoff.overwritten, undefined);
});

test('it is not taken for overwritten what a router does as well as it can, what it says itself, or what is not ours yet', () => {
  const world = overwritten(started());
  const trouble = { code: 'E_ROUTE_OVERWRITTEN', message: 'flux' };
  assert.deepEqual(converged(world, seeing(world, { shares: { '1-1': 1 } })).actions, []);
  assert.deepEqual(converged(world, seeing(world, { trouble })).actions, []);
  const later = { ...(world.table ?? assert.fail('no table')), generation: 0 };
  assert.deepEqual(converged(world, seeing(world, { serving: later })).actions, []);
});

test('what answers nobody is put right also while a split is measured: there is nothing to measure', () => {
  const measured = (change: (table: RouteTable) => void) => {
    const world = halfway();
    const release = world.state.release ?? assert.fail('no release');
    release.gates = [{ kind: 'measuring', since: 0, epoch: 'e1', base: {}, probesAsked: 0 }];
    const table = structuredClone(world.table ?? assert.fail('no table'));
    change(table);
    world.table = table;
    return kinds(converged(world));
  };
  const closed = measured(({ route }) => {
    route.admit = { kind: 'refuse' };
  });
  const nobody = measured(({ members }) => {
    members['2-2'] = [];
  });
  assert.deepEqual([closed, nobody], [['route'], ['route']]);
});

test('while a split is measured, what somebody else wrote is left as it is: the release holds and says so', () => {
  const world = halfway();
  const release = world.state.release ?? assert.fail('no release');
  const measuring = { kind: 'measuring' as const, since: 0, epoch: 'e1', base: {}, probesAsked: 0 };
  overwritten(world);
  assert.deepEqual(kinds(converged(world)), ['route']);
  release.gates = [{ kind: 'passed', at: 0 }, measuring];
  assert.deepEqual(kinds(converged(world)), []);
  release.phase = { kind: 'aborting', stage: 0, since: 0, why: { code: 'E_ABORTED', message: '' } };
  const { state } = converged(world);
  Object.assign(world, {
    state: { ...world.state, table: state.table, routeGeneration: state.routeGeneration },
  });
  world.table = state.table;
  assert.deepEqual(kinds(converged(world)), []);
  overwritten(world);
  assert.deepEqual(kinds(converged(world)), ['route'], 'who goes back waits for no measurement');
});

test('a route that failed is not waited for when another one is wanted', () => {
  const world = started();
  world.state.backoff['route:1'] = { failures: 2, until: world.now + 9000 };
  world.state.backoff['grow:1-1:3'] = { failures: 1, until: world.now + 9000 };
  world.replicas = world.replicas.slice(1);
  assert.deepEqual(Object.keys(converged(world).state.backoff), ['grow:1-1:3']);
});

test('the route is taken away where none is wanted, also what a router brings back of it', () => {
  const world = started();
  world.object = { ...world.object, spec: structuredClone(world.object.spec) };
  delete world.object.spec.spec.route;
  assert.deepEqual(kinds(converged(world)), ['unroute']);
  delete world.state.table;
  assert.deepEqual(kinds(converged(world)), ['unroute'], 'it is served still');
  world.table = undefined;
  assert.deepEqual(kinds(converged(world)), []);
});

test('a first release of a store that was put back leaves the route that is served until it has its own', () => {
  const first = new World(specOf(CANARY));
  first.settle();
  first.table = started().state.table;
  assert.equal(first.state.release?.phase.kind, 'advancing');
  assert.deepEqual(kinds(converged(first)), []);
  const worker = new World(specOf(CANARY, { route: undefined } as unknown as Partial<AppSpec['spec']>));
  worker.settle();
  worker.table = started().state.table;
  assert.deepEqual(
    converged(worker).actions.map(({ key }) => key),
    ['unroute'],
    'a worker has no route to come',
  );
  const failed = first.state.release ?? assert.fail('no release');
  failed.phase = { kind: 'aborting', stage: 0, since: 0, why: { code: 'E_ABORTED', message: '' } };
  assert.deepEqual(kinds(converged(first)), ['unroute'], 'nor has one that is given up');
  worker.router = 'lost';
  assert.deepEqual(kinds(converged(worker)), [], 'nobody knows of a route');
});

test('a roll that may have everybody unavailable refuses users while nobody is ready, and no other does', () => {
  const rolls = (maxUnavailable: number) => {
    const world = started({ kind: 'rolling', maxSurge: 0, maxUnavailable });
    world.behaviours.set('v2', { readyAfterMs: 60_000, answers: 'ok' });
    world.apply('v2');
    world.run(1000);
    for (const replica of world.replicas) Object.assign(replica, { ready: false, wasReady: false });
    const draft = converged(world);
    return draft.tableIsCurrent ? draft.state.table?.route.admit.kind : 'no table';
  };
  assert.deepEqual([rolls(3), rolls(2)], ['refuse', 'no table']);
  const back = started({ kind: 'rolling', maxSurge: 0, maxUnavailable: 3 });
  back.behaviours.set('v2', { readyAfterMs: 60_000, answers: 'ok' });
  back.apply('v2');
  back.run(1000);
  const release = back.state.release ?? assert.fail('no release');
  release.phase = { kind: 'aborting', stage: 0, since: 0, why: { code: 'E_ABORTED', message: '' } };
  back.replicas = back.replicas.filter(({ pool }) => pool === '1-1');
  assert.equal(converged(back).tableIsCurrent, false, 'what goes back to stable alone waits for it');
});

test('a split of which one side has nobody is not sent', () => {
  const world = halfway();
  world.replicas = world.replicas.filter(({ pool }) => pool !== '2-2');
  const draft = converged(world);
  assert.deepEqual([draft.actions, draft.tableIsCurrent], [[], false]);
});

test('a preview is named anew with somebody ready in it, and one is enough', () => {
  const previews = (ready: number) => {
    const world = halfway();
    const [first] = world.replicas.filter(({ pool }) => pool === '2-2');
    assert.ok(first);
    world.replicas.push({ ...first, id: '2-2-9' });
    for (const replica of world.replicas.filter(({ pool }) => pool === '2-2').slice(ready))
      replica.ready = false;
    const table = structuredClone(world.state.table ?? assert.fail('no table'));
    table.route.split = { kind: 'weights', to: [{ key: '1-1', weight: 10_000 }] };
    world.state.table = table;
    const draft = draftOf(world);
    converge(draft, { counts: new Map(), route: { ...table.route, preview: '2-2' } });
    return draft.tableIsCurrent;
  };
  assert.deepEqual([previews(2), previews(1), previews(0)], [true, true, false]);
});

test('the moment users first get the candidate is when an open route first names it with a share', () => {
  const world = started();
  world.apply('v2');
  world.runUntil((w) => w.replicas.some(({ pool, ready }) => pool === '2-2' && ready));
  const before = structuredClone(world.state);
  assert.equal(before.release?.cutover?.routeAt, world.now);
  const later = halfway();
  if (later.state.release) later.state.release.cutover = { routeAt: 5 };
  later.replicas = later.replicas.slice(1);
  const again = converged(later);
  assert.deepEqual(
    [kinds(again), again.release?.cutover],
    [['route'], { routeAt: 5 }],
    'the first, not the last',
  );
  const blue = started({ kind: 'blueGreen', autoPromotion: false, warmMs: 0 });
  blue.apply('v2');
  blue.runUntil((w) => w.table?.route.preview === '2-2');
  assert.equal(blue.state.release?.cutover, undefined, 'a preview is for nobody');
  const closed = started({ kind: 'recreate' });
  closed.behaviours.set('v2', { readyAfterMs: 5000, answers: 'ok' });
  closed.apply('v2');
  closed.run(1000);
  const draft = draftOf(closed);
  const route = { split: { kind: 'weights' as const, to: [{ key: '2-2', weight: 10_000 }] }, matches: [] };
  converge(draft, { counts: new Map(), route: { ...route, admit: { kind: 'refuse' } } });
  assert.deepEqual(
    [sent(draft)?.route.split, draft.release?.cutover],
    [route.split, undefined],
    'all are refused',
  );
});

test('a route that is withdrawn is not given in the same decision, nor waited for', () => {
  const world = started();
  const table = world.state.table ?? assert.fail('no table');
  world.state.backoff = { 'route:7': { failures: 1, until: world.now + 1000 } };
  const draft = draftOf(world);
  draft.act('route:9', { kind: 'route', table });
  converge(draft, { counts: new Map() });
  assert.deepEqual(kinds(draft), ['unroute']);
  assert.deepEqual(Object.keys(draft.state.pending), ['unroute']);
  assert.deepEqual(draft.state.backoff, {});
});

import assert from 'node:assert/strict';
import { after, beforeEach, describe, it } from 'node:test';
import type { Store } from '../../../src/ports/store.ts';
import type { ActionJournal } from '../../../src/store/journal.ts';
import type { StoreLimits } from '../../../src/store/rules.ts';
import { sampleAction, sampleAudit, sampleCommand, sampleEvent, sampleObject, stateAt } from './samples.ts';

/** Some keep the actions of past commits too, for people to read. */
type StoreMaybeJournaling = Store & Partial<ActionJournal>;

export interface StoreUnderTest {
  store: StoreMaybeJournaling;
  remove(): Promise<void>;
}

export type OpenStore = (limits?: Partial<StoreLimits>) => Promise<StoreUnderTest>;

const APP = 'default/shop';
const nothing = { events: [], actions: [] };

/** What every store has to do; called once per implementation. */
export function storeConformance(name: string, openStore: OpenStore, options: { skip?: string } = {}): void {
  describe(`store: ${name}`, options, () => {
    const opened: StoreUnderTest[] = [];
    let store: StoreMaybeJournaling;

    const fresh = async (limits?: Partial<StoreLimits>): Promise<StoreMaybeJournaling> => {
      const next = await openStore(limits);
      opened.push(next);
      return next.store;
    };
    beforeEach(async () => {
      store = await fresh();
    });
    after(async () => {
      for (const { remove } of opened) await remove();
    });

    objectCases(() => store);
    commitCases(() => store);
    commandCases(() => store, fresh);
    historyCases(() => store, fresh);
    changeCases(() => store);
  });
}

function objectCases(store: () => StoreMaybeJournaling): void {
  it('starts a new App with an empty state', async () => {
    await store().putApp(sampleObject('shop'), 0);
    const stored = await store().load(APP);
    assert.deepEqual(stored, { object: sampleObject('shop'), state: stateAt(0) });
    assert.deepEqual(await store().apps(), [APP]);
  });

  it('knows nothing of an App that was never put', async () => {
    assert.equal(await store().load(APP), undefined);
    assert.deepEqual(await store().apps(), []);
  });

  it('keeps the state when the object changes', async () => {
    await store().putApp(sampleObject('shop'), 0);
    await store().commit(APP, 0, { next: stateAt(1, { routeGeneration: 7 }), ...nothing });
    await store().putApp(sampleObject('shop', 2), 1);
    const stored = await store().load(APP);
    assert.equal(stored?.object.generation, 2);
    assert.equal(stored?.state.routeGeneration, 7);
  });

  it('refuses an object that expected another generation, and changes nothing', async () => {
    await store().putApp(sampleObject('shop', 3), 0);
    const conflicts = [
      [sampleObject('shop', 1), 0],
      [sampleObject('shop', 3), 2],
      [sampleObject('shop', 5), 4],
      [sampleObject('other', 2), 1],
    ] as const;
    for (const [object, expected] of conflicts) {
      await assert.rejects(store().putApp(object, expected, sampleAudit('apply')), { code: 'E_CONFLICT' });
    }
    assert.equal((await store().load(APP))?.object.generation, 3);
    assert.deepEqual(await store().apps(), [APP]);
    assert.deepEqual(await store().audit({}), []);
  });

  it('takes a generation that does not grow for a bug', async () => {
    await store().putApp(sampleObject('shop', 3), 0);
    await assert.rejects(store().putApp(sampleObject('shop', 3), 3), { name: 'Error' });
  });

  it('gives every reader a copy of its own', async () => {
    const object = sampleObject('shop');
    await store().putApp(object, 0);
    object.spec.spec.replicas = 99;
    const read = await store().load(APP);
    if (read) read.state.routeGeneration = 99;
    const again = await store().load(APP);
    assert.equal(again?.object.spec.spec.replicas, 3);
    assert.equal(again?.state.routeGeneration, 0);
  });

  it('refuses to remove an App whose state is another one by now', async () => {
    await store().putApp(sampleObject('shop'), 0);
    await store().commit(APP, 0, { next: stateAt(1), ...nothing });
    await assert.rejects(store().removeApp(APP, 0), { code: 'E_CONFLICT' });
    await assert.rejects(store().removeApp(APP, 63), { code: 'E_CONFLICT' });
    assert.equal((await store().load(APP))?.state.version, 1);
  });

  it('forgets a removed App but keeps its events and its audit', async () => {
    await store().putApp(sampleObject('shop'), 0, sampleAudit('apply', APP));
    await store().commit(APP, 0, { next: stateAt(1), events: [sampleEvent('a')], actions: [] });
    await store().addCommand(APP, sampleCommand('c1'), sampleAudit('promote', APP));
    await store().removeApp(APP, 1);
    await store().removeApp(APP, 1);
    assert.equal(await store().load(APP), undefined);
    assert.deepEqual(await store().commands(APP), []);
    assert.deepEqual(
      (await store().events({ app: APP })).map((event) => event.message),
      ['a'],
    );
    assert.equal((await store().audit({ app: APP })).length, 2);
    await store().putApp(sampleObject('shop'), 0);
    assert.equal((await store().load(APP))?.state.version, 0);
  });
}

function commitCases(store: () => StoreMaybeJournaling): void {
  it('stores state, events and actions of a commit together', async () => {
    await store().putApp(sampleObject('shop'), 0);
    const actions = [sampleAction('grow/1-1', 1)];
    await store().commit(APP, 0, { next: stateAt(1), events: [sampleEvent('a'), sampleEvent('b')], actions });
    assert.equal((await store().load(APP))?.state.version, 1);
    assert.deepEqual(
      (await store().events({ app: APP })).map((event) => event.message),
      ['a', 'b'],
    );
    assert.deepEqual((await store().actions?.(APP)) ?? actions, actions);
  });

  it('refuses a commit on another version, and stores nothing of it', async () => {
    await store().putApp(sampleObject('shop'), 0);
    await store().commit(APP, 0, { next: stateAt(1), ...nothing });
    await store().addCommand(APP, sampleCommand('c1'), sampleAudit('promote', APP));
    const done = { c1: { at: 1, verb: 'promote', result: { kind: 'done', message: '' } } } as const;
    for (const expected of [0, 2]) {
      const next = stateAt(expected + 1, { commandsDone: done });
      const what = { next, events: [sampleEvent('lost')], actions: [sampleAction('lost', expected + 1)] };
      await assert.rejects(store().commit(APP, expected, what), { code: 'E_CONFLICT' });
    }
    assert.equal((await store().load(APP))?.state.version, 1);
    assert.deepEqual(await store().events({ app: APP }), []);
    assert.deepEqual((await store().actions?.(APP)) ?? [], []);
    assert.equal((await store().commands(APP)).length, 1);
  });

  it('lets exactly one of many commits on the same version win', async () => {
    await store().putApp(sampleObject('shop'), 0);
    const attempts = Array.from({ length: 20 }, (_, index) =>
      store().commit(APP, 0, { next: stateAt(1), events: [sampleEvent(`${index}`)], actions: [] }),
    );
    const results = await Promise.allSettled(attempts);
    assert.equal(results.filter((result) => result.status === 'fulfilled').length, 1);
    assert.equal((await store().events({ app: APP })).length, 1);
  });

  it('refuses a commit for an App that is gone', async () => {
    await assert.rejects(store().commit(APP, 0, { next: stateAt(1), ...nothing }), { code: 'E_CONFLICT' });
  });

  it('takes a commit that leaves the version as it is for a bug', async () => {
    await store().putApp(sampleObject('shop'), 0);
    await assert.rejects(store().commit(APP, 0, { next: stateAt(0), ...nothing }), { name: 'Error' });
  });
}

function commandCases(store: () => StoreMaybeJournaling, fresh: OpenFresh): void {
  const done = (...ids: string[]) =>
    Object.fromEntries(
      ids.map((id) => [id, { at: 1, verb: 'promote', result: { kind: 'done', message: 'ok' } } as const]),
    );

  it('offers commands oldest first until a committed state has carried them out', async () => {
    await store().putApp(sampleObject('shop'), 0);
    for (const id of ['c2', 'c1', 'c3']) {
      assert.equal(await store().addCommand(APP, sampleCommand(id), sampleAudit('promote', APP)), 'added');
    }
    assert.deepEqual(await store().commands(APP), ['c2', 'c1', 'c3'].map(sampleCommand));
    await store().commit(APP, 0, { next: stateAt(1, { commandsDone: done('c1') }), ...nothing });
    assert.deepEqual(await store().commands(APP), ['c2', 'c3'].map(sampleCommand));
  });

  it('takes the same command id only once, waiting or carried out or long forgotten by the state', async () => {
    await store().putApp(sampleObject('shop'), 0);
    const add = () => store().addCommand(APP, sampleCommand('c1'), sampleAudit('promote', APP));
    assert.equal(await add(), 'added');
    assert.equal(await add(), 'known');
    await store().commit(APP, 0, { next: stateAt(1, { commandsDone: done('c1') }), ...nothing });
    assert.equal(await add(), 'known');
    await store().commit(APP, 1, { next: stateAt(2), ...nothing });
    assert.equal(await add(), 'known');
    assert.deepEqual(await store().commands(APP), []);
    assert.equal((await store().audit({ app: APP })).length, 1);
  });

  it('keeps the ids of different Apps apart', async () => {
    await store().putApp(sampleObject('shop'), 0);
    await store().putApp(sampleObject('cart'), 0);
    await store().addCommand(APP, sampleCommand('c1'), sampleAudit('promote', APP));
    assert.equal(
      await store().addCommand('default/cart', sampleCommand('c1'), sampleAudit('promote', 'default/cart')),
      'added',
    );
    await store().commit(APP, 0, { next: stateAt(1, { commandsDone: done('c1') }), ...nothing });
    assert.equal((await store().commands('default/cart')).length, 1);
  });

  it('refuses a command for an App that is not there', async () => {
    const add = store().addCommand(APP, sampleCommand('c1'), sampleAudit('promote', APP));
    await assert.rejects(add, { code: 'E_APP_NOT_FOUND' });
    assert.deepEqual(await store().audit({}), []);
  });

  it('remembers only as many carried-out commands as it may, and never drops one that waits', async () => {
    const bounded = await fresh({ doneCommandsPerApp: 2 });
    await bounded.putApp(sampleObject('shop'), 0);
    for (const id of ['c1', 'c2', 'c3', 'c4']) {
      await bounded.addCommand(APP, sampleCommand(id), sampleAudit('promote', APP));
    }
    await bounded.commit(APP, 0, { next: stateAt(1, { commandsDone: done('c1', 'c2', 'c3') }), ...nothing });
    assert.deepEqual(await bounded.commands(APP), [sampleCommand('c4')]);
    assert.equal(await bounded.addCommand(APP, sampleCommand('c3'), sampleAudit('x')), 'known');
    assert.equal(await bounded.addCommand(APP, sampleCommand('c1'), sampleAudit('x')), 'added');
  });
}

type OpenFresh = (limits?: Partial<StoreLimits>) => Promise<StoreMaybeJournaling>;

function historyCases(store: () => StoreMaybeJournaling, fresh: OpenFresh): void {
  const commitEvents = async (
    to: StoreMaybeJournaling,
    app: string,
    version: number,
    ...messages: string[]
  ) =>
    to.commit(app, version, { next: stateAt(version + 1), events: messages.map(sampleEvent), actions: [] });

  it('numbers events over all Apps and reads on after an id', async () => {
    await store().putApp(sampleObject('shop'), 0);
    await store().putApp(sampleObject('cart'), 0);
    await commitEvents(store(), APP, 0, 's1', 's2');
    await commitEvents(store(), 'default/cart', 0, 'k1');
    await commitEvents(store(), APP, 1, 's3');
    const all = await store().events({});
    assert.deepEqual(
      all.map((event) => [event.app, event.message]),
      [
        [APP, 's1'],
        [APP, 's2'],
        ['default/cart', 'k1'],
        [APP, 's3'],
      ],
    );
    const ids = all.map((event) => event.id);
    assert.deepEqual(
      ids,
      [...new Set(ids)].sort((a, b) => a - b),
    );
    const rest = await store().events({ app: APP, after: ids[0] ?? 0 });
    assert.deepEqual(
      rest.map((event) => event.message),
      ['s2', 's3'],
    );
    assert.deepEqual(await store().events({ after: ids[3] ?? 0 }), []);
  });

  it('gives the first events after an id, and the last ones when no id is named', async () => {
    await store().putApp(sampleObject('shop'), 0);
    await commitEvents(store(), APP, 0, 'a', 'b', 'c', 'd');
    const messages = async (query: { after?: number; limit: number }) =>
      (await store().events({ app: APP, ...query })).map((event) => event.message);
    assert.deepEqual(await messages({ after: 0, limit: 2 }), ['a', 'b']);
    assert.deepEqual(await messages({ limit: 2 }), ['c', 'd']);
    assert.deepEqual(await messages({ limit: 0 }), []);
  });

  it('drops the oldest events of an App beyond its limit, and of no other App', async () => {
    const bounded = await fresh({ eventsPerApp: 3, actionsPerApp: 2 });
    await bounded.putApp(sampleObject('shop'), 0);
    await bounded.putApp(sampleObject('cart'), 0);
    await commitEvents(bounded, 'default/cart', 0, 'k1');
    await commitEvents(bounded, APP, 0, 'a', 'b');
    await commitEvents(bounded, APP, 1, 'c', 'd', 'e');
    const all = await bounded.events({ after: 0 });
    assert.deepEqual(
      all.map((event) => event.message),
      ['k1', 'c', 'd', 'e'],
    );
    const actions = ['x', 'y', 'z'].map((key) => sampleAction(key, 3));
    await bounded.commit(APP, 2, { next: stateAt(3), events: [], actions });
    const kept = actions.slice(1);
    assert.deepEqual((await bounded.actions?.(APP)) ?? kept, kept);
  });

  it('never gives an event id twice, though the newest events are gone', async () => {
    const bounded = await fresh({ eventsPerApp: 1 });
    await bounded.putApp(sampleObject('shop'), 0);
    await commitEvents(bounded, APP, 0, 'a', 'b');
    const before = (await bounded.events({}))[0]?.id ?? 0;
    await bounded.removeApp(APP, 1);
    await bounded.putApp(sampleObject('shop'), 0);
    await commitEvents(bounded, APP, 0, 'c');
    assert.ok(((await bounded.events({}))[0]?.id ?? 0) > before);
  });

  it('keeps the audit log in order, bounded, and by App', async () => {
    const bounded = await fresh({ auditEntries: 3 });
    await bounded.addAudit(sampleAudit('login'));
    for (const action of ['a', 'b']) await bounded.addAudit(sampleAudit(action, APP));
    await bounded.addAudit(sampleAudit('k', 'default/cart'));
    const actions = async (query: { app?: string; limit?: number }) =>
      (await bounded.audit(query)).map((entry) => entry.action);
    assert.deepEqual(await actions({}), ['a', 'b', 'k']);
    assert.deepEqual(await actions({ app: APP }), ['a', 'b']);
    assert.deepEqual(await actions({ app: APP, limit: 1 }), ['b']);
  });
}

function changeCases(store: () => StoreMaybeJournaling): void {
  it('tells listeners what changed, and nothing after they left', async () => {
    const heard: string[] = [];
    const leave = store().onChange((app, what) => heard.push(`${app} ${what}`));
    await store().putApp(sampleObject('shop'), 0);
    await store().commit(APP, 0, { next: stateAt(1), ...nothing });
    await store().addCommand(APP, sampleCommand('c1'), sampleAudit('promote', APP));
    await store().addCommand(APP, sampleCommand('c1'), sampleAudit('promote', APP));
    await assert.rejects(store().commit(APP, 0, { next: stateAt(1), ...nothing }));
    await store().removeApp(APP, 1);
    await Promise.resolve();
    leave();
    await store().putApp(sampleObject('shop'), 0);
    await new Promise(setImmediate);
    assert.deepEqual(heard, [`${APP} app`, `${APP} state`, `${APP} command`, `${APP} app`]);
  });
}

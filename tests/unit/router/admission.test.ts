import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Admission, type Waiter } from '../../../src/routers/embedded/data/admission.ts';

function waiters(heard: string[]): (name: string) => Waiter {
  return (name) => ({
    admit: () => heard.push(`${name} admitted`),
    refuse: () => heard.push(`${name} refused`),
  });
}

describe('admission', () => {
  it('lets everybody through while open, and counts nothing', () => {
    const admission = new Admission(() => assert.fail('nothing starts'));
    assert.equal(admission.enter(waiters([])('a')), true);
    assert.deepEqual(admission.counts, { refused: 0, held: 0 });
  });

  it('refuses, and says when it began', () => {
    let started = 0;
    const heard: string[] = [];
    const admission = new Admission(
      () => started++,
      () => 42,
    );
    admission.set({ kind: 'refuse' });
    assert.equal(admission.enter(waiters(heard)('a')), false);
    assert.equal(admission.enter(waiters(heard)('b')), false);
    assert.deepEqual(heard, ['a refused', 'b refused']);
    assert.deepEqual(admission.counts, { refused: 2, held: 0, firstAt: 42 });
    assert.equal(started, 1);
  });

  it('holds up to its limit and releases in order', () => {
    const heard: string[] = [];
    const waiter = waiters(heard);
    const admission = new Admission(() => {});
    admission.set({ kind: 'hold', maxRequests: 2, maxMs: 60_000 });
    for (const name of ['a', 'b', 'c']) admission.enter(waiter(name));
    assert.deepEqual(heard, ['c refused']);
    admission.set({ kind: 'open' });
    assert.deepEqual(heard, ['c refused', 'a admitted', 'b admitted']);
    assert.equal(admission.counts.held, 2);
    assert.equal(admission.counts.refused, 1);
  });

  it('ends by itself', async () => {
    const heard: string[] = [];
    const admission = new Admission(() => {});
    admission.set({ kind: 'hold', maxRequests: 10, maxMs: 20 });
    admission.enter(waiters(heard)('a'));
    while (heard.length === 0) await sleep(5);
    assert.deepEqual(heard, ['a refused']);
  });

  it('forgets who went away', () => {
    const heard: string[] = [];
    const gone = waiters(heard)('a');
    const admission = new Admission(() => {});
    admission.set({ kind: 'hold', maxRequests: 10, maxMs: 60_000 });
    admission.enter(gone);
    admission.leave(gone);
    admission.set({ kind: 'open' });
    assert.deepEqual(heard, []);
  });

  it('refuses those who wait when holding turns into refusing', () => {
    const heard: string[] = [];
    const admission = new Admission(() => {});
    admission.set({ kind: 'hold', maxRequests: 10, maxMs: 60_000 });
    admission.enter(waiters(heard)('a'));
    admission.set({ kind: 'refuse' });
    assert.deepEqual(heard, ['a refused']);
  });

  it('begins its counts again with each time it closes', () => {
    const admission = new Admission(() => {});
    admission.set({ kind: 'refuse' });
    admission.enter(waiters([])('a'));
    admission.set({ kind: 'open' });
    assert.equal(admission.counts.refused, 1);
    admission.set({ kind: 'refuse' });
    assert.deepEqual(admission.counts, { refused: 0, held: 0 });
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createIntake, type IntakeDeps, type WantedApp } from '../../../src/cluster/intake.ts';
import { OperatingError } from '../../../src/core/errors.ts';
import type { AppObject } from '../../../src/core/model.ts';
import type { Condition } from '../../../src/kubernetes/crossfade.ts';
import { sampleObject, stateAt } from '../../conformance/store/samples.ts';

const APP = 'default/shop';
const RUN = sampleObject('shop').revision.run;

function wantedApp(change: Partial<WantedApp> = {}): WantedApp {
  return {
    generation: 2,
    deleting: false,
    labels: {},
    annotations: {},
    manager: 'kubectl',
    spec: { run: { command: ['node', 'server.js'] } },
    ...change,
  };
}

interface Lab {
  taken: { object: AppObject; expected: number }[];
  refused: { generation: number; conditions: Condition[]; message: string }[];
  settled(): Promise<void>;
}

/** One look at one wish; `wanted` is what is asked for until it was taken or refused for good. */
function lab(wanted: WantedApp | undefined, change: Partial<IntakeDeps> = {}): Lab {
  const taken: Lab['taken'] = [];
  const refused: Lab['refused'] = [];
  const intake = createIntake({
    wanted: () => wanted,
    load: async () => undefined,
    take: (object, expected) => taken.push({ object, expected }),
    refuse: (_app, generation, conditions, message) => refused.push({ generation, conditions, message }),
    check: async () => undefined,
    engine: { prepare: async () => RUN },
    now: () => 1_000,
    log: { info: () => undefined, error: (what) => assert.fail(JSON.stringify(what)) },
    ...change,
  });
  intake.poke(APP);
  return { taken, refused, settled: () => intake.close() };
}

describe('the intake of App objects', () => {
  it('takes up a spec with its revision', async () => {
    const { taken, refused, settled } = lab(wantedApp());
    await settled();
    assert.deepEqual(refused, []);
    assert.equal(taken.length, 1);
    assert.equal(taken[0]?.expected, 0);
    assert.equal(taken[0]?.object.generation, 2);
    assert.equal(taken[0]?.object.spec.spec.replicas, 1);
    assert.equal(taken[0]?.object.revision.number, 1);
    assert.equal(taken[0]?.object.actor, 'kubectl');
  });

  it('names who applied it as they say themselves, and keeps what is not the user’s out of the App', async () => {
    const annotations = {
      'crossfade.dev/actor': 'ann',
      'kubectl.kubernetes.io/last-applied-configuration': '{}',
      note: 'mine',
    };
    const { taken, settled } = lab(wantedApp({ annotations }));
    await settled();
    assert.equal(taken[0]?.object.actor, 'ann');
    assert.deepEqual(taken[0]?.object.spec.metadata.annotations, { note: 'mine' });
  });

  it('keeps the number of a revision that is known', async () => {
    const object = sampleObject('shop');
    const known = { ...object.revision, number: 7 };
    const first = lab(wantedApp());
    await first.settled();
    const id = first.taken[0]?.object.revision.id ?? '';
    const state = stateAt(3, { revisions: { [id]: { ...known, id } } });
    const { taken, settled } = lab(wantedApp(), { load: async () => ({ object, state }) });
    await settled();
    assert.equal(taken[0]?.object.revision.number, 7);
    assert.equal(taken[0]?.expected, 1);
  });

  it('tells every mistake of a spec, stalls, and leaves in force what was taken up before', async () => {
    const { taken, refused, settled } = lab(
      wantedApp({ spec: { run: { command: ['node'] }, port: 0, replicas: 'three' } }),
    );
    await settled();
    assert.deepEqual(taken, []);
    const message = refused[0]?.message ?? '';
    assert.match(message, /spec\.port: .*1 to 65535/);
    assert.match(message, /spec\.replicas: /);
    const stalled = refused[0]?.conditions.find(({ type }) => type === 'Stalled');
    assert.deepEqual(
      { status: stalled?.status, reason: stalled?.reason, seen: stalled?.observedGeneration },
      { status: 'True', reason: 'AppFile', seen: 2 },
    );
  });

  it('says why a revision cannot be prepared', async () => {
    const prepare = async () => {
      throw new OperatingError('E_SECRET_NOT_FOUND', 'there is no secret db', { hint: 'create it' });
    };
    const { taken, refused, settled } = lab(wantedApp(), { engine: { prepare } });
    await settled();
    assert.deepEqual(taken, []);
    assert.match(refused[0]?.message ?? '', /there is no secret db; create it/);
  });

  it('says nothing of a conflict: it is looked at again', async () => {
    const take = () => {
      throw new OperatingError('E_CONFLICT', 'changed meanwhile');
    };
    const { refused, settled } = lab(wantedApp(), { take });
    await settled();
    assert.deepEqual(refused, []);
  });

  it('takes up a deletion with the spec that is in force', async () => {
    const stored = { object: sampleObject('shop'), state: stateAt(1) };
    const { taken, settled } = lab(wantedApp({ deleting: true, spec: 'no spec at all' }), {
      load: async () => stored,
    });
    await settled();
    assert.equal(taken[0]?.object.deleting, true);
    assert.equal(taken[0]?.object.generation, 2);
    assert.deepEqual(taken[0]?.object.spec, stored.object.spec);
  });

  it('has nothing to do when there is nothing new', async () => {
    const { taken, refused, settled } = lab(undefined);
    await settled();
    assert.deepEqual([taken, refused], [[], []]);
  });
});

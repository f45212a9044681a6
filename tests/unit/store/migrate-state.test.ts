import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { it } from 'node:test';
import { decide } from '../../../src/core/decide/index.ts';
import type { Known, Observed } from '../../../src/core/model.ts';
import { migrateState, STATE_SCHEMA, type StateStep } from '../../../src/store/migrate-state.ts';
import { sampleObject } from '../../conformance/store/samples.ts';

const fixture = (schema: number): Record<string, unknown> =>
  JSON.parse(readFileSync(path.join(import.meta.dirname, 'fixtures', `state-v${schema}.json`), 'utf8'));

it('takes a state of every released schema to the present one, which decide() goes on from', () => {
  for (let schema = 1; schema <= STATE_SCHEMA; schema += 1) {
    const state = migrateState(fixture(schema));
    assert.equal(state.schema, STATE_SCHEMA);
    assert.equal(state.release?.stages[0]?.name, 'canary 8%');
    const unknown: Known<never> = { kind: 'unknown', since: 0, why: 'not asked' };
    const object = { ...sampleObject('shop'), generation: state.generationSeen };
    const observed: Observed = {
      app: { kind: 'known', value: object, at: 0 },
      commands: [{ id: 'p', verb: 'promote', actor: 'ann', at: 0 }],
      replicas: unknown,
      router: unknown,
      measured: unknown,
      outcomes: [],
    };
    const { next } = decide(state, observed, (state.release?.startedAt ?? 0) + 10_000);
    assert.equal(next.commandsDone.p?.result.kind, 'done');
    assert.equal(next.stable, state.stable);
  }
});

it('leaves a state of the present schema exactly as it is', () => {
  assert.deepEqual(migrateState(fixture(STATE_SCHEMA)), fixture(STATE_SCHEMA));
});

it('walks one schema at a time and carries unknown fields along', () => {
  const steps: Record<number, StateStep> = {
    1: (document) => ({ ...document, schema: 2, colour: 'blue' }),
    2: ({ colour, ...document }) => ({ ...document, schema: 3, colours: [colour] }),
  };
  const migrated = migrateState({ schema: 1, later: { added: true } }, steps, 3);
  assert.deepEqual(migrated, { schema: 3, later: { added: true }, colours: ['blue'] });
});

it('refuses a state of a later schema and says which version to start', () => {
  assert.throws(() => migrateState({ ...fixture(1), schema: STATE_SCHEMA + 1 }), {
    code: 'E_STORE_NEWER',
    message: `A stored state has schema ${STATE_SCHEMA + 1}; this version of crossfade knows schemas up to ${STATE_SCHEMA}.`,
  });
});

it('refuses what is no state', () => {
  for (const stored of [null, [], 'state', {}, { schema: 0 }, { schema: '1' }, { schema: 1.5 }]) {
    assert.throws(() => migrateState(stored), { code: 'E_STORE_CORRUPT' }, JSON.stringify(stored));
  }
});

it('takes a missing or wrong step for a bug', () => {
  assert.throws(() => migrateState({ schema: 1 }, {}, 2), {
    name: 'Error',
    message: /no step from state schema 1/,
  });
  const stuck: Record<number, StateStep> = { 1: (document) => document };
  assert.throws(() => migrateState({ schema: 1 }, stuck, 2), { name: 'Error', message: /led to 1/ });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AppStatus } from '../../../src/kubernetes/crossfade.ts';
import type { AppCache, StatusWriter } from '../../../src/store/app-status/apps.ts';
import type { Row } from '../../../src/store/app-status/row.ts';
import { createShown, type Shown } from '../../../src/store/app-status/shown.ts';
import { waitFor } from '../../support/wait-for.ts';

const APP = 'team/shop';

/** An App that has shown nothing yet; nothing is written within a test. */
function shown(): { made: Shown; row: { uid: string }; says: () => AppStatus } {
  const row = { key: APP, uid: 'u1', shown: '{}' } as unknown as Row & { uid: string };
  const apps = { get: () => row } as unknown as AppCache;
  const made = createShown({} as StatusWriter, apps, { warn: () => undefined });
  return { made, row, says: () => made.pending(row) };
}

const stalled = (generation: number, status: 'True' | 'False'): AppStatus => ({
  observedGeneration: generation,
  message: `generation ${generation}`,
  ready: `${generation}/3`,
  conditions: [{ type: 'Stalled', status, reason: 'x', message: 'x', lastTransitionTime: 'now' }],
});

test('what is said of the spec in force does not take the place of the refusal of a later one', (t) => {
  const { made, says } = shown();
  t.after(() => made.close());
  made.set(APP, stalled(2, 'True'));
  made.set(APP, stalled(1, 'False'));
  const { observedGeneration, message, conditions, ready } = says();
  assert.deepEqual([observedGeneration, message, conditions?.[0]?.status], [2, 'generation 2', 'True']);
  assert.equal(ready, '1/3', 'how many are ready is told all the same');
  made.set(APP, stalled(3, 'False'));
  assert.deepEqual([says().observedGeneration, says().conditions?.[0]?.status], [3, 'False']);
});

test('an App that was made anew begins at 1, and was refused nothing', (t) => {
  const { made, row, says } = shown();
  t.after(() => made.close());
  made.set(APP, stalled(5, 'True'));
  row.uid = 'u2';
  made.set(APP, stalled(1, 'False'));
  assert.deepEqual([says().observedGeneration, says().conditions?.[0]?.status], [1, 'False']);
});

test('while something of the App is written, nothing else is; then what is left to be told', async (t) => {
  const row = { key: APP, uid: 'u1', shown: '{}' } as unknown as Row;
  const apps = { get: () => row } as unknown as AppCache;
  let isUnderWay = true;
  let asked = 0;
  const written: AppStatus[] = [];
  const writer: StatusWriter = {
    isUnderWay() {
      asked += 1;
      return isUnderWay;
    },
    async write(_app, make) {
      written.push(make().status);
      row.shown = JSON.stringify(written.at(-1));
      return row;
    },
  };
  const made = createShown(writer, apps, { warn: () => undefined });
  t.after(() => made.close());
  made.set(APP, { ready: '1/3' });
  await waitFor(() => asked > 1, { what: 'it to have asked twice' });
  assert.deepEqual(written, []);
  isUnderWay = false;
  await waitFor(() => written.length > 0, { what: 'it to be written' });
  assert.deepEqual(written, [{ ready: '1/3' }]);
});

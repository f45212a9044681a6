/** A process to be killed: commits version after version to the file it is given, and prints each one once it is stored. */
import { writeSync } from 'node:fs';
import { createSqliteStore } from '../../../src/store/sqlite/index.ts';
import { sampleAction, sampleEvent, sampleObject, stateAt } from './samples.ts';

const [file = ''] = process.argv.slice(2);
const APP = 'default/shop';
const store = await createSqliteStore({ file, reserveBytes: 4096 });
let stored = await store.load(APP);
if (!stored) {
  await store.putApp(sampleObject('shop'), 0);
  stored = await store.load(APP);
}
// Big enough to take several pages, so that a torn write would have something to tear.
const message = 'x'.repeat(20_000);
for (let version = stored?.state.version ?? 0; ; version += 1) {
  const next = stateAt(version + 1, { frozen: { code: `${version + 1}`, message } });
  const events = [sampleEvent(`${version + 1}`)];
  await store.commit(APP, version, { next, events, actions: [sampleAction(`${version + 1}`, version + 1)] });
  writeSync(1, `${version + 1}\n`);
}

import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createSqliteStore } from '../../../src/store/sqlite/index.ts';
import { storeConformance } from './suite.ts';

storeConformance('sqlite', async (limits) => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'crossfade-store-'));
  const store = await createSqliteStore({
    file: path.join(folder, 'state.db'),
    reserveBytes: 4096,
    ...limits,
  });
  return {
    store,
    async remove() {
      await store.close();
      await rm(folder, { recursive: true });
    },
  };
});

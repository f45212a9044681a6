import { createMemoryStore } from '../../../src/store/memory/index.ts';
import { storeConformance } from './suite.ts';

storeConformance('memory', async (limits) => {
  const store = createMemoryStore(limits);
  return { store, remove: () => store.close() };
});

import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createEmbeddedRouter, type EmbeddedRouter } from '../../../src/routers/embedded/index.ts';
import { routerConformance } from './suite.ts';

let folder: string;
let router: EmbeddedRouter;

routerConformance({
  name: 'embedded',
  start: async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'r-'));
    router = await createEmbeddedRouter({ stateDir: folder, bootId: 'boot-1' });
    return router;
  },
  stop: async () => {
    await router.shutdown();
    await rm(folder, { recursive: true });
  },
});

/** The daemon with another composition root: `daemon.ts STATE_DIR FAULTS_FILE`. Everything else of it is the product's. */
import { runDaemon, standardParts } from '../../../src/composition.ts';
import { createFuse, faultyClock, POINTS, withCommitLog, withPoints } from './faults.ts';

const [stateDir = '', faultsFile = ''] = process.argv.slice(2);
const parts = standardParts();
const pass = createFuse(faultsFile, `${faultsFile}.passed`);

await runDaemon(
  { stateDir },
  {
    ...parts,
    clock: faultyClock(parts.clock, faultsFile),
    store: async (...args) => {
      const logged = withCommitLog(await parts.store(...args), `${faultsFile}.commits`);
      return withPoints(logged, POINTS.store, pass);
    },
    engine: async (...args) => withPoints(await parts.engine(...args), POINTS.engine, pass),
    router: async (...args) => withPoints(await parts.router(...args), POINTS.router, pass),
  },
);

import { APP, appSpec, HTTP_READY, lab, SERVER_COMMAND } from '../../unit/engine/support.ts';
import { engineConformance } from './suite.ts';

engineConformance('process', async (t) => {
  const made = await lab(t);
  return {
    engine: made.engine,
    app: APP,
    server: (version = 'one') =>
      appSpec({
        source: made.source,
        port: 8080,
        run: { command: SERVER_COMMAND, env: { VERSION: version } },
        health: { ready: HTTP_READY },
      }),
    worker: () => appSpec({ run: { command: ['sleep', '1000'] } }),
    reopen: () => made.reopen(),
    fetch: async (replica) => (await fetch(`http://${replica.address}/`)).status,
  };
});

import type { RouteTable } from '../../../../src/core/model.ts';
import { App } from '../../../../src/routers/embedded/data/app.ts';
import { DataPlane, type Limits } from '../../../../src/routers/embedded/data/data-plane.ts';
import { ANY_HOST, Listener } from '../../../../src/routers/embedded/data/listener.ts';
import type { Transport } from '../../../../src/routers/embedded/data/transport.ts';
import { type BoundHandle, bindTcp } from '../../../../src/routers/embedded/parent/sockets.ts';

const PROBE_TOKEN = 'token-of-this-test';

export interface TestPlane {
  port: number;
  plane: DataPlane;
  app: App;
  /** Bugs that connections met. */
  errors: unknown[];
  install(table: RouteTable): void;
  close(): void;
}

/** The data plane alone, in this process, with one App for every host. */
export async function startPlane(
  options: { transport?: Transport; limits?: Partial<Limits> } = {},
): Promise<TestPlane> {
  const errors: unknown[] = [];
  const plane = new DataPlane({
    transport: options.transport ?? 'onread',
    probeToken: PROBE_TOKEN,
    onError: (error) => errors.push(error),
    ...(options.limits && { limits: options.limits }),
  });
  const app = new App('default/shop', () => {});
  plane.apps.set(app.key, app);
  const handle = await bindTcp({ host: '127.0.0.1', port: 0 });
  const listener = new Listener('127.0.0.1:0');
  listener.route(
    new Map([
      [ANY_HOST, { app, preview: false }],
      ['preview.localhost', { app, preview: true }],
    ]),
  );
  await plane.listen(listener, handle);
  return {
    port: portOf(handle),
    plane,
    app,
    errors,
    install: (table) => app.install(table, 1),
    close: () => {
      listener.server?.close();
      plane.stop();
      app.uninstall();
    },
  };
}

function portOf(handle: BoundHandle): number {
  const out: { port?: number } = {};
  handle.getsockname?.(out);
  if (out.port === undefined) throw new Error('no port');
  return out.port;
}

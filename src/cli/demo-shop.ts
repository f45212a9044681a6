import { existsSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { OperatingError } from '../core/errors.ts';
import { toYamlText } from './output/yaml.ts';

export const DEMO_STRATEGIES = ['recreate', 'rolling', 'blueGreen', 'canary', 'abTest'] as const;
export type DemoStrategy = (typeof DEMO_STRATEGIES)[number];

/** Editions of the shop: what users are on, what is released, and what breaks at its start. */
export const SHOP = { old: '1.0.0', next: '2.0.0', broken: '3.0.0' } as const;

/** Steps short enough for a demo, long enough to measure: at 200 requests a second a step sees a few hundred. */
const STRATEGY_SPEC: Record<DemoStrategy, object> = {
  recreate: { recreate: { hold: { maxRequests: 10_000, maxWait: '60s' } } },
  rolling: { rolling: { maxSurge: 1, maxUnavailable: 0 } },
  blueGreen: { blueGreen: {} },
  canary: {
    canary: {
      steps: [
        { setWeight: 20 },
        { pause: { duration: '2s' } },
        { setWeight: 50 },
        { pause: { duration: '2s' } },
      ],
    },
  },
  abTest: { abTest: { split: { percent: 50 } } },
};

/** The App file of one edition, as a user would write it. */
export function shopFile(edition: string, strategy: DemoStrategy, source: string, listen: number): string {
  return `${toYamlText({
    apiVersion: 'crossfade.dev/v1',
    kind: 'App',
    metadata: { name: 'shop' },
    spec: {
      replicas: 3,
      source,
      run: { command: ['node', 'server.mjs', edition] },
      port: 8080,
      health: { ready: { http: '/healthz' } },
      route: { listen },
      strategy: STRATEGY_SPEC[strategy],
      progressDeadlineSeconds: 20,
    },
  })}\n`;
}

/** The shop's folder, beside the program in a checkout and in an installed package. */
export function shopFolder(from = import.meta.dirname): string {
  const folder = path.join(from, 'examples', 'shop');
  if (existsSync(path.join(folder, 'server.mjs'))) return folder;
  const parent = path.dirname(from);
  if (parent !== from) return shopFolder(parent);
  throw new OperatingError('E_DEMO_FILES', 'the folder examples/shop of this installation is missing', {
    hint: 'install the package again, or run the demo from a clone of the repository',
  });
}

const FIRST_PORT = 8080;
const LAST_PORT = 8999;

/** Below the ephemeral ports, so that nothing takes it by chance while the demo runs. */
export async function freePort(): Promise<number> {
  for (let port = FIRST_PORT; port <= LAST_PORT; port += 1) {
    if (await isFree(port)) return port;
  }
  throw new OperatingError('E_PORT_TAKEN', `all ports from ${FIRST_PORT} to ${LAST_PORT} are taken`, {
    hint: 'stop something that listens there, then try again',
  });
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

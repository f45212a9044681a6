/** App files for the service of these tests. */
import path from 'node:path';

const SOURCE = path.join(import.meta.dirname, 'service');

export type StrategyName = 'recreate' | 'recreate-hold' | 'rolling' | 'blueGreen' | 'canary' | 'abTest';
export const STRATEGIES = [
  'recreate',
  'recreate-hold',
  'rolling',
  'blueGreen',
  'canary',
  'abTest',
] as const satisfies readonly StrategyName[];

export interface ServiceOptions {
  name: string;
  listen: number;
  strategy: unknown;
  replicas?: number;
  /** For the service; see service/service.mjs. */
  env?: Record<string, string>;
  /** Put over the rest of the spec. */
  spec?: Record<string, unknown>;
}

/** An App as a user would write it. */
export interface AppDocument {
  apiVersion: string;
  kind: string;
  metadata: { name: string };
  spec: Record<string, unknown> & { run: { command: string[]; env: Record<string, string> } };
}

export function serviceApp({ name, listen, strategy, replicas = 2, env = {}, spec = {} }: ServiceOptions) {
  const app: AppDocument = {
    apiVersion: 'crossfade.dev/v1',
    kind: 'App',
    metadata: { name },
    spec: {
      replicas,
      source: SOURCE,
      run: { command: [process.execPath, 'service.mjs'], env: { VERSION: '1', ...env } },
      port: 8080,
      health: { ready: { http: '/healthz' } },
      route: { listen },
      strategy,
      ...spec,
    },
  };
  return app;
}

/** The same App with other environment variables: another revision. */
export function withEnv(app: AppDocument, env: Record<string, string>): AppDocument {
  const { run } = app.spec;
  return { ...app, spec: { ...app.spec, run: { ...run, env: { ...run.env, ...env } } } };
}

/** Each strategy as short as it shows all of its stages. `warm`: the old version stays, so that undo is one switch. */
export function strategyOf(name: StrategyName, { warm = true } = {}): Record<string, unknown> {
  const scaleDownDelaySeconds = warm ? 600 : 0;
  switch (name) {
    case 'recreate':
      return { recreate: {} };
    case 'recreate-hold':
      return { recreate: { hold: { maxRequests: 5_000, maxWait: '60s' } } };
    case 'rolling':
      return { rolling: { maxSurge: 1, maxUnavailable: 0 } };
    case 'blueGreen':
      return { blueGreen: { scaleDownDelaySeconds } };
    case 'canary':
      return { canary: { steps: [{ setWeight: 20 }, { setWeight: 50 }], scaleDownDelaySeconds } };
    case 'abTest':
      return { abTest: { split: { percent: 40, by: { cookie: 'user' } }, scaleDownDelaySeconds } };
  }
}

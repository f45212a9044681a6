import type { Pool, Revision, RunSpec } from '../../../src/core/model.ts';
import { revisionIdOf } from '../../../src/core/revision.ts';

export const RUN: RunSpec = {
  artifact: { kind: 'image', reference: 'shop:1' },
  command: [],
  env: {},
  secretEnv: {},
  configFiles: {},
  hasPort: true,
  health: { minReadySeconds: 0 },
  pod: { port: 8080, fields: {}, content: {} },
};

export function revisionOf(run: RunSpec): Revision {
  const provenance = { createdAt: 0, actor: 'tester', source: 'shop:1' };
  return { id: revisionIdOf(run), hashVersion: 1, number: 1, run, provenance };
}

export function poolOf(revision: Revision): Pool {
  return { id: '1-1', revision: revision.id, incarnation: 1 };
}

import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { RunSpec } from '../../../src/core/model.ts';
import { revisionIdOf } from '../../../src/core/revision.ts';

const RUN: RunSpec = {
  artifact: { kind: 'snapshot', digest: 'sha256:0f' },
  command: ['node', 'server.js'],
  env: { GREETING: 'hello' },
  secretEnv: { KEY: { secret: 'shop-key', hmac: 'ab' } },
  configFiles: { 'a.conf': 'sha256:1f' },
  hasPort: true,
  health: { minReadySeconds: 0 },
};

it('ids of revisions that were released stay as they are: another one would release every App again', () => {
  assert.equal(revisionIdOf(RUN), 'v1-7a1ec1120903');
  assert.equal(
    revisionIdOf({ ...RUN, artifact: { kind: 'none' }, user: 'nobody', workingDir: 'app' }),
    'v1-2aa50b69c426',
  );
});

it('a field that a revision does not have adds nothing to its id', () => {
  assert.equal(revisionIdOf({ ...RUN, pod: undefined } as unknown as RunSpec), revisionIdOf(RUN));
  assert.notEqual(revisionIdOf({ ...RUN, pod: { fields: {}, content: {} } }), revisionIdOf(RUN));
});

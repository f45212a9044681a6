import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contentDifferences } from '../../../src/core/content-differences.ts';
import type { RunSpec } from '../../../src/core/model.ts';

function run(change: Partial<RunSpec> = {}): RunSpec {
  return {
    artifact: { kind: 'snapshot', digest: `sha256:${'a'.repeat(64)}` },
    command: ['node', 'server.js'],
    env: { GREETING: 'hello' },
    secretEnv: { TOKEN: { secret: 'api', hmac: 'c'.repeat(64) } },
    configFiles: { 'etc/app.conf': `sha256:${'d'.repeat(64)}` },
    hasPort: true,
    health: { minReadySeconds: 0 },
    ...change,
  };
}

test('content that the file only names is told apart by short hashes', () => {
  const changed = run({
    artifact: { kind: 'snapshot', digest: `sha256:${'b'.repeat(64)}` },
    secretEnv: { TOKEN: { secret: 'api', hmac: 'e'.repeat(64) } },
    configFiles: {},
  });
  assert.deepEqual(contentDifferences(run(), changed, []), [
    { field: 'content of spec.source', from: 'hash aaaaaaaaaaaa', to: 'hash bbbbbbbbbbbb' },
    {
      field: 'spec.run.env.TOKEN',
      from: 'secret api, hash cccccccccccc',
      to: 'secret api, hash eeeeeeeeeeee',
    },
    { field: 'spec.run.configFiles.etc/app.conf', from: 'hash dddddddddddd', to: null },
  ]);
  assert.deepEqual(contentDifferences(run(), run(), []), []);
});

test('what a pod names in its cluster is told apart too', () => {
  const pod = (digest: string) =>
    run({ pod: { fields: {}, content: { 'secret/db': digest, 'configmap/a': 'f' } } });
  assert.deepEqual(contentDifferences(pod('1'.repeat(64)), pod('2'.repeat(64)), []), [
    { field: 'content of secret/db', from: 'hash 111111111111', to: 'hash 222222222222' },
  ]);
});

test('what the file itself says to be different is not said twice', () => {
  const shown = [{ field: 'spec.run.env.GREETING', from: 'hello', to: 'hallo' }];
  assert.deepEqual(contentDifferences(run(), run({ env: { GREETING: 'hallo' } }), shown), []);
});

test('an env file that says something else is told by the value', () => {
  assert.deepEqual(contentDifferences(run(), run({ env: { GREETING: 'hallo', MORE: '1' } }), []), [
    { field: 'spec.run.env.GREETING', from: 'hello', to: 'hallo' },
    { field: 'spec.run.env.MORE', from: null, to: '1' },
  ]);
});

test('what the file says of one thing hides no other, and what it says inside of one hides that', () => {
  const others = [
    { field: 'spec.run.env.GREET', from: 'a', to: 'b' },
    { field: 'spec.run.env.GREETING.value', from: 'hello', to: 'hallo' },
  ];
  const changed = run({ env: { GREETING: 'hallo', GREETINGS: 'x' } });
  assert.deepEqual(
    contentDifferences(run(), changed, others).map(({ field }) => field),
    ['spec.run.env.GREETINGS'],
  );
});

test('an image has no content of a source folder; a digest without its kind is shortened all the same', () => {
  const image = run({ artifact: { kind: 'image', reference: 'shop:2', digest: 'sha256:00' } });
  assert.deepEqual(contentDifferences(image, run(), []), [
    { field: 'content of spec.source', from: null, to: 'hash aaaaaaaaaaaa' },
  ]);
  const other = run({ artifact: { kind: 'snapshot', digest: 'x-sha256:0123456' } });
  assert.equal(contentDifferences(run(), other, [])[0]?.to, 'hash x-sha256:012');
});

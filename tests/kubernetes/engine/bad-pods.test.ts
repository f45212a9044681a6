import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Replica } from '../../../src/core/model.ts';
import { waitFor } from '../../support/wait-for.ts';
import { deploy } from '../../unit/engine/support.ts';
import { type EngineLab, engineLab, node, SERVER } from './lab.ts';

/** Upper bound for what is to be told long before any deadline. */
const PATIENCE_MS = 90_000;

async function seen(lab: EngineLab, what: string, holds: (replica: Replica) => boolean): Promise<Replica> {
  return await waitFor(async () => (await lab.engine.list(lab.app)).find(holds), {
    what,
    timeoutMs: PATIENCE_MS,
  });
}

test('an image that cannot be had is a failure that names it', async (t) => {
  const lab = await engineLab(t);
  if (lab === undefined) return;
  const kubernetes = { router: 'service', imagePullPolicy: 'Never', ...NOTHING } as const;
  await deploy(lab.engine, lab.spec({ image: 'localhost/nobody:1', kubernetes }), 1);
  const { failure } = await seen(lab, 'the failure', (replica) => replica.failure !== undefined);
  assert.equal(failure?.code, 'E_IMAGE_PULL');
  assert.match(failure?.message ?? '', /localhost\/nobody:1/);
});

test('a program that is not in the image is a failure in the words of the runtime', async (t) => {
  const lab = await engineLab(t);
  if (lab === undefined) return;
  await deploy(lab.engine, lab.spec({ run: { command: ['/nope'] } }), 1);
  const { failure } = await seen(lab, 'the failure', (replica) => replica.failure !== undefined);
  assert.equal(failure?.code, 'E_CONTAINER_REFUSED');
  assert.match(failure?.message ?? '', /\/nope/);
});

test('a program that ends tells its exit and its last words, before and after it was ready', async (t) => {
  const lab = await engineLab(t);
  if (lab === undefined) return;
  await deploy(
    lab.engine,
    lab.spec({ run: { command: node("console.error('no database'); process.exit(3)") } }),
    1,
  );
  const early = await seen(lab, 'the exit', (r) => r.restarts > 0 && r.logTail !== undefined);
  assert.deepEqual([early.lastExit?.code, early.wasReady, early.crashes], [3, false, undefined]);
  assert.deepEqual(early.logTail, ['no database']);
  const dies = `${SERVER}; setTimeout(() => { console.error('lost it'); process.exit(4); }, 6000)`;
  const { pool } = await deploy(lab.engine, lab.spec({ run: { command: node(dies) } }), 1, 2);
  const late = await seen(
    lab,
    'the crash',
    (r) => r.pool === pool.id && r.crashes !== undefined && (r.logTail?.includes('lost it') ?? false),
  );
  assert.deepEqual([late.lastExit?.code, late.wasReady], [4, true]);
});

test('a pod that no node takes says so and is held against nobody', async (t) => {
  const lab = await engineLab(t);
  if (lab === undefined) return;
  const kubernetes = { router: 'service', resources: { requests: { cpu: '999' } }, ...NOTHING } as const;
  await deploy(lab.engine, lab.spec({ kubernetes }), 1);
  const replica = await seen(lab, 'the reason', (one) => one.lastProbe !== undefined);
  assert.match(replica.lastProbe?.detail ?? '', /no node takes it.*cpu/i);
  assert.equal(replica.failure, undefined);
});

test('a readiness probe that fails is told in its own words', async (t) => {
  const lab = await engineLab(t);
  if (lab === undefined) return;
  const never = SERVER.replace("response.end('hello')", "response.writeHead(503).end('busy')");
  await deploy(lab.engine, lab.spec({ run: { command: node(never) } }), 1);
  const replica = await seen(lab, 'the probe', (one) => one.lastProbe?.detail.includes('503') ?? false);
  assert.deepEqual([replica.ready, replica.lastProbe?.ok], [false, false]);
});

test('pods that a quota refuses are told as a failure, and can be stopped', async (t) => {
  const lab = await engineLab(t);
  if (lab === undefined) return;
  const quota = {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name: 'small' },
    spec: { hard: { pods: '1' } },
  };
  await lab.cluster.apply(quota);
  await waitFor(async () => JSON.stringify(await lab.cluster.get('resourcequota/small')).includes('"used"'), {
    what: 'the quota to be counted',
    timeoutMs: PATIENCE_MS,
  });
  const { ctx } = await deploy(lab.engine, lab.spec(), 2);
  const refused = await seen(lab, 'the refusal', (replica) => replica.failure !== undefined);
  assert.equal(refused.failure?.code, 'E_QUOTA_EXCEEDED');
  assert.match(refused.failure?.message ?? '', /exceeded quota: small/);
  await lab.engine.stop(ctx, refused.id, 0);
  await waitFor(async () => (await lab.engine.list(lab.app)).length === 1, {
    what: 'one replica to be left',
  });
});

test('a Secret and a ConfigMap are part of the revision: copied, and not followed when they change', async (t) => {
  const lab = await engineLab(t);
  if (lab === undefined) return;
  const secret = (value: string) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'db' },
    stringData: { password: value },
  });
  const config = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'conf' },
    data: { COLOUR: 'blue' },
  };
  await lab.cluster.apply(secret('one'), config);
  const script = SERVER.replace("'hello'", "process.env.PASSWORD + ' ' + process.env.COLOUR");
  const kubernetes = {
    router: 'service',
    ...NOTHING,
    envFrom: [{ configMapRef: { name: 'conf' } }],
  } as const;
  const spec = lab.spec({
    run: { command: node(script), env: { PASSWORD: { secret: 'db' } } },
    kubernetes: { ...kubernetes, envFrom: [...kubernetes.envFrom] },
  });
  const first = await deploy(lab.engine, spec, 1);
  const answer = async () => {
    const { address } = await seen(lab, 'it is ready', (replica) => replica.ready);
    return (await fetch(`http://${address}/`)).text();
  };
  assert.equal(await answer(), 'one blue');
  await lab.cluster.apply(secret('two'));
  const second = await lab.engine.prepare(spec, { dryRun: true, progress: () => undefined });
  assert.notDeepEqual(second.pod?.content, first.run.pod?.content);
  assert.ok(!JSON.stringify([first.run, second]).includes('two'), 'no value is in a revision');
  const [replica] = await lab.engine.list(lab.app);
  await lab.engine.stop(first.ctx, replica?.id ?? '', 0);
  await lab.engine.grow(first.ctx, first.pool, first.revision, spec, 1);
  await waitFor(async () => (await lab.engine.list(lab.app)).every(({ id }) => id !== replica?.id), {
    what: 'the old pod to go',
    timeoutMs: PATIENCE_MS,
  });
  assert.equal(await answer(), 'one blue', 'a pod of the old revision has the old content');
  const missing = lab.spec({ run: { env: { KEY: { secret: 'nobody' } } } });
  await assert.rejects(lab.engine.prepare(missing, { dryRun: true, progress: () => undefined }), {
    code: 'E_SECRET_MISSING',
  });
});

const NOTHING = {
  imagePullSecrets: [],
  env: [],
  envFrom: [],
  volumes: [],
  volumeMounts: [],
  topologySpreadConstraints: [],
};

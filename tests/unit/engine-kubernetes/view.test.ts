import assert from 'node:assert/strict';
import { it } from 'node:test';
import { seenPod, seenPool } from '../../../src/engines/kubernetes/seen.ts';
import { absentReplica, replicaOf } from '../../../src/engines/kubernetes/view.ts';
import type { ContainerStatus, Deployment, Pod } from '../../../src/kubernetes/workloads.ts';

const LABELS = { 'crossfade.dev/app': 'shop', 'crossfade.dev/pool': '1-1' };
const NONE = { wasReady: false, crashes: 0 };
const BEGIN = '2026-01-01T00:00:00Z';

function pod(status: Pod['status'], metadata: Pod['metadata'] = {}): Pod {
  return {
    metadata: {
      namespace: 'default',
      name: 'shop-1-1-x',
      uid: 'u',
      labels: LABELS,
      creationTimestamp: BEGIN,
      ...metadata,
    },
    status: { startTime: BEGIN, podIP: '10.0.0.7', ...status },
  };
}

function container(state: ContainerStatus['state'], more: Partial<ContainerStatus> = {}): ContainerStatus[] {
  return [{ name: 'app', ready: false, restartCount: 0, ...(state ? { state } : {}), ...more }];
}

function deployment(
  more: { annotations?: Record<string, string>; status?: Deployment['status'] } = {},
): Deployment {
  const template = {
    metadata: {},
    spec: { containers: [{ name: 'app', ports: [{ containerPort: 8080 }] }] },
  };
  return {
    metadata: { namespace: 'default', name: 'shop-1-1', labels: LABELS, annotations: more.annotations ?? {} },
    spec: { replicas: 3, selector: {}, template },
    ...(more.status ? { status: more.status } : {}),
  };
}

function view(
  status: Pod['status'],
  known: Parameters<typeof replicaOf>[2] = NONE,
  more: { metadata?: Pod['metadata']; annotations?: Record<string, string> } = {},
) {
  const seen = seenPod(pod(status, more.metadata));
  const pool = seenPool(deployment(more.annotations ? { annotations: more.annotations } : {}));
  assert.ok(seen && pool);
  return replicaOf(seen, pool, known);
}

const ready = (status: 'True' | 'False', at: string) => [{ type: 'Ready', status, lastTransitionTime: at }];

it('a pod that is ready is a replica that runs at its own address', () => {
  const at = '2026-01-01T00:00:05Z';
  const replica = view({
    conditions: ready('True', at),
    containerStatuses: container({ running: { startedAt: BEGIN } }),
  });
  assert.deepEqual(
    {
      id: replica.id,
      pool: replica.pool,
      address: replica.address,
      phase: replica.phase,
      ready: replica.ready,
    },
    { id: 'shop-1-1-x', pool: '1-1', address: '10.0.0.7:8080', phase: 'running', ready: true },
  );
  assert.deepEqual([replica.readySince, replica.startedAt], [Date.parse(at), Date.parse(BEGIN)]);
});

it('one that is being deleted, or was asked to stop, is stopping and not ready', () => {
  const conditions = ready('True', BEGIN);
  for (const replica of [
    view({ conditions }, NONE, { metadata: { deletionTimestamp: BEGIN } }),
    view({ conditions }, NONE, { annotations: { 'crossfade.dev/stopping': 'other,shop-1-1-x' } }),
  ])
    assert.deepEqual([replica.phase, replica.ready], ['stopping', false]);
});

it('one that was never ready is starting; one that lost readiness was ready, also for a controller that is new', () => {
  const started = view({ conditions: ready('False', BEGIN), containerStatuses: container({ running: {} }) });
  assert.deepEqual([started.phase, started.wasReady], ['starting', false]);
  const lost = view({
    conditions: ready('False', '2026-01-01T00:01:00Z'),
    containerStatuses: container({ running: {} }),
  });
  assert.deepEqual([lost.phase, lost.wasReady, lost.lastProbe], ['running', true, undefined]);
  const said = { ...NONE, event: { message: 'Readiness probe failed: statuscode: 503', at: 1 } };
  const told = view({ conditions: ready('False', '2026-01-01T00:01:00Z') }, said);
  assert.deepEqual(told.lastProbe, { at: 1, ok: false, detail: 'Readiness probe failed: statuscode: 503' });
});

for (const { reason, code } of [
  { reason: 'ErrImagePull', code: 'E_IMAGE_PULL' },
  { reason: 'ImagePullBackOff', code: 'E_IMAGE_PULL' },
  { reason: 'ErrImageNeverPull', code: 'E_IMAGE_PULL' },
  { reason: 'CreateContainerConfigError', code: 'E_CONTAINER_REFUSED' },
]) {
  it(`${reason} is a failure that waiting does not cure, in the words of the cluster`, () => {
    const message = 'failed to pull image "shop:nope": not found';
    const { phase, failure } = view({ containerStatuses: container({ waiting: { reason, message } }) });
    assert.equal(phase, 'backoff');
    assert.equal(failure?.code, code);
    assert.match(failure?.message ?? '', /shop:nope.*not found/);
  });
}

it('a program that cannot be started is a failure too', () => {
  const terminated = {
    exitCode: 128,
    reason: 'StartError',
    message: 'exec: "nope": executable file not found in $PATH',
  };
  const { failure } = view({
    containerStatuses: container(
      { waiting: { reason: 'CrashLoopBackOff' } },
      { restartCount: 1, lastState: { terminated } },
    ),
  });
  assert.equal(failure?.code, 'E_CONTAINER_REFUSED');
  assert.match(failure?.message ?? '', /executable file not found/);
});

it('a crash loop tells the exit, the restarts and the last words, and is left to the release to judge', () => {
  const terminated = { exitCode: 3, finishedAt: BEGIN };
  const containerStatuses = container(
    { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 10s restarting' } },
    { restartCount: 2, lastState: { terminated } },
  );
  const replica = view({ containerStatuses }, { ...NONE, crashes: 1, logTail: ['no database'] });
  assert.equal(replica.failure, undefined);
  assert.deepEqual(
    [replica.phase, replica.restarts, replica.crashes, replica.lastExit, replica.logTail],
    ['backoff', 2, 1, { at: Date.parse(BEGIN), code: 3, signal: null }, ['no database']],
  );
});

it('out of memory says so instead of 137', () => {
  const terminated = { exitCode: 137, reason: 'OOMKilled', finishedAt: BEGIN };
  const { lastExit } = view({ containerStatuses: container({ terminated }) });
  assert.deepEqual([lastExit?.code, lastExit?.signal], [null, 'SIGKILL (out of memory)']);
});

it('a pod that no node takes waits, and says why', () => {
  const message = '0/1 nodes are available: 1 Insufficient cpu.';
  const replica = view({
    conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }],
  });
  assert.deepEqual([replica.phase, replica.failure], ['starting', undefined]);
  assert.equal(replica.lastProbe?.detail, `no node takes it (Unschedulable): ${message}`);
});

it('pods that are refused are told as replicas that are not there', () => {
  const refused = (message: string) => {
    const conditions = [{ type: 'ReplicaFailure', status: 'True' as const, reason: 'FailedCreate', message }];
    const pool = seenPool(deployment({ status: { conditions } }));
    assert.ok(pool);
    return absentReplica(pool, 1, 0);
  };
  const quota = refused('pods "shop-1-1-x" is forbidden: exceeded quota: small, requested: pods=1');
  assert.deepEqual([quota.id, quota.failure?.code], ['shop-1-1~1', 'E_QUOTA_EXCEEDED']);
  assert.equal(refused('admission webhook "policy" denied the request').failure?.code, 'E_CLUSTER_DENIED');
});

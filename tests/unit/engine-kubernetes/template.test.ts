import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { RunSpec } from '../../../src/core/model.ts';
import { copyName, referencesOf } from '../../../src/engines/kubernetes/references.ts';
import { deploymentOf, fileKey, filesName } from '../../../src/engines/kubernetes/template.ts';
import { poolObjectName } from '../../../src/kubernetes/names.ts';
import { appSpec, type SpecChanges } from '../engine/support.ts';
import { poolOf, RUN, revisionOf } from './support.ts';

const OWNER = { apiVersion: 'crossfade.dev/v1', kind: 'App', name: 'shop', uid: 'u' };
const ROUTE = { listen: { host: '0.0.0.0', port: 80 }, revisionHeader: true, upstreamTimeoutMs: 60_000 };

function made(run: RunSpec, changes: SpecChanges = {}) {
  const revision = revisionOf(run);
  const spec = appSpec({ image: 'shop:1', port: 8080, ...changes });
  const app = { namespace: 'default', name: 'shop' };
  const input = { app, pool: poolOf(revision), revision, spec, owner: OWNER, stateVersion: 7, replicas: 2 };
  return deploymentOf(input);
}

type Pod = { containers: Record<string, unknown>[]; [field: string]: unknown };
const podOf = (run: RunSpec, changes?: SpecChanges) => made(run, changes).spec.template.spec as Pod;
const containerOf = (run: RunSpec, changes?: SpecChanges) => podOf(run, changes).containers[0] ?? {};

it('a pool is a Deployment of the App, named after both, that selects its own pods only', () => {
  const { metadata, spec } = made(RUN);
  assert.equal(metadata.name, 'shop-1-1');
  assert.deepEqual(metadata.ownerReferences, [OWNER]);
  assert.equal(metadata.annotations?.['crossfade.dev/state-version'], '7');
  assert.deepEqual(spec.selector.matchLabels, { 'crossfade.dev/app': 'shop', 'crossfade.dev/pool': '1-1' });
  const labels = spec.template.metadata.labels ?? {};
  for (const [name, value] of Object.entries(spec.selector.matchLabels ?? {}))
    assert.equal(labels[name], value);
  assert.equal(labels['crossfade.dev/in-route'], 'true');
  assert.equal(spec.replicas, 2);
});

it('names stay within what a Service may be called, and apart from each other', () => {
  const long = 'a'.repeat(58);
  const names = ['1-1', '10000-12', '10001-12'].map((pool) => poolObjectName(long, pool));
  assert.equal(new Set(names).size, 3);
  for (const name of names) assert.match(name, /^[a-z0-9-]{1,63}$/);
});

it('the container has what the App says: image, command, variables, probes, and a port in all of them', () => {
  const http = { kind: 'httpGet', path: '/healthz', headers: { 'x-a': 'b' } } as const;
  const timing = {
    initialDelaySeconds: 0,
    periodSeconds: 1,
    timeoutSeconds: 1,
    successThreshold: 1,
    failureThreshold: 3,
  };
  const container = containerOf({
    ...RUN,
    command: ['server', '--port={port}'],
    env: { GREETING: '$(HOME) hello' },
    user: '1000',
    health: {
      ready: { action: http, ...timing },
      live: { action: { kind: 'exec', command: ['check', '{port}'] }, ...timing },
      minReadySeconds: 0,
    },
  });
  assert.equal(container.image, 'shop:1');
  assert.deepEqual(container.command, ['server', '--port=8080']);
  const env = container.env as { name: string; value?: string }[];
  const textOf = (name: string) => env.find((one) => one.name === name)?.value;
  assert.deepEqual(
    [textOf('PORT'), textOf('GREETING'), textOf('CROSSFADE_APP')],
    ['8080', '$$(HOME) hello', 'shop'],
  );
  const httpGet = { path: '/healthz', port: 8080, httpHeaders: [{ name: 'x-a', value: 'b' }] };
  assert.deepEqual(container.readinessProbe, { httpGet, ...timing });
  assert.deepEqual((container.livenessProbe as { exec: object }).exec, { command: ['check', '8080'] });
  assert.deepEqual(container.securityContext, { runAsUser: 1000 });
});

it('an image that brings its own command keeps it', () => {
  assert.ok(!('command' in containerOf(RUN)));
});

it('a pod in a route waits before TERM for as long as requests may be under way, and its time to end grows by that', () => {
  const changes = { route: ROUTE, drainTimeoutMs: 12_000, terminationGracePeriodSeconds: 5 };
  assert.deepEqual(containerOf(RUN, changes).lifecycle, { preStop: { sleep: { seconds: 12 } } });
  assert.equal(podOf(RUN, changes).terminationGracePeriodSeconds, 17);
  const outage = { ...changes, strategy: { kind: 'recreate' } as const };
  assert.equal(podOf(RUN, outage).terminationGracePeriodSeconds, 10);
  assert.equal(
    podOf(RUN, { drainTimeoutMs: 12_000, terminationGracePeriodSeconds: 5 }).terminationGracePeriodSeconds,
    5,
  );
});

it('a pod runs with the copies of the revision, wherever it names a ConfigMap or a Secret', () => {
  const fields = {
    env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'db', key: 'a' } } }],
    envFrom: [{ configMapRef: { name: 'conf', optional: true } }, { secretRef: { name: 'db' } }],
    volumes: [
      { name: 'v', secret: { secretName: 'db' } },
      {
        name: 'w',
        projected: { sources: [{ secret: { name: 'db' } }, { configMap: { name: 'late', optional: true } }] },
      },
    ],
    podTemplate: { spec: { containers: [{ name: 'app', envFrom: [{ configMapRef: { name: 'conf' } }] }] } },
  };
  assert.deepEqual(referencesOf(fields), [
    { kind: 'secret', name: 'db', optional: false },
    { kind: 'configmap', name: 'conf', optional: false },
    { kind: 'configmap', name: 'late', optional: true },
  ]);
  const content = { 'secret/db': 'd1', 'configmap/conf': 'd2' };
  const text = JSON.stringify(podOf({ ...RUN, pod: { port: 8080, fields, content } }));
  const copies = [copyName('shop', 'secret', 'db', 'd1'), copyName('shop', 'configmap', 'conf', 'd2')];
  assert.equal(text.split(`"${copies[0]}"`).length - 1, 3);
  assert.equal(text.split(`"${copies[1]}"`).length - 1, 1);
  assert.ok(!/"name":"(db|conf)"|"secretName":"db"/.test(text));
  assert.match(text, /"name":"late"/, 'what was not there and may be missing is not copied');
});

it('the patch comes last, over all of it, and cannot take the pods out of their pool', () => {
  const podTemplate = {
    metadata: { labels: { team: 'web' } },
    spec: { priorityClassName: 'high', containers: [{ name: 'app', lifecycle: null, stdin: true }] },
  };
  const { metadata, spec } = made(
    { ...RUN, pod: { port: 8080, fields: { podTemplate }, content: {} } },
    { route: ROUTE },
  ).spec.template;
  assert.equal(metadata.labels?.team, 'web');
  assert.equal(metadata.labels?.['crossfade.dev/pool'], '1-1');
  const [container] = (spec as Pod).containers;
  assert.deepEqual(
    [spec.priorityClassName, container?.stdin, container?.lifecycle],
    ['high', true, undefined],
  );
});

it('spreads the pods of one revision when the file does not say which', () => {
  const fields = { topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'zone' }] };
  const [one] = podOf({ ...RUN, pod: { port: 8080, fields, content: {} } }).topologySpreadConstraints as {
    labelSelector: object;
  }[];
  assert.deepEqual(one?.labelSelector, {
    matchLabels: { 'crossfade.dev/app': 'shop', 'crossfade.dev/pool': '1-1' },
  });
});

it('config files are mounted one by one into the working folder, from one ConfigMap per content', () => {
  const run = { ...RUN, workingDir: '/srv', configFiles: { 'conf/a.json': 'sha256:1', 'b.txt': 'sha256:2' } };
  const pod = podOf(run);
  const name = filesName('shop', run.configFiles);
  assert.deepEqual(pod.volumes, [{ name: 'crossfade-files', configMap: { name } }]);
  assert.deepEqual(pod.containers[0]?.volumeMounts, [
    { name: 'crossfade-files', mountPath: '/srv/b.txt', subPath: fileKey('b.txt'), readOnly: true },
    {
      name: 'crossfade-files',
      mountPath: '/srv/conf/a.json',
      subPath: fileKey('conf/a.json'),
      readOnly: true,
    },
  ]);
  assert.notEqual(filesName('shop', { ...run.configFiles, 'b.txt': 'sha256:3' }), name);
});

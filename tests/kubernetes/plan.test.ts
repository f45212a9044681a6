import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testCluster } from '../support/cluster.ts';
import { routed, site } from './support/controller.ts';

const CANARY = { canary: { steps: [{ setWeight: 20 }, { pause: {} }] } };

test('plan and diff tell what an apply would change, the content of Secrets included, and change nothing', async (t) => {
  const cluster = await testCluster(t);
  if (cluster === undefined) return;
  const place = await site(t, cluster);
  await place.startController();
  const secret = (password: string) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'db' },
    stringData: { password },
  });
  await cluster.apply(secret('one'));
  const kubernetes = { envFrom: [{ secretRef: { name: 'db' } }] };
  const app = (version: string, more: object = {}) =>
    JSON.stringify(
      routed(cluster, { version, router: 'service', strategy: CANARY, replicas: 1, kubernetes, ...more }),
    );
  const planOf = async (input: string) => {
    const { stdout } = await place.crossfade(['plan', '-f', '-', '-o', 'json'], { input });
    return JSON.parse(stdout) as { revision?: { id?: string } };
  };
  const planned = await planOf(app('v1'));
  await place.crossfade(['apply', '-f', '-', '--wait'], { input: app('v1') });
  const view = JSON.parse((await place.crossfade(['get', 'app', 'shop', '-o', 'json'])).stdout);
  assert.ok(JSON.stringify(planned).includes(view.status.stableRevision), JSON.stringify(planned));

  const same = await place.attempt(['diff', '-f', '-'], { input: app('v1') });
  assert.equal(same.code, 0, same.stdout + same.stderr);
  const other = await place.attempt(['diff', '-f', '-'], { input: app('v2') });
  assert.equal(other.code, 1);
  assert.match(other.stdout, /- {2}image: localhost\/service:v1\n\+ {2}image: localhost\/service:v2/);

  // The file is the same: what it names is not.
  await cluster.apply(secret('two'));
  const content = await place.attempt(['diff', '-f', '-'], { input: app('v1') });
  assert.equal(content.code, 1, content.stdout + content.stderr);
  assert.match(content.stdout, /db/);
  assert.ok(!/two|dHdv/.test(content.stdout), 'nothing of the Secret is shown');

  // Shares of a Service are numbers of pods: what they come to is told before.
  const shares = await place.crossfade(['plan', '-f', '-'], { input: app('v2', { replicas: 3 }) });
  assert.match(
    shares.stdout,
    /stable 80%, candidate 20%, which comes to stable 75% \(3 of 4\), candidate 25% \(1 of 4\)/,
  );
  assert.match(shares.stdout, /splits by numbers of replicas/);

  // The router that the App names is the one that it is held against.
  const match = [{ headers: { 'x-team': 'qa' } }];
  const strategy = { canary: { steps: [{ setHeaderRoute: { name: 'qa', match } }, { setWeight: 20 }] } };
  const refused = await place.attempt(['plan', '-f', '-'], { input: app('v2', { strategy }) });
  assert.notEqual(refused.code, 0);
  assert.match(refused.stderr, /service router.*routing by header/);
  // What a Gateway can is what its class says; Traefik's says nothing of copies.
  const mirror = { strategy: { canary: { steps: [{ setMirror: 10 }] } }, router: 'gatewayApi' as const };
  const copied = await place.attempt(['plan', '-f', '-'], { input: app('v2', mirror) });
  assert.notEqual(copied.code, 0);
  assert.match(copied.stderr, /gatewayApi \(GatewayClass traefik\) router.*setMirror/);
  assert.equal(await place.field('shop', 'status.stable'), '#1');
  assert.equal(await place.field('shop', 'metadata.generation'), '1');
});

test('doctor tells what the cluster has, who leads, and what is missing', async (t) => {
  const cluster = await testCluster(t);
  if (cluster === undefined) return;
  const place = await site(t, cluster);
  const controller = await place.startController();
  await place.apply(
    routed(cluster, { version: 'v1', router: 'service', strategy: { rolling: {} } }),
    '--wait',
  );
  const healthy = await place.attempt(['doctor']);
  for (const found of [
    /apps\.crossfade\.dev is there/,
    /all that the commands need/,
    new RegExp(`holds lease ${cluster.namespace}/crossfade-controller-0`),
    /gatewayApi: GatewayClass traefik .* is accepted/,
    /ingressNginx: IngressClass nginx is there/,
  ])
    assert.match(healthy.stdout, found);
  await controller.kill('SIGTERM');
  const left = await place.attempt(['doctor']);
  assert.notEqual(left.code, 0);
  assert.match(left.stdout, new RegExp(`nobody holds lease ${cluster.namespace}/crossfade-controller-0`));
});

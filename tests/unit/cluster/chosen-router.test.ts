import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkForCluster } from '../../../src/cluster/check-spec.ts';
import { chosenRouter, type Routers } from '../../../src/cluster/chosen-router.ts';
import type { RouteTable } from '../../../src/core/model.ts';
import type { Router } from '../../../src/ports/router.ts';
import { GATEWAY_API_CAN } from '../../../src/routers/gateway-api/able.ts';
import { parseAppValue } from '../../../src/spec/index.ts';

function named(name: string, calls: string[], can: Partial<Router['capabilities']> = {}): Router {
  const said = (what: string) => async () => void calls.push(`${name} ${what}`);
  const capabilities = { ...GATEWAY_API_CAN, ...can };
  return {
    name,
    capabilities,
    apply: said('apply'),
    drain: said('drain'),
    remove: said('remove'),
    observe: () => assert.fail('not asked'),
    probe: () => assert.fail('not asked'),
    check: said('check'),
    onChange: () => () => undefined,
    close: said('close'),
    shutdown: said('shutdown'),
  };
}

function spec(router: string | undefined, strategy: object = { rolling: {} }) {
  const kubernetes = router === undefined ? {} : { kubernetes: { router } };
  const front =
    router === 'gatewayApi' ? { kubernetes: { router, parentRefs: [{ name: 'web' }] } } : kubernetes;
  const { app, errors } = parseAppValue(
    {
      apiVersion: 'crossfade.dev/v1',
      kind: 'App',
      metadata: { name: 'shop' },
      spec: { image: 'shop:1', port: 8080, route: { host: 'shop.example' }, strategy, ...front },
    },
    {},
  );
  assert.deepEqual(errors, []);
  assert.ok(app);
  return app;
}

test('each App is carried by the router that it names, and by its Service without a word', async () => {
  const calls: string[] = [];
  const routers: Routers = {
    gatewayApi: named('gatewayApi', calls),
    ingressNginx: named('ingressNginx', calls),
    service: named('service', calls),
  };
  const router = chosenRouter(routers, async (app) => (app === 'ns/in' ? 'ingressNginx' : 'service'));
  const ctx = (app: string) => ({ app, stateVersion: 1 });
  const front = { cluster: { router: 'gatewayApi' } };
  await router.apply(ctx('ns/gw'), { front } as unknown as RouteTable);
  await router.drain(ctx('ns/in'), 'pod', 0);
  await router.remove(ctx('ns/other'));
  assert.deepEqual(calls, ['gatewayApi apply', 'ingressNginx drain', 'service remove']);
});

test('a router whose kinds the cluster does not know is refused by name, with those that there are', async () => {
  const routers: Routers = { ingressNginx: named('ingressNginx', []), service: named('service', []) };
  await checkForCluster(spec(undefined), routers);
  await checkForCluster(spec('ingressNginx'), routers);
  await assert.rejects(() => checkForCluster(spec('gatewayApi'), routers), {
    code: 'E_ROUTER_MISSING',
    message: /no kinds for gatewayApi; there is ingressNginx, service/,
  });
});

test('what the named router cannot do is refused, whatever the others can', async () => {
  const routers: Routers = {
    gatewayApi: named('gatewayApi', []),
    service: named('service', [], { header: false }),
  };
  const match = [{ headers: { 'x-team': 'qa' } }];
  const strategy = { canary: { steps: [{ setHeaderRoute: { name: 'qa', match } }, { setWeight: 20 }] } };
  await checkForCluster(spec('gatewayApi', strategy), routers);
  await assert.rejects(() => checkForCluster(spec('service', strategy), routers), {
    code: 'E_ROUTER_CANNOT',
    message: /service router.*header/,
  });
});

test('what a router says of itself for this App counts more than what it says in general', async () => {
  const router = named('gatewayApi', []);
  const coarse = {
    name: 'gatewayApi (GatewayClass x)',
    capabilities: { ...router.capabilities, mirrorResolutionBp: 0 },
  };
  const routers: Routers = { gatewayApi: { ...router, capabilitiesFor: async () => coarse } };
  const strategy = { canary: { steps: [{ setMirror: 10 }, { setWeight: 20 }] } };
  await assert.rejects(() => checkForCluster(spec('gatewayApi', strategy), routers), {
    code: 'E_ROUTER_CANNOT',
    message: /gatewayApi \(GatewayClass x\) router.*setMirror/,
  });
});

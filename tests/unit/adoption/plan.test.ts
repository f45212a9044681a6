import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FoundDeployment } from '../../../src/adoption/found.ts';
import { type AdoptionWish, planAdoption } from '../../../src/adoption/plan.ts';
import type { Ingress } from '../../../src/kubernetes/network.ts';
import { parseAppValue } from '../../../src/spec/index.ts';
import { deployment, found, service, TEMPLATE } from './found.ts';

const WISH: AdoptionWish = { namespace: 'team', deployment: 'shop' };
const ROUTE = {
  metadata: { name: 'shop', namespace: 'team' },
  spec: {
    hostnames: ['shop.example.com'],
    rules: [
      { backendRefs: [{ name: 'other', port: 80 }] },
      { backendRefs: [{ name: 'shop', port: 80, weight: 1 }] },
    ],
  },
};

test('the order is: paused, old ReplicaSets set aside, handed over, labelled, pinned, and only then the App', () => {
  const { steps, ...plan } = planAdoption(WISH, found());
  assert.deepEqual(
    steps.map(({ kind, object }) => `${kind} ${object}`),
    [
      'pause deployment/shop',
      'park replicaset/shop-old',
      'pool deployment/shop-1-1',
      'handOver replicaset/shop-new',
      'label 3 pods',
      'pin service/shop',
      'app app/shop',
      'own deployment/shop-1-1',
    ],
  );
  assert.deepEqual(plan.pods, ['a', 'b', 'c']);
  assert.deepEqual(plan.service, { name: 'shop', selector: { app: 'shop' } });
  assert.equal(plan.port, 8080);
});

test('the App that is made is one, and says of its pods all that the Deployment says', () => {
  const { document } = planAdoption(WISH, found());
  const { app, errors } = parseAppValue(document, {});
  assert.deepEqual(errors, []);
  const spec = app?.spec;
  assert.equal(spec?.image, 'registry.example.com/shop:1');
  assert.equal(spec?.terminationGracePeriodSeconds, 45);
  assert.equal(spec?.progressDeadlineSeconds, 120);
  assert.deepEqual(spec?.strategy, { kind: 'rolling', maxSurge: 2, maxUnavailable: 0 });
  const { container, deployment: from, podTemplate } = spec?.kubernetes ?? {};
  assert.deepEqual([container, from], ['web', 'shop']);
  assert.deepEqual(podTemplate?.metadata?.labels, { app: 'shop', team: 'web' });
  const [web, logs] = (podTemplate?.spec?.containers ?? []) as Record<string, unknown>[];
  const { image: _image, ...rest } = TEMPLATE.spec.containers[0] ?? {};
  // With the default of an App beside it a pod would have two ways of being asked, and be refused.
  const readinessProbe = { ...TEMPLATE.spec.containers[0]?.readinessProbe, $patch: 'replace' };
  assert.deepEqual([web, logs], [{ ...rest, readinessProbe }, TEMPLATE.spec.containers[1]]);
});

test('each strategy that can be asked for makes an App without mistakes', () => {
  for (const strategy of ['rolling', 'recreate', 'blueGreen', 'canary'] as const) {
    const { document } = planAdoption({ ...WISH, strategy }, found());
    assert.deepEqual(parseAppValue(document, {}).errors, [], strategy);
  }
});

test('an end of its own stays the only one', () => {
  const [web, logs] = TEMPLATE.spec.containers;
  const lifecycle = { preStop: { exec: { command: ['bye'] } } };
  const template = { ...TEMPLATE, spec: { ...TEMPLATE.spec, containers: [{ ...web, lifecycle }, logs] } };
  const given = found({ deployment: deployment({ template }) });
  for (const set of given.replicaSets) set.spec.template = template;
  const { document } = planAdoption(WISH, given);
  const { kubernetes } = (
    document as { spec: { kubernetes: { podTemplate: { spec: { containers: object[] } } } } }
  ).spec;
  assert.deepEqual((kubernetes.podTemplate.spec.containers[0] as { lifecycle: object }).lifecycle, {
    preStop: { exec: { command: ['bye'] }, $patch: 'replace' },
  });
});

test('of a HTTPRoute the rule that leads to the Service is split, and what it said is remembered', () => {
  const plan = planAdoption({ ...WISH, httpRoute: 'shop' }, found({ route: ROUTE }));
  assert.deepEqual(plan.httpRoute, { name: 'shop', rule: 1, backendRefs: ROUTE.spec.rules[1]?.backendRefs });
  assert.ok(plan.steps.some(({ kind }) => kind === 'remember'));
  assert.deepEqual(parseAppValue(plan.document, {}).errors, []);
  assert.deepEqual(
    (plan.document as { spec: { kubernetes: { router: string; httpRoute: object } } }).spec.kubernetes.router,
    'gatewayApi',
  );
});

const INGRESS: Ingress = {
  metadata: { name: 'web', namespace: 'team' },
  spec: {
    rules: [
      {
        host: 'shop.example.com',
        http: {
          paths: [
            {
              path: '/cart',
              pathType: 'Prefix',
              backend: { service: { name: 'cart', port: { number: 80 } } },
            },
            { path: '/', pathType: 'Prefix', backend: { service: { name: 'shop', port: { name: 'http' } } } },
          ],
        },
      },
    ],
  },
};

test('of an Ingress the paths that lead to the Service are split, and what they led to is remembered', () => {
  const plan = planAdoption({ ...WISH, ingress: 'web' }, found({ ingress: INGRESS }));
  assert.deepEqual(plan.ingress, {
    name: 'web',
    backend: { service: { name: 'shop', port: { name: 'http' } } },
  });
  assert.deepEqual(
    plan.steps.filter(({ kind }) => kind === 'remember').map(({ object }) => object),
    ['ingress/web'],
  );
  assert.deepEqual(parseAppValue(plan.document, {}).errors, []);
  const { router, ingress, service } = (
    plan.document as { spec: { kubernetes: { router: string; ingress: string; service: string } } }
  ).spec.kubernetes;
  assert.deepEqual([router, ingress, service], ['ingressNginx', 'web', 'shop']);
});

test('what was remembered of an Ingress is kept when the adoption is gone on with after the controller wrote it', () => {
  const backend = { service: { name: 'shop', port: { number: 8080 } } };
  const written = structuredClone(INGRESS);
  written.metadata.annotations = { 'given.crossfade.dev/shop': JSON.stringify({ backend }) };
  for (const path of written.spec.rules?.[0]?.http?.paths ?? [])
    path.backend = { service: { name: 'shop-1-1' } };
  const plan = planAdoption({ ...WISH, ingress: 'web' }, found({ ingress: written }));
  assert.deepEqual(plan.ingress?.backend, backend);
});

const REFUSED: Record<
  string,
  { given: Partial<FoundDeployment>; wish?: Partial<AdoptionWish>; why: RegExp }
> = {
  'it is in the middle of a rollout': {
    given: {
      deployment: {
        ...deployment(),
        status: { observedGeneration: 4, replicas: 4, updatedReplicas: 1, availableReplicas: 3 },
      },
    },
    why: /not rolled out/,
  },
  'its template runs nowhere': {
    given: { deployment: deployment({ template: { ...TEMPLATE, metadata: { labels: { app: 'shop' } } } }) },
    why: /no ReplicaSet of its present template/,
  },
  'an operator owns it': {
    given: {
      deployment: {
        ...deployment(),
        metadata: {
          ...deployment().metadata,
          ownerReferences: [{ apiVersion: 'x/v1', kind: 'Shop', name: 's', uid: 'u', controller: true }],
        },
      },
    },
    why: /belongs to Shop s/,
  },
  'an autoscaler scales it': {
    given: {
      autoscalers: [
        { metadata: { name: 'cpu' }, spec: { scaleTargetRef: { kind: 'Deployment', name: 'shop' } } },
      ],
    },
    why: /HorizontalPodAutoscaler cpu scales it: let it scale App shop/,
  },
  'there is an App of that name': { given: { app: true }, why: /there is an App shop already/ },
  'several Services lead to it': {
    given: { services: [service(), service('shop-internal')] },
    why: /several Services select its pods \(shop, shop-internal\): name one/,
  },
  'the Service selects others': {
    given: { services: [service('other', { app: 'other' })] },
    wish: { service: 'other' },
    why: /does not select its pods/,
  },
  'the HTTPRoute is split already': {
    given: {
      route: {
        ...ROUTE,
        spec: {
          rules: [
            {
              backendRefs: [
                { name: 'shop', weight: 9 },
                { name: 'other', weight: 1 },
              ],
            },
          ],
        },
      },
    },
    wish: { httpRoute: 'shop' },
    why: /it is split already/,
  },
  'there is no such Ingress': { given: {}, wish: { ingress: 'web' }, why: /there is no Ingress web/ },
  'the Ingress leads elsewhere': {
    given: { ingress: { ...INGRESS, spec: { rules: [] } } },
    wish: { ingress: 'web' },
    why: /no path of Ingress web leads to Service shop/,
  },
  'an Ingress and an HTTPRoute are named': {
    given: { ingress: INGRESS, route: ROUTE },
    wish: { ingress: 'web', httpRoute: 'shop' },
    why: /not by both/,
  },
  'the Ingress leads to several ports of the Service': {
    given: {
      ingress: {
        ...INGRESS,
        spec: {
          rules: [80, 81].map((number) => ({
            host: `${number}.example.com`,
            http: {
              paths: [
                { path: '/', pathType: 'Prefix', backend: { service: { name: 'shop', port: { number } } } },
              ],
            },
          })),
        },
      },
    },
    wish: { ingress: 'web' },
    why: /several ports of Service shop/,
  },
  'there is no such container': { given: {}, wish: { container: 'db' }, why: /no container db/ },
};

for (const [name, { given, wish = {}, why }] of Object.entries(REFUSED)) {
  test(`nothing is planned when ${name}`, () => {
    assert.throws(
      () => planAdoption({ ...WISH, ...wish }, found(given)),
      (error: Error & { code: string }) => {
        assert.equal(error.code, 'E_ADOPTION_REFUSED');
        assert.match(error.message, why);
        return true;
      },
    );
  });
}

test('an adoption that was interrupted goes on, though the Deployment has no pods any more', () => {
  const { pool: _none, ...plain } = found();
  const half = deployment();
  half.status = { observedGeneration: 4, replicas: 0, updatedReplicas: 0, availableReplicas: 0 };
  half.metadata.labels = { 'crossfade.dev/adopted': 'shop' };
  const { steps } = planAdoption(WISH, { ...plain, deployment: half, pool: deployment() });
  assert.equal(steps[0]?.kind, 'pause');
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkCapabilities, type RouterCapabilities } from '../../../src/core/capabilities.ts';
import { planFor } from '../../../src/core/plan.ts';
import { parseAppFile } from '../../../src/spec/parse.ts';
import { EVERYTHING } from './support.ts';

const NOTHING: RouterCapabilities = {
  weightResolutionBp: 0,
  header: false,
  cookie: false,
  sticky: false,
  hold: false,
  preview: false,
  mirrorResolutionBp: 0,
  measuredBy: 'probe',
};

function app(strategy: object, route: object = {}) {
  const document = {
    apiVersion: 'crossfade.dev/v1',
    kind: 'App',
    metadata: { name: 'shop' },
    spec: {
      replicas: 2,
      run: { command: ['/bin/true'] },
      port: 8080,
      route: { listen: 8000, ...route },
      strategy,
    },
  };
  const { apps, errors } = parseAppFile(JSON.stringify(document), { file: 'app.json', baseDir: '/' });
  assert.deepEqual(errors, []);
  const [found] = apps;
  assert.ok(found);
  return found;
}

const canary = (...steps: object[]) => ({ canary: { steps } });
const toStaff = {
  setHeaderRoute: { name: 'staff', match: [{ headerName: 'x-user', headerValue: { exact: 'me' } }] },
};
const withoutHeader = { ...EVERYTHING, header: false };

const REFUSED: [what: string, strategy: object, can: RouterCapabilities, message: RegExp][] = [
  ['a weight', canary({ setWeight: 20 }), NOTHING, /canary\) asks of the tiny router .*: weights/],
  [
    'a fine weight',
    canary({ setWeight: 0.5 }),
    { ...EVERYTHING, weightResolutionBp: 100 },
    /0\.5%, where its smallest step is 1%/,
  ],
  ['a header route', canary(toStaff, { setWeight: 20 }), withoutHeader, /routing by header/],
  [
    'a cookie route',
    canary({ setHeaderRoute: { name: 'beta', match: [{ cookies: { beta: { present: true } } }] } }),
    { ...EVERYTHING, cookie: false },
    /what it cannot do: routing by cookie$/,
  ],
  [
    'a sticky split',
    { canary: { sticky: { by: { header: 'x-user' } }, steps: [{ setWeight: 20 }] } },
    { ...EVERYTHING, sticky: false },
    /what it cannot do: users who stay on their side$/,
  ],
  ['a hold', { recreate: { hold: { maxRequests: 10 } } }, { ...EVERYTHING, hold: false }, /wait \(hold\)/],
  [
    'a mirror',
    canary({ setMirror: 100 }),
    { ...EVERYTHING, mirrorResolutionBp: 0 },
    /what it cannot do: requests that go to the new version as well \(setMirror\)$/,
  ],
  [
    'a mirror of some',
    canary({ setMirror: 20 }),
    { ...EVERYTHING, mirrorResolutionBp: 10_000 },
    /a mirror of 20%, where it mirrors all requests or none$/,
  ],
  [
    'a fine mirror',
    canary({ setMirror: 0.5 }),
    { ...EVERYTHING, mirrorResolutionBp: 100 },
    /a mirror of 0\.5%, where its smallest step is 1%$/,
  ],
  ['a preview', { blueGreen: {} }, { ...EVERYTHING, preview: false }, /a preview/],
];

for (const [what, strategy, can, message] of REFUSED) {
  test(`${what} is refused where the router cannot do it, and by plan too`, () => {
    const spec = app(strategy);
    const refused = { code: 'E_ROUTER_CANNOT', message };
    assert.throws(() => checkCapabilities(spec, 'tiny', can), refused);
    assert.throws(() => planFor({ spec, router: { name: 'tiny', capabilities: can } }), refused);
    checkCapabilities(spec, 'able', EVERYTHING);
  });
}

test('all that it cannot do is told at once, each once, with what to do', () => {
  const strategy = { blueGreen: {} };
  const spec = app(strategy, { previewListen: 8001 });
  assert.throws(() => checkCapabilities(spec, 'tiny', { ...EVERYTHING, preview: false }), {
    code: 'E_ROUTER_CANNOT',
    message:
      'the release of shop (blueGreen) asks of the tiny router what it cannot do: a preview; a preview (route.previewListen)',
    hint: 'choose another strategy, or other steps; docs/reference/matrix.md says what each router can do',
  });
  checkCapabilities(spec, 'able', EVERYTHING);
});

test('a header route asks for no cookies, and a cookie route for no headers', () => {
  const beta = { setHeaderRoute: { name: 'beta', match: [{ cookies: { beta: { present: true } } }] } };
  checkCapabilities(app(canary(toStaff)), 'tiny', { ...EVERYTHING, cookie: false });
  checkCapabilities(app(canary(beta)), 'tiny', withoutHeader);
});

test('all requests can be mirrored where no part of them can, and none where nothing can', () => {
  checkCapabilities(app(canary({ setMirror: 100 })), 'tiny', { ...EVERYTHING, mirrorResolutionBp: 10_000 });
  checkCapabilities(app(canary({ setMirror: 0 }, { setWeight: 0 })), 'tiny', NOTHING);
});

test('a worker asks nothing of a router', () => {
  const worker = app(canary({ setWeight: 20 }));
  delete worker.spec.route;
  checkCapabilities(worker, 'tiny', NOTHING);
});

test('nobody at all, and everybody, is no split', () => {
  checkCapabilities(app({ blueGreen: {} }), 'tiny', { ...NOTHING, preview: true });
  checkCapabilities(app(canary({ setWeight: 0 })), 'tiny', NOTHING);
});

test('what needs nothing special is served by every router', () => {
  checkCapabilities(app({ rolling: {} }), 'tiny', NOTHING);
  checkCapabilities(app({ recreate: {} }), 'tiny', NOTHING);
  checkCapabilities(app(canary({ setWeight: 20 })), 'coarse', { ...EVERYTHING, weightResolutionBp: 100 });
});

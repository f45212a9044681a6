import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkCapabilities, type RouterCapabilities } from '../../../src/core/capabilities.ts';
import { planFor } from '../../../src/core/plan.ts';
import { parseAppFile } from '../../../src/spec/parse.ts';

const EVERYTHING: RouterCapabilities = {
  weightResolutionBp: 1,
  header: true,
  cookie: true,
  sticky: true,
  hold: true,
  preview: true,
  measuredBy: 'router',
};
const NOTHING: RouterCapabilities = {
  weightResolutionBp: 0,
  header: false,
  cookie: false,
  sticky: false,
  hold: false,
  preview: false,
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
  ['a hold', { recreate: { hold: { maxRequests: 10 } } }, { ...EVERYTHING, hold: false }, /wait \(hold\)/],
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

test('what needs nothing special is served by every router', () => {
  checkCapabilities(app({ rolling: {} }), 'tiny', NOTHING);
  checkCapabilities(app({ recreate: {} }), 'tiny', NOTHING);
  checkCapabilities(app(canary({ setWeight: 20 })), 'coarse', { ...EVERYTHING, weightResolutionBp: 100 });
});

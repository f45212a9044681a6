import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseAppFile, parseAppValue } from '../../../src/spec/parse.ts';

const SHOP = `apiVersion: crossfade.dev/v1
kind: App
metadata: { name: shop }
spec:
  source: .
  run: { command: [node, server.js] }
  port: 8080
  route: { listen: 8000 }
`;

const parse = (text: string) => parseAppFile(text, { file: 'shop.yaml', baseDir: '/srv/shop' });

function theApp(text: string) {
  const { apps, errors } = parse(text);
  assert.deepEqual(errors, []);
  const [app] = apps;
  assert.ok(app && apps.length === 1);
  return app;
}

/** The App of SHOP with more fields of spec, as YAML lines. */
const withSpec = (...lines: string[]) => theApp(SHOP + lines.map((line) => `  ${line}\n`).join('')).spec;

test('a small file becomes a complete App: namespace, probes and limits have their defaults', () => {
  assert.deepEqual(theApp(SHOP), {
    apiVersion: 'crossfade.dev/v1',
    kind: 'App',
    metadata: { name: 'shop', namespace: 'default', labels: {}, annotations: {} },
    spec: {
      replicas: 1,
      source: '/srv/shop',
      run: { command: ['node', 'server.js'], env: {}, envFiles: [], configFiles: {} },
      port: 8080,
      health: {
        ready: {
          action: { kind: 'tcpSocket' },
          initialDelaySeconds: 0,
          periodSeconds: 1,
          timeoutSeconds: 1,
          successThreshold: 1,
          failureThreshold: 3,
        },
        minReadySeconds: 0,
      },
      route: { listen: { host: '127.0.0.1', port: 8000 }, revisionHeader: true, upstreamTimeoutMs: 60_000 },
      strategy: { kind: 'rolling', maxSurge: '25%', maxUnavailable: '25%' },
      verify: { onNoTraffic: 'probe' },
      onNewRevision: 'supersede',
      progressDeadlineSeconds: 600,
      terminationGracePeriodSeconds: 30,
      drainTimeoutMs: 30_000,
      drainLongTimeoutMs: 60_000,
      revisionHistoryLimit: 10,
    },
  });
});

test('a byte order mark, CRLF and a last line without a break change nothing', () => {
  assert.deepEqual(theApp(`\uFEFF${SHOP.replaceAll('\n', '\r\n').trimEnd()}`), theApp(SHOP));
});

test('JSON is read like YAML, tabs included', () => {
  const document = {
    apiVersion: 'crossfade.dev/v1',
    kind: 'App',
    metadata: { name: 'shop' },
    spec: { source: '.', run: { command: ['node', 'server.js'] }, port: 8080, route: { listen: 8000 } },
  };
  assert.deepEqual(theApp(JSON.stringify(document)), theApp(SHOP));
  assert.deepEqual(theApp(JSON.stringify(document, null, '\t')), theApp(SHOP));
});

test('a file holds several Apps; documents without anything in them do not count', () => {
  const cart = SHOP.replace('shop', 'cart').replace('8000', '8001');
  const { apps, errors } = parse(`---\n# first\n---\n${SHOP}---\n${cart}---\n`);
  assert.deepEqual(errors, []);
  assert.deepEqual(
    apps.map((app) => app.metadata.name),
    ['shop', 'cart'],
  );
});

test('Apps share a listener when their hosts differ, and one of them may take all other hosts', () => {
  const other = SHOP.replace('name: shop', 'name: cart').replace('8000', '8000, host: cart.localhost');
  assert.deepEqual(parse(`${SHOP}---\n${other}`).errors, []);
});

test('an App with a mistake is not among the Apps, the others are', () => {
  const { apps, errors } = parse(`${SHOP}  replicas: x\n---\n${SHOP.replace('shop', 'cart')}`);
  assert.deepEqual(
    apps.map((app) => app.metadata.name),
    ['cart'],
  );
  assert.deepEqual(
    errors.map((error) => [error.path, error.line, error.column]),
    [['spec.replicas', 9, 13]],
  );
});

test('an alias repeats a value', () => {
  const spec = withSpec('health: { ready: &probe { http: /healthz }, live: *probe }');
  assert.deepEqual(spec.health.live?.action, { kind: 'httpGet', path: '/healthz', headers: {} });
  assert.deepEqual(spec.health.live?.action, spec.health.ready?.action);
});

test('the words on, yes and no are text where text is expected', () => {
  const app = theApp(
    SHOP.replace('] }', '], env: { A: on, B: yes, C: no, D: 08:30, E: 1_000, F: 2024-01-02 } }'),
  );
  assert.deepEqual(app.spec.run.env, {
    A: 'on',
    B: 'yes',
    C: 'no',
    D: '08:30',
    E: '1_000',
    F: '2024-01-02',
  });
});

test('paths are relative to the folder of the file; absolute ones stay', () => {
  const app = theApp(
    SHOP.replace('] }', '], envFiles: [../.env, /etc/env], env: { A: { fromFile: a/./b } } }').replace(
      'source: .',
      'source: ../web/',
    ),
  );
  assert.equal(app.spec.source, '/srv/web');
  assert.deepEqual(app.spec.run.envFiles, ['/srv/.env', '/etc/env']);
  assert.deepEqual(app.spec.run.env, { A: { fromFile: '/srv/shop/a/b' } });
});

test('every short form of a probe means what Kubernetes writes out', () => {
  const action = (text: string) => withSpec(`health: { ready: ${text} }`).health.ready?.action;
  assert.deepEqual(action('{ http: /a }'), action('{ httpGet: { path: /a } }'));
  assert.deepEqual(action('{ tcp: true }'), action('{ tcpSocket: {} }'));
  assert.deepEqual(action('{ exec: [curl] }'), action('{ exec: { command: [curl] } }'));
});

test('a strategy without fields takes its defaults, with {} and with nothing', () => {
  for (const name of ['rolling', 'blueGreen', 'recreate']) {
    assert.deepEqual(withSpec(`strategy: { ${name}: {} }`), withSpec('strategy:', `  ${name}:`));
  }
  assert.deepEqual(withSpec('strategy: { blueGreen: }').strategy, {
    kind: 'blueGreen',
    autoPromotion: true,
    warmMs: 600_000,
  });
});

test('hold: true is hold with its defaults; hold: false is no hold', () => {
  const held = { kind: 'recreate', hold: { maxRequests: 1_000, maxMs: 30_000 } };
  assert.deepEqual(withSpec('strategy: { recreate: { hold: true } }').strategy, held);
  assert.deepEqual(withSpec('strategy: { recreate: { hold: {} } }').strategy, held);
  assert.deepEqual(withSpec('strategy: { recreate: { hold: false } }').strategy, { kind: 'recreate' });
});

test('weights are exact to the hundredth of a per cent', () => {
  const { strategy } = withSpec(
    'strategy: { canary: { steps: [{ setWeight: 8.33 }, { setWeight: 0.01 }, { setWeight: 99.99 }, { setWeight: 1.10 }] } }',
  );
  assert.ok(strategy.kind === 'canary');
  assert.deepEqual(
    strategy.steps.map((step) => step.kind === 'setWeight' && step.weightBp),
    [833, 1, 9_999, 110],
  );
});

test('Argo’s form of a header match means the same as ours', () => {
  const route = (match: string) =>
    withSpec(`strategy: { canary: { steps: [{ setHeaderRoute: { name: a, match: [${match}] } }] } }`)
      .strategy;
  const argo = route('{ headerName: X-Group, headerValue: { exact: beta } }');
  assert.deepEqual(argo, route('{ headers: { x-group: beta } }'));
  assert.deepEqual(argo, route('{ headers: { X-Group: { exact: beta } } }'));
});

test('what `crossfade get` adds to a document is ignored when it comes back', () => {
  const got = SHOP.replace('{ name: shop }', '{ name: shop, generation: 7 }');
  assert.deepEqual(theApp(`${got}status: { phase: Healthy, replicas: 1 }\n`), theApp(SHOP));
});

test('a value from the API is checked like a file, without places', () => {
  const { app, errors } = parseAppValue(
    { apiVersion: 'crossfade.dev/v1', kind: 'App', spec: { replicas: '3' } },
    {},
  );
  assert.equal(app, undefined);
  assert.deepEqual(
    errors.map((error) => [error.path, error.code, error.line, error.file]),
    [
      ['metadata', 'E_SPEC_MISSING', undefined, undefined],
      ['spec.replicas', 'E_SPEC_VALUE', undefined, undefined],
      ['spec.run', 'E_SPEC_MISSING', undefined, undefined],
    ],
  );
});

test('a value that comes without a folder may only name absolute paths', () => {
  const value = (source: string) => ({
    apiVersion: 'crossfade.dev/v1',
    kind: 'App',
    metadata: { name: 'shop' },
    spec: { source, run: { command: ['node'], envFiles: [source] } },
  });
  assert.equal(parseAppValue(value('/srv'), {}).app?.spec.source, '/srv');
  assert.equal(parseAppValue(value('web'), { baseDir: '/srv' }).app?.spec.source, '/srv/web');
  assert.deepEqual(
    parseAppValue(value('web'), {}).errors.map((error) => error.path),
    ['spec.source', 'spec.run.envFiles[0]'],
  );
});

test('values that no file could hold are refused: too deep, __proto__, NUL', () => {
  let deep: unknown = 1;
  for (let level = 0; level < 100_000; level++) deep = [deep];
  assert.deepEqual(
    [deep, JSON.parse('{"spec": {"__proto__": {}}}'), { spec: 'a\u0000b' }, { spec: { 'a\uFFFD': 1 } }].map(
      (value) => parseAppValue(value, {}).errors.map((error) => error.code),
    ),
    [['E_YAML_TOO_DEEP'], ['E_YAML_KEY'], ['E_SPEC_VALUE'], ['E_SPEC_VALUE']],
  );
});

test('huge files are refused with one error: size, documents, values, nesting', () => {
  const codes = (text: string) => parse(text).errors.map((error) => error.code);
  assert.deepEqual(codes(`# ${'x'.repeat(1_048_576)}`), ['E_YAML_TOO_LARGE']);
  assert.deepEqual(codes(`# ${'€'.repeat(400_000)}`), ['E_YAML_TOO_LARGE']);
  assert.deepEqual(codes('---\na: 1\n'.repeat(101)), ['E_YAML_TOO_LARGE']);
  assert.deepEqual(codes(`[${'a, '.repeat(20_000)}]`), ['E_YAML_TOO_LARGE']);
  assert.deepEqual(codes('{a: '.repeat(20_000)), ['E_YAML_TOO_DEEP']);
  assert.deepEqual(codes('- '.repeat(20_000)), ['E_YAML_TOO_DEEP']);
});

test('more than a hundred mistakes end with a line that says so', () => {
  const { errors } = parse(`${SHOP}${Array.from({ length: 5_000 }, (_, n) => `  field${n}: 1\n`).join('')}`);
  assert.equal(errors.length, 101);
  assert.equal(errors.at(-1)?.code, 'E_SPEC_TOO_MANY');
});

test('whatever the text, it is answered: Apps or errors, never an exception', () => {
  const pieces = fc.constantFrom(
    ...[
      'spec:',
      ' ',
      '\n',
      '  ',
      '- ',
      '{',
      '}',
      '[',
      ']',
      ': ',
      '"',
      "'",
      '&a',
      '*a',
      '!t',
      '|',
      '>',
      '#',
      '<<',
      '\t',
    ],
    ...[
      '---\n',
      '%YAML 1.1\n',
      '0x',
      '017',
      '~',
      '? ',
      ',',
      'kind: App\n',
      'run',
      'canary',
      'steps',
      '\r',
      '\u0085',
    ],
  );
  const lines = SHOP.split('\n');
  const damaged = fc
    .tuple(fc.nat(lines.length - 1), fc.array(pieces, { maxLength: 12 }))
    .map(([at, noise]) => lines.toSpliced(at, 1, noise.join('')).join('\n'));
  fc.assert(
    fc.property(
      fc.oneof(
        damaged,
        fc.array(pieces, { maxLength: 40 }).map((all) => all.join('')),
        fc.string(),
      ),
      (text) => {
        const { apps, errors } = parse(text);
        assert.ok(apps.length > 0 || errors.length > 0);
      },
    ),
    { numRuns: 1_500 },
  );
});

test('whatever the value, it is answered', () => {
  const root = fc.oneof(
    fc.jsonValue(),
    fc.record({
      apiVersion: fc.constant('crossfade.dev/v1'),
      kind: fc.constant('App'),
      metadata: fc.oneof(fc.constant({ name: 'shop' }), fc.jsonValue()),
      spec: fc.dictionary(
        fc.constantFrom('run', 'port', 'route', 'health', 'strategy', 'verify', 'source', 'build', 'drain'),
        fc.jsonValue(),
      ),
    }),
  );
  fc.assert(
    fc.property(root, (value) => {
      const { app, errors } = parseAppValue(value, { baseDir: '/srv' });
      assert.equal(app === undefined, errors.length > 0);
    }),
    { numRuns: 1_000 },
  );
});

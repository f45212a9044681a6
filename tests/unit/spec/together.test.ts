import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAppFile } from '../../../src/spec/parse.ts';
import { routeClash } from '../../../src/spec/together.ts';

function app(name: string, route: string) {
  const text = `apiVersion: crossfade.dev/v1
kind: App
metadata: { name: ${name} }
spec:
  run: { command: [server] }
  ${route === '' ? '' : `port: 8080\n  route: ${route}`}
`;
  const { apps, errors } = parseAppFile(text, { file: 'x', baseDir: '/' });
  assert.deepEqual(errors, []);
  assert.ok(apps[0]);
  return apps[0];
}

const clash = (a: string, b: string) => routeClash(app('one', a), app('two', b));

test('two Apps clash when both claim the same host of the same listener', () => {
  const message = 'default/one and default/two both claim host a.localhost on 127.0.0.1:8000';
  assert.equal(clash('{ listen: 8000, host: a.localhost }', '{ listen: 8000, host: a.localhost }'), message);
  assert.equal(
    clash('{ listen: 8000 }', '{ listen: 8000 }'),
    'default/one and default/two both claim every host on 127.0.0.1:8000',
  );
});

test('they do not clash with different hosts, different ports, or without a route', () => {
  assert.equal(
    clash('{ listen: 8000, host: a.localhost }', '{ listen: 8000, host: b.localhost }'),
    undefined,
  );
  assert.equal(clash('{ listen: 8000, host: a.localhost }', '{ listen: 8000 }'), undefined);
  assert.equal(clash('{ listen: 8000 }', '{ listen: 8001 }'), undefined);
  assert.equal(clash('{ listen: 8000 }', ''), undefined);
});

test('the preview of an App is claimed too', () => {
  const preview = '{ listen: 8000, host: preview.a.localhost }';
  assert.match(
    clash('{ listen: 8000, host: a.localhost }', preview) ?? '',
    /claim host preview\.a\.localhost/,
  );
  assert.match(
    clash('{ listen: 8000, previewListen: 8001 }', '{ listen: 8001 }') ?? '',
    /claim every host on .*:8001/,
  );
});

test('two addresses of which only one could be opened clash, whatever the hosts', () => {
  assert.ok(clash('{ listen: 8000, host: a.localhost }', '{ listen: "0.0.0.0:8000", host: b.localhost }'));
});

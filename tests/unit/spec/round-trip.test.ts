import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseAppFile, parseAppValue } from '../../../src/spec/parse.ts';
import { renderApp, renderAppYaml } from '../../../src/spec/render.ts';
import { arbitraryApp } from './arbitrary-app.ts';

test('what render writes as data is read back as the same App', () => {
  fc.assert(
    fc.property(arbitraryApp, (app) => {
      assert.deepEqual(parseAppValue(renderApp(app), {}), { app, errors: [] });
    }),
    { numRuns: 500 },
  );
});

test('what render writes as YAML is read back as the same App, wherever the file lies', () => {
  fc.assert(
    fc.property(arbitraryApp, (app) => {
      const { apps, errors } = parseAppFile(renderAppYaml(app), {
        file: 'rendered.yaml',
        baseDir: '/elsewhere',
      });
      assert.deepEqual(errors, []);
      assert.deepEqual(apps, [app]);
    }),
    { numRuns: 300 },
  );
});

test('what render writes as JSON is read back as the same App', () => {
  fc.assert(
    fc.property(arbitraryApp, fc.constantFrom(0, 2, '\t'), (app, indent) => {
      const text = JSON.stringify(renderApp(app), null, indent);
      const { apps, errors } = parseAppFile(text, { file: 'rendered.json', baseDir: '/elsewhere' });
      assert.deepEqual(errors, []);
      assert.deepEqual(apps, [app]);
    }),
    { numRuns: 300 },
  );
});

test('rendering twice changes nothing', () => {
  fc.assert(
    fc.property(arbitraryApp, (app) => {
      const once = renderApp(app);
      const { app: again } = parseAppValue(once, {});
      assert.ok(again);
      assert.deepEqual(renderApp(again), once);
    }),
    { numRuns: 100 },
  );
});

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { shopFolder } from '../../../src/cli/demo-shop.ts';
import { routerNamed } from '../../../src/cluster/chosen-router.ts';
import { parseAppFile } from '../../../src/spec/parse.ts';

const FOLDER = path.join(path.dirname(shopFolder()), 'kubernetes');
const FILES = readdirSync(FOLDER).filter((name) => name.endsWith('.yaml') && name !== 'existing.yaml');

test('every App for a cluster is read without a mistake, and is in the table of the page with its router', () => {
  const page = readFileSync(path.join(FOLDER, 'README.md'), 'utf8');
  assert.ok(FILES.length >= 7);
  for (const file of FILES) {
    const { apps, errors } = parseAppFile(readFileSync(path.join(FOLDER, file), 'utf8'), {
      file,
      baseDir: FOLDER,
    });
    assert.deepEqual(errors, [], file);
    const [app] = apps;
    assert.ok(app, file);
    const line = page.split('\n').find((one) => one.startsWith(`| [${file}]`)) ?? '';
    assert.ok(line.includes(`\`${app.spec.strategy.kind}\``), `${file}: ${line}`);
    const router = { service: /Service/, gatewayApi: /HTTPRoute/, ingressNginx: /ingress-nginx/ };
    assert.match(line, router[routerNamed(app)], file);
  }
});

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { it } from 'node:test';
import { startApi } from './harness.ts';

interface OpenApi {
  openapi: string;
  paths: Record<string, Record<string, { summary?: string; responses: object }>>;
  components: { schemas: Record<string, object> };
}

const reference = readFileSync(path.join(import.meta.dirname, '../../../docs/reference/api.md'), 'utf8');

it('describes every route, and the reference names each of them and nothing else', async (t) => {
  const { call } = await startApi(t);
  const document = (await call('GET', '/openapi.json')).body as OpenApi;
  const routes = Object.entries(document.paths).flatMap(([route, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${route}`),
  );
  assert.ok(routes.length > 20, `only ${routes.length} routes`);
  const told = [...reference.matchAll(/`((?:GET|PUT|POST|DELETE) \/[^`\s?]*)/g)].map(([, route]) => route);
  const described = new Set([...routes, 'GET /openapi.json']);
  assert.deepEqual([...new Set(told)].sort(), [...described].sort());
});

it('gives every route a summary, and every schema that it points to', async (t) => {
  const { call } = await startApi(t);
  const { body, text } = await call('GET', '/openapi.json');
  const document = body as OpenApi;
  assert.equal(document.openapi, '3.1.0');
  for (const [route, methods] of Object.entries(document.paths)) {
    for (const [method, { summary }] of Object.entries(methods)) assert.ok(summary, `${method} ${route}`);
  }
  const pointed = [...text.matchAll(/#\/components\/schemas\/(\w+)/g)].map(([, name]) => name ?? '');
  assert.ok(pointed.length > 10);
  for (const name of pointed) assert.ok(document.components.schemas[name], name);
});

it('lists every error code of the server in the reference', () => {
  const source = ['errors', 'guard', 'listen', 'access', 'api', 'tokens'].map((name) =>
    readFileSync(path.join(import.meta.dirname, `../../../src/server/${name}.ts`), 'utf8'),
  );
  const codes = new Set(source.join('').match(/\bE_[A-Z_]+\b/g));
  assert.ok(codes.size > 15);
  for (const code of codes) assert.ok(reference.includes(`\`${code}\``), code);
});

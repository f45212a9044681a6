import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allFields, fieldPath } from '../../../src/spec/fields.ts';
import { type JsonSchema, jsonSchema } from '../../../src/spec/json-schema.ts';

const schema = jsonSchema() as JsonSchema & { $schema: string };

test('the schema is JSON Schema 2020-12 of one App', () => {
  assert.equal(schema.$schema, 'https://json-schema.org/draft/2020-12/schema');
  assert.deepEqual(schema.required, ['apiVersion', 'kind', 'metadata', 'spec']);
  assert.deepEqual(JSON.parse(JSON.stringify(schema)), schema);
});

test('every field has a description for editors', () => {
  const bare = allFields().filter((field) => field.description === '');
  assert.deepEqual(
    bare.map((field) => field.path),
    [],
  );
  assert.ok(allFields().length > 150);
});

test('no mapping allows fields that it does not know, except names that the user chooses', () => {
  const open: string[] = [];
  visit(schema, '', (part, at) => {
    if (part.properties && part.additionalProperties !== false) open.push(at);
  });
  assert.deepEqual(open, []);
});

test('what is given without a default and is not optional is required, and nothing else', () => {
  const required = allFields().filter((field) => field.required);
  assert.deepEqual(
    required
      .map((field) => field.path)
      .filter((path) => !/health|match|steps|strategy|kubernetes/.test(path)),
    ['apiVersion', 'kind', 'metadata', 'metadata.name', 'spec', 'spec.build.command'],
  );
  for (const field of required) assert.equal(field.default, undefined, field.path);
});

test('a strategy, a step and a probe are exactly one of several fields for editors too', () => {
  const at = (path: string) =>
    allFields().find((field) => field.path === path)?.schema as { oneOf?: object[] };
  assert.equal(at('spec.strategy').oneOf?.length, 5);
  assert.equal(at('spec.health.ready').oneOf?.length, 5);
  assert.deepEqual(at('spec.strategy').oneOf?.[0], { required: ['recreate'] });
});

test('patterns match text of several lines as zod does: no pattern relies on a flag', () => {
  visit(schema, '', (part, at) => {
    if (part.pattern === undefined) return;
    const pattern = part.pattern;
    assert.doesNotThrow(() => new RegExp(pattern, 'u'), at);
    assert.doesNotMatch(pattern, /\^\.\*\$/, at);
  });
});

test('the path of an error names its field: positions and chosen names are replaced', () => {
  assert.equal(
    fieldPath(['spec', 'strategy', 'canary', 'steps', 2, 'setWeight']),
    'spec.strategy.canary.steps[].setWeight',
  );
  assert.equal(fieldPath(['spec', 'run', 'env', 'GREETING', 'secret']), 'spec.run.env.*.secret');
  assert.equal(fieldPath(['metadata', 'labels', 'a.b/c']), 'metadata.labels.*');
});

function visit(part: JsonSchema, at: string, look: (part: JsonSchema, at: string) => void): void {
  look(part, at);
  for (const [name, child] of Object.entries(part.properties ?? {})) visit(child, `${at}.${name}`, look);
  for (const branch of part.anyOf ?? []) visit(branch, at, look);
  if (part.items) visit(part.items, `${at}[]`, look);
  if (typeof part.additionalProperties === 'object') visit(part.additionalProperties, `${at}.*`, look);
}

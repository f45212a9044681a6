import assert from 'node:assert/strict';
import { test } from 'node:test';
import { appCrd } from '../../../src/install/crd-app.ts';
import { commandCrd } from '../../../src/install/crd-command.ts';
import { type Structural, structural } from '../../../src/install/structural.ts';

/** What the API server demands of a structural schema, and refuses the whole CRD for. */
function complaints(schema: Structural, place: string): string[] {
  const free =
    schema['x-kubernetes-preserve-unknown-fields'] === true || schema['x-kubernetes-int-or-string'] === true;
  const own: string[] = [];
  if (schema.type === undefined && !free) own.push(`${place}: no type`);
  if (schema.properties && schema.additionalProperties)
    own.push(`${place}: properties beside additionalProperties`);
  if (schema.type === 'array' && !schema.items) own.push(`${place}: a list without items`);
  if (schema.pattern !== undefined && /\(\?[=!<]/.test(schema.pattern))
    own.push(`${place}: ${schema.pattern}`);
  const unknown = Object.keys(schema).filter((key) => !KNOWN.has(key));
  own.push(...unknown.map((key) => `${place}: ${key} is not of a structural schema`));
  const fields = Object.entries(schema.properties ?? {});
  return [
    ...own,
    ...fields.flatMap(([name, field]) => complaints(field, `${place}.${name}`)),
    ...(schema.items ? complaints(schema.items, `${place}[]`) : []),
    ...(schema.additionalProperties ? complaints(schema.additionalProperties, `${place}{}`) : []),
  ];
}

const KNOWN = new Set([
  ...[
    'type',
    'description',
    'nullable',
    'format',
    'enum',
    'default',
    'minimum',
    'maximum',
    'minLength',
    'maxLength',
  ],
  ...['minItems', 'maxItems', 'pattern', 'required', 'oneOf', 'properties', 'items', 'additionalProperties'],
  ...['x-kubernetes-int-or-string', 'x-kubernetes-preserve-unknown-fields', 'x-kubernetes-validations'],
  ...['x-kubernetes-list-type', 'x-kubernetes-list-map-keys'],
]);

function schemaOf(crd: ReturnType<typeof appCrd>): Structural {
  const { versions } = crd.spec as { versions: { schema: { openAPIV3Schema: Structural } }[] };
  const [version] = versions;
  assert.ok(version);
  return version.schema.openAPIV3Schema;
}

test('the schemas of the CRDs are structural', () => {
  for (const crd of [appCrd(), commandCrd()]) {
    const schema = schemaOf(crd);
    assert.ok(Object.keys(schema.properties?.spec?.properties ?? {}).length > 5);
    assert.deepEqual(complaints(schema, crd.metadata.name), []);
  }
});

test('the App has every field of the file that is not reserved', () => {
  const spec = schemaOf(appCrd()).properties?.spec;
  const strategy = spec?.properties?.strategy;
  assert.deepEqual(Object.keys(strategy?.properties ?? {}), [
    'recreate',
    'rolling',
    'blueGreen',
    'canary',
    'abTest',
  ]);
  assert.equal(strategy?.properties?.rolling?.nullable, true);
  assert.deepEqual(strategy?.properties?.rolling?.properties?.maxSurge?.['x-kubernetes-int-or-string'], true);
  assert.equal(spec?.properties?.replicas?.default, 1);
  assert.equal(spec?.properties?.port?.default, undefined);
});

test('exactly one of some fields is said in words', () => {
  const schema = structural({
    type: 'object',
    properties: { a: { type: 'string' }, b: { type: 'string' }, c: { not: {} } },
    oneOf: [{ required: ['a'] }, { required: ['b'] }, { required: ['c'] }],
  });
  assert.deepEqual(Object.keys(schema.properties ?? {}), ['a', 'b']);
  assert.deepEqual(schema['x-kubernetes-validations'], [
    {
      rule: '[has(self.a), has(self.b)].filter(given, given).size() == 1',
      message: 'expected exactly one of a, b',
    },
  ]);
});

test('what may be text or a mapping is let through, for the controller to read', () => {
  const either = structural({ anyOf: [{ type: 'string' }, { type: 'object', properties: {} }] });
  assert.deepEqual(either, { 'x-kubernetes-preserve-unknown-fields': true });
  const number = structural({
    anyOf: [
      { type: 'integer', minimum: 1 },
      { type: 'string', pattern: '^a$' },
    ],
  });
  assert.deepEqual(number, { 'x-kubernetes-int-or-string': true });
});

test('a constant is a list of one, and a pattern that looks around is left to the controller', () => {
  assert.deepEqual(structural({ type: 'boolean', const: true }), { type: 'boolean', enum: [true] });
  assert.deepEqual(structural({ type: 'string', pattern: '^(?=a)b$' }), { type: 'string' });
  assert.deepEqual(structural({ type: 'string', pattern: '^a{0,4096}$' }), { type: 'string' });
  assert.deepEqual(structural({ type: 'string', pattern: '^b{1,9}$' }), {
    type: 'string',
    pattern: '^b{1,9}$',
  });
});

test('where rules cannot see the fields, exactly one of them is said as the schema can', () => {
  const schema = structural({
    type: 'object',
    properties: { a: { type: 'string' }, b: { anyOf: [{ type: 'string' }, { type: 'object' }] } },
    oneOf: [{ required: ['a'] }, { required: ['b'] }],
  });
  assert.deepEqual(schema.oneOf, [{ required: ['a'] }, { required: ['b'] }]);
  assert.equal(schema['x-kubernetes-validations'], undefined);
});

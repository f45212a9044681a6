import type { JsonSchema } from '../spec/json-schema.ts';

/** What a CustomResourceDefinition may say about a value. */
export interface Structural {
  type?: string;
  description?: string;
  nullable?: boolean;
  format?: string;
  enum?: unknown[];
  default?: unknown;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  pattern?: string;
  required?: string[];
  oneOf?: { required: string[] }[];
  properties?: Record<string, Structural>;
  items?: Structural;
  additionalProperties?: Structural;
  'x-kubernetes-int-or-string'?: true;
  'x-kubernetes-preserve-unknown-fields'?: true;
  'x-kubernetes-validations'?: Rule[];
  'x-kubernetes-list-type'?: 'atomic' | 'map' | 'set';
  'x-kubernetes-list-map-keys'?: string[];
}

/** A CEL rule, and what is said when it does not hold. */
export interface Rule {
  rule: string;
  message: string;
}

/** Bounds that a CRD and JSON Schema name alike. */
const BOUNDS = ['minimum', 'maximum', 'minLength', 'maxLength', 'minItems', 'maxItems'] as const;
/** Go's regular expressions look neither ahead nor behind, and repeat nothing more than 1,000 times. */
const LOOKS_AROUND = /\(\?(=|!|<)/;
const REPEATS = /\{(?:\d+,)?(\d+)\}/g;
const MOST_REPEATS = 1_000;

/**
 * The file format's schema as the structural schema that a CustomResourceDefinition needs: the same fields, short forms
 * included, so that one App file serves both. What a structural schema cannot say (a value that is text or a mapping) is let
 * through, and the controller reads it by the file's own rules. Fields that are reserved are left out.
 */
export function structural(schema: JsonSchema, isInMap = false): Structural {
  const described = schema.description === undefined ? {} : { description: schema.description };
  if (schema.anyOf) return { ...described, ...union(schema.anyOf) };
  if (schema.const !== undefined) {
    return { ...described, type: schema.type ?? typeof schema.const, enum: [schema.const] };
  }
  if (schema.type === undefined) return { ...described, ...ANYTHING };
  return {
    ...described,
    type: schema.type,
    ...boundsOf(schema),
    ...fieldsOf(schema),
    ...exactlyOneOf(schema, isInMap),
  };
}

const ANYTHING: Structural = { 'x-kubernetes-preserve-unknown-fields': true };

function union(options: readonly JsonSchema[]): Structural {
  const kinds = options.filter((option) => option.type !== 'null');
  const nullable = kinds.length < options.length;
  const [only, ...more] = kinds;
  if (only && more.length === 0) return { ...structural(only), ...(nullable ? { nullable } : {}) };
  const types = new Set(kinds.map((option) => option.type));
  const [type] = types;
  if (types.size === 1 && type !== undefined && type !== 'object' && type !== 'array') return { type };
  const intOrString = types.size === 2 && types.has('integer') && types.has('string');
  return intOrString ? { 'x-kubernetes-int-or-string': true } : ANYTHING;
}

function boundsOf(schema: JsonSchema): Structural {
  const bounds = BOUNDS.flatMap((bound) => (schema[bound] === undefined ? [] : [[bound, schema[bound]]]));
  const { pattern } = schema;
  return {
    ...Object.fromEntries(bounds),
    ...(pattern === undefined || !isForGo(pattern) ? {} : { pattern }),
    ...(schema.enum === undefined ? {} : { enum: schema.enum }),
    ...(schema.items === undefined ? {} : { items: structural(schema.items) }),
  };
}

/** One that is not would make the API server refuse the whole CRD: the controller checks it then. */
function isForGo(pattern: string): boolean {
  const repeats = [...pattern.matchAll(REPEATS)].map(([, most]) => Number(most));
  return !LOOKS_AROUND.test(pattern) && repeats.every((most) => most <= MOST_REPEATS);
}

function fieldsOf(schema: JsonSchema): Structural {
  const { properties, required = [], additionalProperties } = schema;
  if (typeof additionalProperties === 'object')
    return { additionalProperties: structural(additionalProperties, true) };
  if (!properties) return {};
  const offered = Object.entries(properties).filter(([, field]) => field.not === undefined);
  return {
    properties: Object.fromEntries(offered.map(([name, field]) => [name, structural(field)])),
    ...(required.length === 0 ? {} : { required: [...required] }),
  };
}

/**
 * `oneOf` in words that a user understands, where the rules can see all the fields: those that may be anything they cannot,
 * and in a mapping of any size they would cost too much.
 */
function exactlyOneOf({ oneOf, properties = {} }: JsonSchema, isInMap: boolean): Structural {
  const names = (oneOf ?? [])
    .flatMap((option) => option.required ?? [])
    .filter((name) => properties[name]?.not === undefined);
  if (names.length === 0) return {};
  const isSeen = (name: string) => properties[name] !== undefined && isTyped(structural(properties[name]));
  if (isInMap || !names.every(isSeen)) return { oneOf: names.map((name) => ({ required: [name] })) };
  const given = names.map((name) => `has(self.${name})`).join(', ');
  return {
    'x-kubernetes-validations': [
      {
        rule: `[${given}].filter(given, given).size() == 1`,
        message: `expected exactly one of ${names.join(', ')}`,
      },
    ],
  };
}

/** Rules know no field whose content has no type. */
function isTyped({ type, items, additionalProperties }: Structural): boolean {
  return type !== undefined && [items, additionalProperties].every((inner) => !inner || isTyped(inner));
}

import { type JsonSchema, jsonSchema } from './json-schema.ts';

/** One field of the file format. Lists are `[]`, names that the user chooses are `*`. */
export interface Field {
  /** `spec.strategy.canary.steps[].setWeight` */
  path: string;
  parent: string;
  name: string;
  description: string;
  /** JSON of the default; absent: none. */
  default?: string;
  required: boolean;
  /** Has a place in the format, but is refused for now. */
  reserved: boolean;
  schema: JsonSchema;
}

let fields: readonly Field[] | undefined;

/** Every field, parents before children, in the order of the schema. */
export function allFields(): readonly Field[] {
  fields ??= walk(jsonSchema() as JsonSchema, '');
  return fields;
}

/** Path of an error -> path of the field: list positions and chosen names are replaced. */
export function fieldPath(path: readonly PropertyKey[]): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += '[]';
    else {
      const exact = text === '' ? String(part) : `${text}.${String(part)}`;
      const isChosen = !hasField(exact) && hasField(`${text}.*`);
      text = isChosen ? `${text}.*` : exact;
    }
  }
  return text;
}

function hasField(path: string): boolean {
  return allFields().some((field) => field.path === path);
}

function walk(schema: JsonSchema, parent: string): Field[] {
  const found: Field[] = [];
  for (const branch of [schema, ...(schema.anyOf ?? [])]) {
    for (const [name, child] of Object.entries(branch.properties ?? {})) {
      const path = parent === '' ? name : `${parent}.${name}`;
      found.push(
        describe(path, parent, name, child, branch.required?.includes(name) ?? false),
        ...walk(child, path),
      );
    }
    if (branch.items) found.push(...walk(branch.items, `${parent}[]`));
    if (typeof branch.additionalProperties === 'object') {
      const child = branch.additionalProperties;
      found.push(describe(`${parent}.*`, parent, '*', child, false), ...walk(child, `${parent}.*`));
    }
  }
  return found;
}

function describe(path: string, parent: string, name: string, schema: JsonSchema, required: boolean): Field {
  return {
    path,
    parent,
    name,
    description: schema.description ?? '',
    ...(schema.default !== undefined && { default: JSON.stringify(schema.default) }),
    required,
    reserved: schema.not !== undefined,
    schema,
  };
}

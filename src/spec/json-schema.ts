import { z } from 'zod';
import { appFile } from './schema.ts';

/** The part of JSON Schema that the file format needs. */
export interface JsonSchema {
  type?: string;
  description?: string;
  default?: unknown;
  const?: unknown;
  enum?: unknown[];
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  pattern?: string;
  not?: object;
  required?: string[];
  properties?: Record<string, JsonSchema>;
  items?: JsonSchema;
  anyOf?: JsonSchema[];
  /** Of alternatives that differ in nothing but which fields are there. */
  oneOf?: { required: string[] }[];
  additionalProperties?: boolean | JsonSchema;
}

/** JSON Schema 2020-12 of one App document as users write it, for editors. */
export function jsonSchema(): object {
  const schema = z.toJSONSchema(appFile, { io: 'input', target: 'draft-2020-12', reused: 'inline' });
  return { $id: 'https://crossfade.dev/schema/v1/app.json', title: 'Crossfade App', ...schema };
}

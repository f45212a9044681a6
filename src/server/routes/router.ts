import { createRoute, OpenAPIHono, type z } from '@hono/zod-openapi';
import type { ApiEnv } from '../access.ts';
import { badRequest, errorBody } from '../errors.ts';
import { errorSchema } from '../schemas/common.ts';

/** A part of the API. What a request gets wrong is answered in one piece, every field that is wrong. */
export function createRouter(): OpenAPIHono<ApiEnv> {
  return new OpenAPIHono<ApiEnv>({
    defaultHook: (result, c) => {
      if (result.success) return undefined;
      const problems = result.error.issues.map(({ path, message }) => ({ field: path.join('.'), message }));
      const where = { json: 'body', param: 'path', query: 'query' }[result.target as string] ?? result.target;
      const told = problems
        .map(({ field, message }) => (field ? `${field}: ${message}` : message))
        .join('; ');
      return c.json(errorBody(badRequest(`The ${where} of the request is wrong: ${told}`, problems)), 400);
    },
  });
}

export const json = <Schema extends z.ZodType>(schema: Schema, description: string) => ({
  description,
  content: { 'application/json': { schema } },
});

export const body = <Schema extends z.ZodType>(schema: Schema) => ({
  required: true,
  content: { 'application/json': { schema } },
});

/** Errors look the same everywhere; they are thrown and answered in one place. */
export const failures = { default: json(errorSchema, 'What went wrong, and what to do about it.') };

export { createRoute };

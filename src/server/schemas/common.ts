import { z } from '@hono/zod-openapi';
import type { ReasonView } from '../../api/types.ts';

export const time = z.string().openapi({ format: 'date-time' });

export const reasonSchema = z
  .object({ code: z.string(), message: z.string() })
  .openapi('Reason') satisfies z.ZodType<ReasonView>;

export const errorSchema = z
  .object({
    error: z.object({
      code: z.string().describe('Stable; listed in docs/errors.md.'),
      message: z.string(),
      hint: z.string().optional(),
      details: z.record(z.string(), z.unknown()).optional(),
    }),
  })
  .openapi('Error');

/** Every list answer. */
export const listOf = <Item extends z.ZodType>(item: Item) => z.object({ items: z.array(item) });

const nameText = (what: string, example: string) =>
  z
    .string()
    .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'lower case letters, digits and "-", at most 63')
    .openapi({ description: what, example });

export const namespaceParams = z.object({ namespace: nameText('Namespace of the App.', 'default') });
export const appParams = namespaceParams.extend({ name: nameText('Name of the App.', 'shop') });
export const secretParams = namespaceParams.extend({
  secret: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$/, 'letters, digits, ".", "_" and "-", at most 253')
    .openapi({ description: 'Name of the secret.', example: 'db-password' }),
});

const wholeNumber = (least: number, most: number) =>
  z.coerce
    .number()
    .pipe(z.int().min(least).max(most))
    .openapi({ type: 'integer', minimum: least, maximum: most });

export const limitQuery = wholeNumber(1, 10_000).optional().describe('At most this many; the newest ones.');
export const afterQuery = wholeNumber(0, Number.MAX_SAFE_INTEGER)
  .optional()
  .describe('Only events with a greater id, oldest first.');
export const tailQuery = wholeNumber(0, 1_000_000)
  .optional()
  .describe('Last lines per replica; absent: all.');
/** Query strings have no booleans. */
export const flagQuery = z
  .enum(['true', 'false', '1', '0'])
  .optional()
  .transform((value) => value === 'true' || value === '1');

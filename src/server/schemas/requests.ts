import { z } from '@hono/zod-openapi';
import type { ApplyResponse, CommandResponse } from '../../api/types.ts';
import { appViewSchema } from './app.ts';
import { reasonSchema } from './common.ts';

const reason = z.string().max(2_000).optional().describe('Why; kept in the audit log.');

export const applyRequestSchema = z
  .strictObject({
    app: z.unknown().describe('The App document, in long or short form.'),
    baseDir: z
      .string()
      .optional()
      .describe('Folder that relative paths in the document mean. Only over the Unix socket.'),
    dryRun: z.boolean().optional().describe('Everything but storing it.'),
    reason,
  })
  .openapi('ApplyRequest');

export const applyResponseSchema = z
  .object({
    result: z.enum(['created', 'configured', 'unchanged', 'held']),
    app: appViewSchema,
    message: z.string().describe('What happens next, in a sentence.'),
  })
  .openapi('ApplyResponse') satisfies z.ZodType<ApplyResponse>;

export const commandRequestSchema = z
  .strictObject({
    id: z
      .string()
      .max(200)
      .regex(/^[A-Za-z0-9][A-Za-z0-9._:-]*$/, 'begins with a letter or digit; then also . _ : - may follow')
      .describe('Chosen by the sender; the same id is never applied twice.'),
    verb: z.enum(['promote', 'abort', 'pause', 'resume', 'undo', 'restart', 'retry']),
    reason,
    full: z.boolean().optional().describe('promote: skip all pauses still to come.'),
    toRevision: z.string().max(100).optional().describe('undo: a revision id or number.'),
  })
  .openapi('CommandRequest');

export const commandResponseSchema = z
  .object({
    result: z.enum(['done', 'refused', 'accepted']).describe('accepted: recorded, not carried out yet.'),
    reason: reasonSchema.nullable(),
    message: z.string(),
    app: appViewSchema,
  })
  .openapi('CommandResponse') satisfies z.ZodType<CommandResponse>;

export const scaleRequestSchema = z
  .strictObject({ replicas: z.int().min(0).max(10_000), reason })
  .openapi('ScaleRequest');

const variable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'a name of letters, digits and "_"');

export const imageRequestSchema = z
  .strictObject({ image: z.string().min(1), reason })
  .openapi('ImageRequest');
export const envRequestSchema = z
  .strictObject({
    set: z.record(variable, z.string()).default({}),
    unset: z.array(variable).default([]),
    reason,
  })
  .openapi('EnvRequest');

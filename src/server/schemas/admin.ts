import { z } from '@hono/zod-openapi';
import type {
  AuditView,
  EventView,
  HealthView,
  LogLineView,
  SecretView,
  TokenCreated,
  TokenView,
  VersionView,
} from '../../api/types.ts';
import { time } from './common.ts';

export const healthSchema = z
  .object({
    status: z.enum(['ok', 'degraded']),
    problems: z.array(z.string()).describe('What does not work, in sentences.'),
  })
  .openapi('Health') satisfies z.ZodType<HealthView>;

export const versionSchema = z
  .object({
    version: z.string(),
    apiVersion: z.literal('v1'),
    pid: z.int(),
    startedAt: time,
    stateDir: z.string(),
  })
  .openapi('Version') satisfies z.ZodType<VersionView>;

export const eventSchema = z
  .object({
    id: z.int().describe('Grows over all Apps; `watch` resumes after it.'),
    namespace: z.string(),
    app: z.string(),
    at: time,
    type: z.enum(['Normal', 'Warning']),
    reason: z.string(),
    message: z.string(),
    release: z.string().nullable(),
    actor: z.string().nullable(),
  })
  .openapi('Event') satisfies z.ZodType<EventView>;

export const logLineSchema = z
  .object({
    replica: z.string(),
    at: time,
    stream: z.enum(['stdout', 'stderr', 'crossfade']),
    text: z.string(),
  })
  .openapi('LogLine') satisfies z.ZodType<LogLineView>;

export const auditSchema = z
  .object({
    at: time,
    namespace: z.string().nullable(),
    app: z.string().nullable(),
    actor: z.string(),
    verified: z.boolean().describe('The actor proved who it is by a token.'),
    action: z.string(),
    reason: z.string().nullable(),
    commandId: z.string().nullable(),
  })
  .openapi('AuditEntry') satisfies z.ZodType<AuditView>;

export const secretSchema = z
  .object({
    name: z.string(),
    namespace: z.string(),
    updatedAt: time.nullable(),
    updatedBy: z.string().nullable(),
  })
  .openapi('Secret') satisfies z.ZodType<SecretView>;

export const secretRequestSchema = z
  .strictObject({ value: z.string().max(128 * 1024) })
  .openapi('SecretRequest');

const role = z.enum(['viewer', 'deployer', 'admin']);

export const tokenSchema = z
  .object({
    id: z.string(),
    user: z.string(),
    role,
    createdAt: time,
    expiresAt: time.nullable(),
    lastUsedAt: time.nullable().describe('Since the daemon started.'),
  })
  .openapi('Token') satisfies z.ZodType<TokenView>;

export const tokenCreatedSchema = tokenSchema
  .extend({ token: z.string().describe('Shown this once.') })
  .openapi('TokenCreated') satisfies z.ZodType<TokenCreated>;

export const tokenRequestSchema = z
  .strictObject({
    user: z.string().min(1).max(100),
    role,
    expiresInMs: z.int().positive().optional(),
  })
  .openapi('TokenRequest');

export const stopRequestSchema = z
  .strictObject({ replicas: z.boolean().default(false).describe('Also stop what the daemon runs.') })
  .openapi('StopRequest');

export const stopResponseSchema = z
  .object({
    stopping: z.literal(true),
    left: z.array(z.string()).describe('With `replicas`: what still runs, in words.'),
  })
  .openapi('StopResponse');

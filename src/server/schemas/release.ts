import { z } from '@hono/zod-openapi';
import type { PlanView, ReleaseView } from '../../api/types.ts';
import { reasonSchema, time } from './common.ts';

const percent = z.number().min(0).max(100);

const gateSchema = z.object({
  kind: z.string(),
  state: z.enum(['pending', 'waiting', 'measuring', 'passed', 'held']),
  detail: z.string(),
});

const stageSchema = z.object({
  name: z.string(),
  state: z.enum(['done', 'current', 'todo', 'skipped', 'aborted']),
  askedPercent: percent.nullable(),
  measuredPercent: percent.nullable(),
  requests: z.int().nullable(),
  gates: z.array(gateSchema),
  startedAt: time.nullable(),
  endedAt: time.nullable(),
});

export const releaseViewSchema = z
  .object({
    id: z.string(),
    cause: z.string(),
    strategy: z.string(),
    actor: z.string(),
    revision: z.string(),
    revisionNumber: z.int(),
    fromRevision: z.string().nullable(),
    fromRevisionNumber: z.int().nullable(),
    startedAt: time,
    endedAt: time.nullable(),
    verdict: z
      .enum(['promoted', 'aborted', 'superseded', 'inconclusive'])
      .nullable()
      .describe('Null while the release runs.'),
    reason: reasonSchema.nullable(),
    paused: z.boolean(),
    stages: z.array(stageSchema),
    outageMs: z.number().nullable().describe('Recreate: how long users were refused or held.'),
    refused: z.int(),
    held: z.int(),
    cutoverMs: z
      .number()
      .nullable()
      .describe('First new answer minus the commit of the route that allowed it.'),
  })
  .openapi('Release') satisfies z.ZodType<ReleaseView>;

const planStageSchema = z.object({
  name: z.string(),
  replicas: z.record(z.string(), z.int()),
  route: z.string(),
  gates: z.array(z.string()),
  outage: z.enum(['refused', 'held']).nullable(),
  onAbort: z.string(),
  commits: z.boolean(),
});

const difference = z.object({
  field: z.string(),
  from: z.string().nullable(),
  to: z.string().nullable(),
});

export const planViewSchema = z
  .object({
    app: z.string(),
    namespace: z.string(),
    strategy: z.string(),
    revision: z.string().nullable().describe('That apply would make. Null: it was not computed.'),
    comparedWith: z
      .object({ revision: z.string(), revisionNumber: z.int(), generation: z.int() })
      .nullable()
      .describe('Null: compared with nothing.'),
    change: z.enum(['create', 'release', 'scale', 'route', 'settings', 'none', 'held', 'unknown']),
    differences: z.array(difference).describe('Field by field.'),
    content: z
      .array(difference)
      .describe('In what the fields name: the source folder, config and env files, secrets.'),
    stages: z.array(planStageSchema),
    peakReplicas: z.int(),
    declaresOutage: z.boolean(),
    notes: z.array(z.string()),
  })
  .openapi('Plan') satisfies z.ZodType<PlanView>;

import { z } from '@hono/zod-openapi';
import type { AppView, ReasonView, ReplicaView, RevisionView, RouteShare } from '../../api/types.ts';
import { reasonSchema, time } from './common.ts';
import { releaseViewSchema } from './release.ts';

const role = z.enum(['stable', 'candidate', 'warm', 'retiring']);
const names = z.record(z.string(), z.string());
const percent = z.number().min(0).max(100);

const routeShareSchema = z
  .object({
    revision: z.string(),
    revisionNumber: z.int(),
    role,
    weightPercent: percent.nullable().describe('Asked for; null where the split is not weighted.'),
    measuredPercent: percent
      .nullable()
      .describe('By which replica answered; null while nothing was measured.'),
    requests: z.int(),
    failed: z.int(),
    p50Ms: z.number().nullable(),
    p99Ms: z.number().nullable(),
  })
  .openapi('RouteShare') satisfies z.ZodType<RouteShare>;

const phase = z.enum([
  'Pending',
  'Progressing',
  'Paused',
  'Holding',
  'Aborting',
  'Healthy',
  'Degraded',
  'Frozen',
  'Deleting',
]);

const heldSchema = z.object({ revision: z.string(), reason: reasonSchema }) satisfies z.ZodType<{
  revision: string;
  reason: ReasonView;
}>;

const statusSchema = z.object({
  phase,
  message: z.string().describe('One sentence: what the App waits for, or what is wrong.'),
  observedGeneration: z.int(),
  url: z.string().nullable(),
  previewUrl: z.string().nullable(),
  replicas: z.int(),
  readyReplicas: z.int(),
  updatedReplicas: z.int(),
  stableRevision: z.string().nullable(),
  stableRevisionNumber: z.int().nullable(),
  candidateRevision: z.string().nullable(),
  candidateRevisionNumber: z.int().nullable(),
  liveColour: z.enum(['blue', 'green']).nullable(),
  route: z.array(routeShareSchema),
  warmUntil: time.nullable(),
  heldRevisions: z.array(heldSchema),
  release: releaseViewSchema.nullable(),
  lastRelease: releaseViewSchema.nullable(),
});

export const appViewSchema = z
  .object({
    apiVersion: z.literal('crossfade.dev/v1'),
    kind: z.literal('App'),
    metadata: z.object({
      name: z.string(),
      namespace: z.string(),
      generation: z.int(),
      labels: names,
      annotations: names,
    }),
    spec: z.unknown().describe('Complete and expanded. Secrets appear as references only.'),
    status: statusSchema,
  })
  .openapi('App') satisfies z.ZodType<AppView>;

export const revisionViewSchema = z
  .object({
    id: z.string(),
    number: z.int(),
    role: z.enum(['stable', 'candidate', 'warm', 'retiring', 'old']),
    held: reasonSchema.nullable(),
    createdAt: time,
    actor: z.string(),
    source: z.string(),
    commit: z.string().nullable(),
    command: z.array(z.string()),
  })
  .openapi('Revision') satisfies z.ZodType<RevisionView>;

export const replicaViewSchema = z
  .object({
    id: z.string(),
    revision: z.string(),
    revisionNumber: z.int(),
    role,
    colour: z.enum(['blue', 'green']).nullable(),
    address: z.string().nullable(),
    phase: z.string().describe('Starting, Running, BackOff, Failed, Draining or Stopping.'),
    ready: z.boolean(),
    inRoute: z.boolean(),
    restarts: z.int(),
    inFlight: z.int(),
    startedAt: time,
    lastProbe: z.string().nullable(),
    problem: z.string().nullable(),
  })
  .openapi('Replica') satisfies z.ZodType<ReplicaView>;

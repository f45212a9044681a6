import { z } from '@hono/zod-openapi';
import type { ApiDeps } from '../deps.ts';
import { auditSchema, eventSchema } from '../schemas/admin.ts';
import { replicaViewSchema, revisionViewSchema } from '../schemas/app.ts';
import { afterQuery, appParams, limitQuery, listOf } from '../schemas/common.ts';
import { releaseViewSchema } from '../schemas/release.ts';
import { snapshotOf } from '../snapshots.ts';
import { auditView, eventView } from '../view/event.ts';
import { releaseViews } from '../view/release.ts';
import { replicaViews } from '../view/replica.ts';
import { revisionViews } from '../view/revision.ts';
import { createRoute, createRouter, failures, json } from './router.ts';

const APP = '/v1/namespaces/{namespace}/apps/{name}';

const revisions = createRoute({
  method: 'get',
  path: `${APP}/revisions`,
  summary: 'The revisions that are kept, by number.',
  request: { params: appParams },
  responses: { 200: json(listOf(revisionViewSchema), 'The revisions.'), ...failures },
});
const releases = createRoute({
  method: 'get',
  path: `${APP}/releases`,
  summary: 'The releases that are kept, the newest last.',
  request: { params: appParams },
  responses: { 200: json(listOf(releaseViewSchema), 'The releases.'), ...failures },
});
const replicas = createRoute({
  method: 'get',
  path: `${APP}/replicas`,
  summary: 'What runs, and what is still stopping.',
  request: { params: appParams },
  responses: { 200: json(listOf(replicaViewSchema), 'The replicas.'), ...failures },
});
const events = createRoute({
  method: 'get',
  path: `${APP}/events`,
  summary: 'What happened, oldest first. Also of an App that is gone.',
  request: { params: appParams, query: z.object({ after: afterQuery, limit: limitQuery }) },
  responses: { 200: json(listOf(eventSchema), 'The events.'), ...failures },
});
const audit = createRoute({
  method: 'get',
  path: '/v1/audit',
  summary: 'Who changed what, when and why, oldest first.',
  request: {
    query: z.object({
      namespace: z.string().optional(),
      app: z.string().optional().describe('Name of an App; needs a namespace.'),
      limit: limitQuery,
    }),
  },
  responses: { 200: json(listOf(auditSchema), 'The entries.'), ...failures },
});

export function historyRoutes(deps: ApiDeps) {
  return createRouter()
    .openapi(revisions, async (c) => {
      const { namespace, name } = c.req.valid('param');
      return c.json({ items: revisionViews(await snapshotOf(deps, `${namespace}/${name}`)) }, 200);
    })
    .openapi(releases, async (c) => {
      const { namespace, name } = c.req.valid('param');
      return c.json({ items: releaseViews(await snapshotOf(deps, `${namespace}/${name}`)) }, 200);
    })
    .openapi(replicas, async (c) => {
      const { namespace, name } = c.req.valid('param');
      return c.json({ items: replicaViews(await snapshotOf(deps, `${namespace}/${name}`)) }, 200);
    })
    .openapi(events, async (c) => {
      const { namespace, name } = c.req.valid('param');
      const { after, limit } = c.req.valid('query');
      const query = { app: `${namespace}/${name}`, ...defined({ after, limit }) };
      return c.json({ items: (await deps.store.events(query)).map(eventView) }, 200);
    })
    .openapi(audit, async (c) => {
      const { namespace, app, limit } = c.req.valid('query');
      if (app !== undefined) {
        const query = { app: `${namespace ?? 'default'}/${app}`, ...defined({ limit }) };
        return c.json({ items: (await deps.store.audit(query)).map(auditView) }, 200);
      }
      const all = (await deps.store.audit(defined({ limit }))).map(auditView);
      return c.json({ items: all.filter((entry) => !namespace || entry.namespace === namespace) }, 200);
    });
}

/** Without the fields that were not given: an absent bound and an undefined one are two things here. */
function defined<T extends Record<string, number | undefined>>(fields: T): { [K in keyof T]?: number } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: number;
  };
}

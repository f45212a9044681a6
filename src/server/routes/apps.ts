import { OperatingError } from '../../core/errors.ts';
import type { AppObject } from '../../core/model.ts';
import type { AppSpec } from '../../spec/app.ts';
import { auditOf, type Caller } from '../access.ts';
import { applySpec } from '../apply/apply.ts';
import { validSpec } from '../apply/valid-spec.ts';
import type { ApiContext, ApiDeps } from '../deps.ts';
import { badRequest } from '../errors.ts';
import { appViewSchema } from '../schemas/app.ts';
import { appParams, listOf, namespaceParams } from '../schemas/common.ts';
import { applyRequestSchema, applyResponseSchema } from '../schemas/requests.ts';
import { allViews, applyAnswer, currentView, loadStored, viewOf } from '../snapshots.ts';
import { body, createRoute, createRouter, failures, json } from './router.ts';

const APP = '/v1/namespaces/{namespace}/apps/{name}';

const listAll = createRoute({
  method: 'get',
  path: '/v1/apps',
  summary: 'Every App of every namespace.',
  responses: { 200: json(listOf(appViewSchema), 'The Apps.'), ...failures },
});
const list = createRoute({
  method: 'get',
  path: '/v1/namespaces/{namespace}/apps',
  summary: 'The Apps of a namespace.',
  request: { params: namespaceParams },
  responses: { 200: json(listOf(appViewSchema), 'The Apps.'), ...failures },
});
const read = createRoute({
  method: 'get',
  path: APP,
  summary: 'One App with its status.',
  request: { params: appParams },
  responses: { 200: json(appViewSchema, 'The App.'), ...failures },
});
const put = createRoute({
  method: 'put',
  path: APP,
  summary: 'Apply an App: create it, or make the document what is wanted of it.',
  request: { params: appParams, body: body(applyRequestSchema) },
  responses: { 200: json(applyResponseSchema, 'What was stored, and what happens next.'), ...failures },
});
const remove = createRoute({
  method: 'delete',
  path: APP,
  summary: 'Delete an App: take its route away, drain and stop what it runs.',
  request: { params: appParams },
  responses: { 202: json(appViewSchema, 'Deletion has begun.'), ...failures },
});

export function appRoutes(deps: ApiContext) {
  return createRouter()
    .openapi(listAll, async (c) => c.json({ items: await allViews(deps) }, 200))
    .openapi(list, async (c) => c.json({ items: await allViews(deps, c.req.valid('param').namespace) }, 200))
    .openapi(read, async (c) => {
      const { namespace, name } = c.req.valid('param');
      return c.json(await currentView(deps, `${namespace}/${name}`), 200);
    })
    .openapi(put, async (c) => {
      const request = c.req.valid('json');
      const caller = c.get('caller');
      const spec = parseSpec(request.app, request.baseDir, caller, c.req.valid('param'));
      const { dryRun = false, reason } = request;
      const applied = await applySpec(deps, spec, {
        caller,
        dryRun,
        action: 'apply',
        reason,
        signal: c.req.raw.signal,
      });
      return c.json(await applyAnswer(deps, applied), 200);
    })
    .openapi(remove, async (c) => {
      const { namespace, name } = c.req.valid('param');
      const key = `${namespace}/${name}`;
      return c.json(await viewOf(deps, await markDeleted(deps, key, c.get('caller'))), 202);
    });
}

/** @throws OperatingError E_APP_FILE, E_BAD_REQUEST */
export function parseSpec(
  document: unknown,
  baseDir: string | undefined,
  caller: Caller,
  asked: { namespace: string; name: string },
): AppSpec {
  if (baseDir !== undefined && !caller.local) {
    throw badRequest('baseDir means a folder of this machine: it is accepted over the Unix socket only.');
  }
  const app = validSpec(document, baseDir);
  const { namespace, name } = app.metadata;
  if (namespace !== asked.namespace || name !== asked.name) {
    throw badRequest(
      `The path names App ${asked.namespace}/${asked.name}, and the document App ${namespace}/${name}.`,
    );
  }
  return app;
}

async function markDeleted(deps: ApiDeps, key: string, caller: Caller): Promise<AppObject> {
  for (let attempt = 1; ; attempt += 1) {
    const { object } = await loadStored(deps, key);
    if (object.deleting) return object;
    const next = { ...object, generation: object.generation + 1, deleting: true, actor: caller.actor };
    try {
      await deps.store.putApp(next, object.generation, auditOf(caller, deps.clock.wall(), 'delete', key));
      deps.poke(key);
      return next;
    } catch (error) {
      if (!(error instanceof OperatingError) || error.code !== 'E_CONFLICT' || attempt === 5) throw error;
    }
  }
}

import { z } from '@hono/zod-openapi';
import { OperatingError } from '../../core/errors.ts';
import { auditOf } from '../access.ts';
import type { ApiDeps } from '../deps.ts';
import { healthOf } from '../health.ts';
import {
  healthSchema,
  stopRequestSchema,
  stopResponseSchema,
  tokenCreatedSchema,
  tokenRequestSchema,
  tokenSchema,
  versionSchema,
} from '../schemas/admin.ts';
import { listOf } from '../schemas/common.ts';
import { body, createRoute, createRouter, failures, json } from './router.ts';

const health = createRoute({
  method: 'get',
  path: '/healthz',
  summary: 'Whether the daemon can do its work.',
  responses: { 200: json(healthSchema, 'It answers; `problems` says what does not work.'), ...failures },
});
const version = createRoute({
  method: 'get',
  path: '/v1/version',
  summary: 'Which daemon this is.',
  responses: { 200: json(versionSchema, 'Version, pid, state folder.'), ...failures },
});
const stop = createRoute({
  method: 'post',
  path: '/v1/daemon/stop',
  summary: 'Stop the daemon; with `replicas` also what it runs. Otherwise replicas and router go on.',
  request: { body: body(stopRequestSchema) },
  responses: {
    202: json(stopResponseSchema, 'It stops once this answer is sent; what it runs has stopped by then.'),
    ...failures,
  },
});
const listTokens = createRoute({
  method: 'get',
  path: '/v1/tokens',
  summary: 'The tokens for TCP, without what they are.',
  responses: { 200: json(listOf(tokenSchema), 'The tokens.'), ...failures },
});
const createToken = createRoute({
  method: 'post',
  path: '/v1/tokens',
  summary: 'Make a token for a user. It is shown this once.',
  request: { body: body(tokenRequestSchema) },
  responses: { 201: json(tokenCreatedSchema, 'The token.'), ...failures },
});
const revokeToken = createRoute({
  method: 'delete',
  path: '/v1/tokens/{id}',
  summary: 'Revoke a token.',
  request: { params: z.object({ id: z.string() }) },
  responses: { 204: { description: 'It is no longer accepted.' }, ...failures },
});

export function daemonRoutes(deps: ApiDeps) {
  return createRouter()
    .openapi(health, async (c) => c.json(await healthOf(deps), 200))
    .openapi(version, (c) => c.json(deps.version, 200))
    .openapi(stop, async (c) => {
      const { replicas } = c.req.valid('json');
      const action = replicas ? 'stop daemon and replicas' : 'stop daemon';
      await deps.store.addAudit(auditOf(c.get('caller'), deps.clock.wall(), action));
      if (replicas)
        return c.json({ stopping: true as const, left: [...(await deps.stop({ replicas }))] }, 202);
      c.env.outgoing.once('close', () => void deps.stop({ replicas }));
      return c.json({ stopping: true as const, left: [] }, 202);
    })
    .openapi(listTokens, (c) => c.json({ items: deps.tokens.list() }, 200))
    .openapi(createToken, async (c) => {
      const request = c.req.valid('json');
      const created = deps.tokens.create(request);
      const action = `create token ${created.id} for ${created.user} (${created.role})`;
      await deps.store.addAudit(auditOf(c.get('caller'), deps.clock.wall(), action));
      return c.json(created, 201);
    })
    .openapi(revokeToken, async (c) => {
      const { id } = c.req.valid('param');
      if (!deps.tokens.revoke(id)) {
        throw new OperatingError('E_TOKEN_NOT_FOUND', `There is no token ${id}.`);
      }
      await deps.store.addAudit(auditOf(c.get('caller'), deps.clock.wall(), `revoke token ${id}`));
      return c.body(null, 204);
    });
}

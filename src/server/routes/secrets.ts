import type { SecretView } from '../../api/types.ts';
import { OperatingError } from '../../core/errors.ts';
import type { AuditEntry } from '../../ports/store.ts';
import { auditOf } from '../access.ts';
import type { ApiDeps } from '../deps.ts';
import { secretRequestSchema, secretSchema } from '../schemas/admin.ts';
import { listOf, namespaceParams, secretParams } from '../schemas/common.ts';
import { isoTime } from '../view/snapshot.ts';
import { body, createRoute, createRouter, failures, json } from './router.ts';

const SECRETS = '/v1/namespaces/{namespace}/secrets';

const list = createRoute({
  method: 'get',
  path: SECRETS,
  summary: 'Names of secrets, never values.',
  request: { params: namespaceParams },
  responses: { 200: json(listOf(secretSchema), 'The secrets.'), ...failures },
});
const put = createRoute({
  method: 'put',
  path: `${SECRETS}/{secret}`,
  summary: 'Store a secret. An App that uses it makes a new revision at its next apply.',
  request: { params: secretParams, body: body(secretRequestSchema) },
  responses: { 200: json(secretSchema, 'It is stored.'), ...failures },
});
const remove = createRoute({
  method: 'delete',
  path: `${SECRETS}/{secret}`,
  summary: 'Remove a secret. Revisions that were prepared with it keep their copy.',
  request: { params: secretParams },
  responses: { 204: { description: 'It is gone.' }, ...failures },
});

export function secretRoutes(deps: ApiDeps) {
  return createRouter()
    .openapi(list, async (c) => {
      const { namespace } = c.req.valid('param');
      const names = await deps.secrets.list(namespace);
      const audit = await deps.store.audit({ limit: 10_000 });
      return c.json({ items: names.sort().map((name) => secretView(namespace, name, audit)) }, 200);
    })
    .openapi(put, async (c) => {
      const { namespace, secret } = c.req.valid('param');
      await deps.secrets.set(namespace, secret, c.req.valid('json').value);
      const entry = auditOf(c.get('caller'), deps.clock.wall(), setAction(namespace, secret));
      await deps.store.addAudit(entry);
      return c.json(secretView(namespace, secret, [entry]), 200);
    })
    .openapi(remove, async (c) => {
      const { namespace, secret } = c.req.valid('param');
      if (!(await deps.secrets.delete(namespace, secret))) {
        throw new OperatingError('E_SECRET_NOT_FOUND', `There is no secret ${namespace}/${secret}.`);
      }
      const action = `delete secret ${namespace}/${secret}`;
      await deps.store.addAudit(auditOf(c.get('caller'), deps.clock.wall(), action));
      return c.body(null, 204);
    });
}

function setAction(namespace: string, name: string): string {
  return `set secret ${namespace}/${name}`;
}

/** When and by whom is what the audit log says: the value's file knows neither. */
function secretView(namespace: string, name: string, audit: readonly AuditEntry[]): SecretView {
  const last = audit.findLast((entry) => entry.action === setAction(namespace, name));
  return { name, namespace, updatedAt: last ? isoTime(last.at) : null, updatedBy: last?.actor ?? null };
}

import type { CommandRequest, CommandResponse } from '../../api/types.ts';
import type { AppObject, Command, CommandResult } from '../../core/model.ts';
import { planFor } from '../../core/plan.ts';
import type { AppSpec, EnvValue } from '../../spec/app.ts';
import { auditOf } from '../access.ts';
import { dryRevision, editSpec } from '../apply/apply.ts';
import { revalidated } from '../apply/valid-spec.ts';
import type { ApiContext } from '../deps.ts';
import { hasNoImage } from '../errors.ts';
import { appParams } from '../schemas/common.ts';
import { planViewSchema } from '../schemas/release.ts';
import {
  applyRequestSchema,
  applyResponseSchema,
  commandRequestSchema,
  commandResponseSchema,
  envRequestSchema,
  imageRequestSchema,
  scaleRequestSchema,
} from '../schemas/requests.ts';
import { applyAnswer, currentView } from '../snapshots.ts';
import { parseSpec } from './apps.ts';
import { body, createRoute, createRouter, failures, json } from './router.ts';

/** How long a command waits for the controller before it is answered `accepted`. */
const COMMAND_WAIT_MS = 10_000;
const APP = '/v1/namespaces/{namespace}/apps/{name}';

const commands = createRoute({
  method: 'post',
  path: `${APP}/commands`,
  summary: 'Tell a release what to do: promote, abort, pause, resume, undo, restart, retry.',
  request: { params: appParams, body: body(commandRequestSchema) },
  responses: {
    200: json(commandResponseSchema, 'The controller has carried it out, or refused it.'),
    202: json(commandResponseSchema, 'Recorded; the controller has not answered yet.'),
    ...failures,
  },
});
const scale = createRoute({
  method: 'post',
  path: `${APP}/scale`,
  summary: 'Set the number of replicas.',
  request: { params: appParams, body: body(scaleRequestSchema) },
  responses: { 200: json(applyResponseSchema, 'What was stored.'), ...failures },
});
const env = createRoute({
  method: 'post',
  path: `${APP}/env`,
  summary: 'Set and unset variables of the stored App; the source folder is snapshotted again.',
  request: { params: appParams, body: body(envRequestSchema) },
  responses: { 200: json(applyResponseSchema, 'What was stored.'), ...failures },
});
const image = createRoute({
  method: 'post',
  path: `${APP}/image`,
  summary: 'Set the image of the stored App.',
  request: { params: appParams, body: body(imageRequestSchema) },
  responses: { 200: json(applyResponseSchema, 'What was stored.'), ...failures },
});
const plan = createRoute({
  method: 'post',
  path: `${APP}/plan`,
  summary: 'What applying a document would do. Nothing is stored or built.',
  request: { params: appParams, body: body(applyRequestSchema) },
  responses: { 200: json(planViewSchema, 'The stages of the release, and what differs.'), ...failures },
});

export function changeRoutes(context: ApiContext) {
  return createRouter()
    .openapi(commands, async (c) => {
      const { namespace, name } = c.req.valid('param');
      const key = `${namespace}/${name}`;
      const request = c.req.valid('json');
      const caller = c.get('caller');
      const command = commandOf(request, caller.actor, request.reason ?? caller.reason, context.clock.wall());
      const audit = auditOf(caller, command.at, describe(command), key, command.reason);
      await context.store.addCommand(key, command, { ...audit, commandId: command.id });
      context.poke(key);
      const result = await context.waitForCommand(key, command.id, COMMAND_WAIT_MS);
      const answer = { ...commandAnswer(result), app: await currentView(context, key) };
      return result ? c.json(answer, 200) : c.json(answer, 202);
    })
    .openapi(scale, async (c) => {
      const { namespace, name } = c.req.valid('param');
      const { replicas, reason } = c.req.valid('json');
      // With the content it has: scaling releases nothing, whatever the source folder looks like by now.
      const edit = ({ spec, revision }: AppObject) => ({
        spec: withReplicas(spec, replicas),
        run: revision.run,
      });
      const options = { caller: c.get('caller'), dryRun: false, action: `scale to ${replicas}`, reason };
      const applied = await editSpec(context, `${namespace}/${name}`, edit, options);
      return c.json(await applyAnswer(context, applied), 200);
    })
    .openapi(env, async (c) => {
      const { namespace, name } = c.req.valid('param');
      const { set, unset, reason } = c.req.valid('json');
      const names = [...Object.keys(set).map((n) => `+${n}`), ...unset.map((n) => `-${n}`)].join(' ');
      const edit = ({ spec }: AppObject) => ({ spec: withEnv(spec, set, unset) });
      const options = { caller: c.get('caller'), dryRun: false, action: `set env ${names}`, reason };
      const applied = await editSpec(context, `${namespace}/${name}`, edit, options);
      return c.json(await applyAnswer(context, applied), 200);
    })
    .openapi(image, async (c) => {
      const { namespace, name } = c.req.valid('param');
      const { image, reason } = c.req.valid('json');
      const edit = ({ spec }: AppObject) => ({ spec: withImage(spec, image) });
      const options = { caller: c.get('caller'), dryRun: false, action: `set image ${image}`, reason };
      const applied = await editSpec(context, `${namespace}/${name}`, edit, options);
      return c.json(await applyAnswer(context, applied), 200);
    })
    .openapi(plan, async (c) => {
      const asked = c.req.valid('param');
      const request = c.req.valid('json');
      const spec = parseSpec(request.app, request.baseDir, c.get('caller'), asked);
      const revision = await dryRevision(context, spec, c.req.raw.signal);
      const stored = await context.store.load(`${asked.namespace}/${asked.name}`);
      const router = (await context.routerFor?.(spec)) ?? context.router;
      return c.json(planFor({ spec, revision, router, ...(stored ? { stored } : {}) }), 200);
    });
}

function commandOf(
  request: Pick<CommandRequest, 'id' | 'verb'> & {
    full?: boolean | undefined;
    toRevision?: string | undefined;
  },
  actor: string,
  reason: string | undefined,
  at: number,
): Command {
  const { id, verb, full, toRevision } = request;
  return {
    id,
    verb,
    actor,
    at,
    ...(reason === undefined ? {} : { reason }),
    ...(full === undefined ? {} : { full }),
    ...(toRevision === undefined ? {} : { toRevision }),
  };
}

function describe({ verb, full, toRevision }: Command): string {
  return `${verb}${full ? ' --full' : ''}${toRevision === undefined ? '' : ` --to-revision ${toRevision}`}`;
}

function commandAnswer(done: CommandResult | undefined): Omit<CommandResponse, 'app'> {
  if (!done) {
    return { result: 'accepted', reason: null, message: 'recorded; the controller will carry it out' };
  }
  if (done.result.kind === 'done') return { result: 'done', reason: null, message: done.result.message };
  const { reason } = done.result;
  return { result: 'refused', reason, message: reason.message };
}

function withReplicas(spec: AppSpec, replicas: number): AppSpec {
  return revalidated({ ...spec, spec: { ...spec.spec, replicas } });
}

function withImage(spec: AppSpec, image: string): AppSpec {
  if (spec.spec.image === undefined) throw hasNoImage(`${spec.metadata.namespace}/${spec.metadata.name}`);
  return revalidated({ ...spec, spec: { ...spec.spec, image } });
}

function withEnv(spec: AppSpec, set: Record<string, string>, unset: readonly string[]): AppSpec {
  const env: Record<string, EnvValue> = { ...spec.spec.run.env, ...set };
  for (const name of unset) delete env[name];
  return revalidated({ ...spec, spec: { ...spec.spec, run: { ...spec.spec.run, env } } });
}

import { z } from '@hono/zod-openapi';
import type { ApiContext } from '../deps.ts';
import { assertReplica, logLines } from '../logs.ts';
import { logLineSchema } from '../schemas/admin.ts';
import { afterQuery, appParams, flagQuery, tailQuery } from '../schemas/common.ts';
import { loadStored } from '../snapshots.ts';
import { streamBody } from '../streams.ts';
import { watch as watchFrames } from '../watch.ts';
import { createRoute, createRouter, failures } from './router.ts';

/** As a plain string: the library's types take every name that ends in `json` for one JSON document. */
const NDJSON: string = 'application/x-ndjson';

const logs = createRoute({
  method: 'get',
  path: '/v1/namespaces/{namespace}/apps/{name}/logs',
  summary: 'What the replicas wrote, one JSON document per line.',
  request: {
    params: appParams,
    query: z.object({
      replica: z.string().optional(),
      revision: z.string().optional().describe('A revision id or number.'),
      tail: tailQuery,
      follow: flagQuery.openapi({ type: 'boolean', description: 'Go on until the client goes.' }),
    }),
  },
  responses: {
    200: { description: 'The lines.', content: { [NDJSON]: { schema: logLineSchema } } },
    ...failures,
  },
});
const watch = createRoute({
  method: 'get',
  path: '/v1/watch',
  summary: 'Everything that happens, as server-sent events; resumes after Last-Event-ID or `after`.',
  request: {
    query: z.object({
      after: afterQuery,
      namespace: z.string().optional(),
      app: z.string().optional().describe('Name of an App.'),
    }),
  },
  responses: {
    200: {
      description:
        '`event` (an Event, with its id), `app` (an App that looks different), `gone`; comments keep it alive.',
      content: { 'text/event-stream': { schema: z.string() } },
    },
    ...failures,
  },
});

export function streamRoutes(deps: ApiContext) {
  return createRouter()
    .openapi(logs, async (c) => {
      const { namespace, name } = c.req.valid('param');
      const key = `${namespace}/${name}`;
      const { state } = await loadStored(deps, key);
      const filter = c.req.valid('query');
      if (filter.replica !== undefined) await assertReplica(deps.engine, key, filter.replica);
      const stop = stopWith(c.env.closing);
      const lines = logLines(deps.engine, state, key, filter, stop.signal);
      return new Response(streamBody(lines, stop), { headers: { 'content-type': NDJSON } });
    })
    .openapi(watch, (c) => {
      const { after, ...scope } = c.req.valid('query');
      const last = c.req.header('last-event-id');
      // A browser repeats its first URL when it reconnects: the header is the later word.
      const resumed = last !== undefined && /^\d{1,15}$/.test(last) ? Number(last) : after;
      const stop = stopWith(c.env.closing);
      const frames = watchFrames(deps, { ...scope, after: resumed }, stop.signal);
      const headers = { 'content-type': 'text/event-stream', 'cache-control': 'no-store' };
      return new Response(streamBody(frames, stop), { headers });
    });
}

/** Stops when the client goes (the body is cancelled) or when the listener closes. */
function stopWith(closing: AbortSignal): AbortController {
  const stop = new AbortController();
  if (closing.aborted) stop.abort();
  else closing.addEventListener('abort', () => stop.abort(), { once: true, signal: stop.signal });
  return stop;
}

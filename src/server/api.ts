import { bodyLimit } from 'hono/body-limit';
import { OperatingError } from '../core/errors.ts';
import { access } from './access.ts';
import type { ApiContext, ApiDeps } from './deps.ts';
import { asOperatingError, errorBody, internalError, statusOf } from './errors.ts';
import type { Api } from './listen.ts';
import { createLock } from './lock.ts';
import { appRoutes } from './routes/apps.ts';
import { changeRoutes } from './routes/changes.ts';
import { daemonRoutes } from './routes/daemon.ts';
import { historyRoutes } from './routes/history.ts';
import { createRouter } from './routes/router.ts';
import { secretRoutes } from './routes/secrets.ts';
import { streamRoutes } from './routes/streams.ts';

/** An App file with its config files inside; more belongs into the source folder. */
const LARGEST_BODY_BYTES = 4 * 1024 * 1024;

/** The API, to be served by listenUnix and listenTcp: without one of them there is no caller, and nothing is answered. */
export function createApi(deps: ApiDeps): Api {
  const context: ApiContext = { ...deps, exclusively: createLock() };
  const api = createRouter();
  api.use(access());
  api.use(
    bodyLimit({
      maxSize: LARGEST_BODY_BYTES,
      onError: () => {
        throw new OperatingError('E_TOO_LARGE', `A request may have ${LARGEST_BODY_BYTES} bytes.`, {
          hint: 'Keep large files in the source folder instead of the App file.',
        });
      },
    }),
  );
  for (const part of [appRoutes, changeRoutes, historyRoutes, streamRoutes, secretRoutes, daemonRoutes]) {
    api.route('/', part(context));
  }
  api.doc31('/openapi.json', {
    openapi: '3.1.0',
    info: {
      title: 'Crossfade',
      version: 'v1',
      description:
        'Moves live traffic from one version of a service to the next. Explained in docs/reference/api.md.',
    },
  });
  api.notFound((c) => {
    const message = `There is no ${c.req.method} ${c.req.path}.`;
    const error = new OperatingError('E_ROUTE_NOT_FOUND', message, {
      hint: 'GET /openapi.json lists what there is.',
    });
    return c.json(errorBody(error), 404);
  });
  api.onError((thrown, c) => {
    const error = asOperatingError(thrown);
    if (error) return c.json(errorBody(error), statusOf(error));
    deps.log.error({ err: thrown, method: c.req.method, path: c.req.path }, 'a request met a bug');
    return c.json(errorBody(internalError()), 500);
  });
  return api;
}

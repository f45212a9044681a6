import { HTTPException } from 'hono/http-exception';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { ErrorBody } from '../api/types.ts';
import { OperatingError } from '../core/errors.ts';
import type { AppKey } from '../core/model.ts';

const BY_CODE: Record<string, ContentfulStatusCode> = {
  E_APP_FILE: 400,
  E_BAD_REQUEST: 400,
  E_UNAUTHORIZED: 401,
  E_FORBIDDEN: 403,
  E_FOREIGN_HOST: 403,
  E_FOREIGN_ORIGIN: 403,
  E_CONFLICT: 409,
  E_DELETING: 409,
  E_APP_HAS_NO_IMAGE: 409,
  E_ROUTE_CLAIMED: 409,
  E_PORT_TAKEN: 409,
  E_RELEASE_RUNNING: 409,
  E_TOO_LARGE: 413,
  // A program that is to be run, not a thing of this API.
  E_COMMAND_NOT_FOUND: 422,
  E_ROUTER_DOWN: 503,
  E_STALE_WRITER: 503,
  E_DISK_FULL: 503,
  E_READ_ONLY: 503,
  E_STORE_IO: 503,
  E_STORE_CORRUPT: 503,
  E_STORE_NEWER: 503,
};

/** The HTTP status of an operating error: by its code, by its family, or 422: understood, and refused. */
export function statusOf({ code }: OperatingError): ContentfulStatusCode {
  return BY_CODE[code] ?? (code.endsWith('_NOT_FOUND') ? 404 : 422);
}

export function errorBody({ code, message, hint, details }: OperatingError): ErrorBody {
  return {
    error: {
      code,
      message,
      ...(hint === undefined ? {} : { hint }),
      ...(details === undefined ? {} : { details: { ...details } }),
    },
  };
}

/** What happened, for the caller; undefined for a bug, of which the caller learns nothing but that it was one. */
export function asOperatingError(error: unknown): OperatingError | undefined {
  if (error instanceof OperatingError) return error;
  if (error instanceof HTTPException) return badRequest(error.message || 'The request cannot be read.');
  return undefined;
}

export function internalError(): OperatingError {
  return new OperatingError('E_INTERNAL', 'The daemon met a bug while it answered this request.', {
    hint: 'Nothing else is affected. The daemon log has the details; please report them.',
  });
}

export function badRequest(message: string, errors?: unknown[]): OperatingError {
  return new OperatingError('E_BAD_REQUEST', message, {
    hint: 'GET /openapi.json describes every request.',
    ...(errors === undefined ? {} : { details: { errors } }),
  });
}

export function appNotFound(app: AppKey): OperatingError {
  return new OperatingError('E_APP_NOT_FOUND', `There is no App ${app}.`, {
    hint: '`crossfade get apps --all-namespaces` lists what there is.',
    details: { app },
  });
}

export function hasNoImage(app: AppKey): OperatingError {
  return new OperatingError('E_APP_HAS_NO_IMAGE', `App ${app} runs from source: it has no image to set.`, {
    hint: 'Change the source and `crossfade apply` its file, or use `crossfade set env`.',
    details: { app },
  });
}

export function editConflict(app: AppKey, expected: number, found: number): OperatingError {
  return new OperatingError('E_CONFLICT', `App ${app} was changed by somebody else at the same time.`, {
    hint: 'Read it again and repeat the change.',
    details: { app, expected, found },
  });
}

/** What was looked for went away meanwhile: for a list, no error at all. */
export async function unlessGone<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof OperatingError && error.code.endsWith('_NOT_FOUND')) return undefined;
    throw error;
  }
}

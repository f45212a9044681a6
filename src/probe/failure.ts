import type { FailureKind } from './types.ts';

/** Ends a request that took longer than its limit. */
export class ProbeTimeout extends Error {
  readonly code = 'PROBE_TIMEOUT';
}

const KIND_OF_CODE: Record<string, FailureKind> = {
  PROBE_TIMEOUT: 'timeout',
  ECONNREFUSED: 'refused',
  ETIMEDOUT: 'timeout',
  EPIPE: 'reset',
  ENOTFOUND: 'unreachable',
  EAI_AGAIN: 'unreachable',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  EADDRNOTAVAIL: 'unreachable',
};

/** The kind of a failure that came as an error of the connection, before or after the answer's head. */
export function kindOfError(error: Error, headArrived: boolean): FailureKind {
  const { code, syscall } = error as NodeJS.ErrnoException;
  const known = code === undefined ? undefined : KIND_OF_CODE[code];
  if (known === 'timeout') return known;
  if (headArrived) return 'bad_body';
  if (known !== undefined) return known;
  // Node says ECONNRESET both for a reset and, without a system call, for an orderly close before the answer.
  if (code === 'ECONNRESET') return syscall === undefined ? 'closed' : 'reset';
  if (code?.startsWith('HPE_')) return 'bad_answer';
  if (error instanceof AggregateError && error.errors[0] instanceof Error) {
    return kindOfError(error.errors[0], headArrived);
  }
  return 'closed';
}

/** The kind of a failure that came as a complete answer, or null when the answer is fine. */
export function kindOfStatus(status: number, byRouter: boolean): FailureKind | null {
  if (byRouter) return status === 503 ? 'http_503_router' : 'http_router';
  if (status >= 500) return 'http_5xx';
  return status >= 400 ? 'http_4xx' : null;
}

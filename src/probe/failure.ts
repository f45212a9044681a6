import type { FailureKind } from './types.ts';

/** Ends a request that took longer than its limit. */
export class ProbeTimeout extends Error {
  readonly code = 'PROBE_TIMEOUT';
}

/** 101 to a request that asked for nothing of the kind. */
export class UnaskedUpgrade extends Error {
  readonly code = 'HPE_UNASKED_UPGRADE';

  constructor() {
    super('answered 101 though no upgrade was asked for');
  }
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
  const known = code === undefined ? undefined : (KIND_OF_CODE[code] ?? tlsKind(code));
  if (known === 'timeout') return known;
  if (error instanceof UnaskedUpgrade) return 'bad_answer';
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

/** Of a connection that was made, and on which no trust was. */
function tlsKind(code: string): FailureKind | undefined {
  return /^(ERR_TLS_|ERR_SSL_|EPROTO$|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|INVALID_CA|HOSTNAME_MISMATCH)/.test(
    code,
  )
    ? 'tls'
    : undefined;
}

/** The kind of a failure that came as a complete answer, or null when the answer is fine. */
export function kindOfStatus(status: number, byRouter: boolean): FailureKind | null {
  if (byRouter) return status === 503 ? 'http_503_router' : 'http_router';
  // 101 without an Upgrade: no answer comes after it.
  if (status < 200) return 'bad_answer';
  if (status >= 500) return 'http_5xx';
  return status >= 400 ? 'http_4xx' : null;
}

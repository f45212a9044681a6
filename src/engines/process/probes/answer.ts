/** What a probe heard, in words for people: "GET /healthz answered 500". */
export interface ProbeAnswer {
  ok: boolean;
  detail: string;
}

export function noAnswer(timeoutMs: number): ProbeAnswer {
  return { ok: false, detail: `no answer within ${timeoutMs / 1000} s` };
}

/** A connection that failed. @param address `host:port` */
export function connectionProblem(error: NodeJS.ErrnoException, address: string): ProbeAnswer {
  switch (error.code) {
    case 'ECONNREFUSED':
      return { ok: false, detail: `connection refused on ${address}` };
    case 'ECONNRESET':
    case 'EPIPE':
      return { ok: false, detail: `${address} closed the connection without an answer` };
    default:
      return { ok: false, detail: `${address}: ${error.message}` };
  }
}

/** Answers that the router makes itself, marked so that nobody takes them for the application's. */

const REASON: Record<number, string> = {
  400: 'Bad Request',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  505: 'HTTP Version Not Supported',
};

/** What each code says in the body. The code is in `x-crossfade-error`. */
export const OWN_ANSWERS = {
  E_BAD_REQUEST: { status: 400, text: 'the request is not valid HTTP/1.1' },
  E_METHOD: { status: 405, text: 'CONNECT and TRACE are not served here' },
  E_REQUEST_TIMEOUT: { status: 408, text: 'the request did not arrive in time' },
  E_HEAD_TOO_LARGE: { status: 431, text: 'more than 16 KB or 100 header fields' },
  E_TRANSFER_ENCODING: { status: 501, text: 'no transfer encoding but chunked is understood' },
  E_HTTP_VERSION: { status: 505, text: 'only HTTP/1.1 and HTTP/1.0 are spoken here' },
  E_NO_APP: { status: 404, text: 'no App is reached under this host here' },
  E_NO_PREVIEW: { status: 404, text: 'there is nothing to preview now' },
  E_NOT_ADMITTED: { status: 503, text: 'the App takes no requests at the moment' },
  E_ROUTE_UNVERIFIED: { status: 503, text: 'the machine was started anew and nothing is verified yet' },
  E_NO_ROUTE: { status: 503, text: 'the App has no route' },
  E_NO_REPLICA: { status: 503, text: 'no replica is in the route' },
  E_DRAINED: { status: 503, text: 'the replica was drained before it answered' },
  E_TOO_MANY_CONNECTIONS: { status: 503, text: 'too many connections' },
  E_UPSTREAM_DOWN: { status: 502, text: 'no replica could be reached' },
  E_UPSTREAM_BROKEN: { status: 502, text: 'the replica broke off or its answer was not valid HTTP' },
  E_UPSTREAM_TIMEOUT: { status: 504, text: 'the replica did not answer in time' },
} as const;

export type OwnCode = keyof typeof OWN_ANSWERS;

const RETRY_AFTER_SECONDS = 1;

export function codeForStatus(status: number): OwnCode {
  switch (status) {
    case 405:
      return 'E_METHOD';
    case 408:
      return 'E_REQUEST_TIMEOUT';
    case 431:
      return 'E_HEAD_TOO_LARGE';
    case 501:
      return 'E_TRANSFER_ENCODING';
    case 505:
      return 'E_HTTP_VERSION';
    default:
      return 'E_BAD_REQUEST';
  }
}

/** The whole answer as bytes. `head`: for a HEAD request, which must not be followed by a body. */
export function ownAnswer(code: OwnCode, options: { close: boolean; head: boolean; minor: number }): Buffer {
  const { status, text } = OWN_ANSWERS[code];
  const body = `${status} ${REASON[status]}: ${text}\n`;
  const lines = [
    `HTTP/1.1 ${status} ${REASON[status]}`,
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${body.length}`,
    `x-crossfade-error: ${code}`,
  ];
  if (status === 503) lines.push(`Retry-After: ${RETRY_AFTER_SECONDS}`);
  if (options.close) lines.push('Connection: close');
  else if (options.minor === 0) lines.push('Connection: keep-alive');
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${options.head ? '' : body}`, 'latin1');
}

import { Agent, errors, request } from 'undici';
import { OperatingError } from '../core/errors.ts';
import type { ErrorBody } from './types.ts';

/** Where the API is: the daemon's Unix socket, or a TCP listener with a token. */
export type ClientTarget = { socketPath: string } | { url: string; token: string };

export interface ClientOptions {
  /** Who does this; over the Unix socket it is claimed, over TCP the token decides. */
  actor: string;
}

/** An error that the server answered, with the HTTP status it came with. */
class ApiError extends OperatingError {
  readonly status: number;

  constructor(status: number, body: ErrorBody['error']) {
    super(body.code as `E_${string}`, body.message, {
      ...(body.hint === undefined ? {} : { hint: body.hint }),
      ...(body.details === undefined ? {} : { details: body.details }),
    });
    this.name = 'ApiError';
    this.status = status;
  }
}

export type Method = 'GET' | 'PUT' | 'POST' | 'DELETE';

export interface CallOptions {
  query?: Record<string, string | number | boolean | undefined>;
  body?: unknown;
  reason?: string | undefined;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
  /** No limit on the time between parts of the answer. */
  stream?: boolean;
}

export interface Transport {
  call<T>(method: Method, path: string, options?: CallOptions): Promise<T>;
  /** The answer's body as text chunks, once the head said that all is well. */
  open(path: string, options?: CallOptions): Promise<AsyncIterable<string>>;
  close(): Promise<void>;
}

const NOBODY_LISTENS = new Set([
  'ENOENT',
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);

/** A build inside `apply` may take minutes before the first byte of the answer. */
const HEAD_TIMEOUT_MS = 15 * 60_000;

/** The head of an answer, and its body to be read as a whole or as it comes. */
export interface Answer {
  statusCode: number;
  body: AsyncIterable<Uint8Array> & { text(): Promise<string> };
}

export function createTransport(target: ClientTarget, options: ClientOptions): Transport {
  const agent = new Agent({
    connect: 'socketPath' in target ? { socketPath: target.socketPath, timeout: 5_000 } : { timeout: 10_000 },
  });
  const base = 'socketPath' in target ? 'http://localhost' : target.url.replace(/\/+$/, '');
  const where = 'socketPath' in target ? target.socketPath : base;
  const token = 'token' in target ? { authorization: `Bearer ${target.token}` } : {};
  return transportOver({
    where,
    send: (method, path, call) =>
      request(`${base}${path}`, {
        dispatcher: agent,
        method,
        headers: { ...headersOf(options, call), ...token },
        headersTimeout: HEAD_TIMEOUT_MS,
        bodyTimeout: call.stream ? 0 : HEAD_TIMEOUT_MS,
        ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
        ...(call.signal === undefined ? {} : { signal: call.signal }),
      }),
    close: () => agent.destroy(),
  });
}

export interface Carrier {
  /** What answers, for errors. */
  where: string;
  /** @param path with its query */
  send(method: Method, path: string, call: CallOptions): Promise<Answer>;
  close(): Promise<void>;
}

/** The API's conventions over whatever carries a request to it. */
export function transportOver({ where, send, close }: Carrier): Transport {
  const sent = async (method: Method, path: string, call: CallOptions): Promise<Answer> => {
    try {
      return await send(method, `${path}${queryText(call.query)}`, call);
    } catch (error) {
      throw connectionError(error, where);
    }
  };
  return {
    async call<T>(method: Method, path: string, call: CallOptions = {}): Promise<T> {
      const answer = await sent(method, path, call);
      const text = await readAll(answer, where);
      if (answer.statusCode >= 300) throw answeredError(answer.statusCode, text, path);
      return (text === '' ? undefined : parseJson(text, path)) as T;
    },
    async open(path: string, call: CallOptions = {}): Promise<AsyncIterable<string>> {
      const answer = await sent('GET', path, { ...call, stream: true });
      if (answer.statusCode >= 300) {
        throw answeredError(answer.statusCode, await readAll(answer, where), path);
      }
      return textChunks(answer, where);
    },
    close,
  };
}

export function headersOf({ actor }: ClientOptions, call: CallOptions): Record<string, string> {
  return {
    'x-crossfade-actor': headerText(actor),
    ...(call.reason === undefined ? {} : { 'x-crossfade-reason': headerText(call.reason) }),
    ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
    ...call.headers,
  };
}

/** HTTP header values are Latin-1: anything beyond printable ASCII travels percent-encoded. */
function headerText(value: string): string {
  return /^[\x20-\x7e]*$/.test(value) && !value.includes('%') ? value.trim() : encodeURIComponent(value);
}

function queryText(query: CallOptions['query']): string {
  const given = Object.entries(query ?? {}).filter(([, value]) => value !== undefined);
  if (given.length === 0) return '';
  return `?${new URLSearchParams(given.map(([key, value]) => [key, String(value)]))}`;
}

async function readAll(response: Answer, where: string): Promise<string> {
  try {
    return await response.body.text();
  } catch (error) {
    throw connectionError(error, where);
  }
}

async function* textChunks(response: Answer, where: string): AsyncIterable<string> {
  const decoder = new TextDecoder();
  try {
    for await (const chunk of response.body) yield decoder.decode(chunk, { stream: true });
  } catch (error) {
    throw connectionError(error, where);
  }
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new OperatingError('E_BAD_ANSWER', `the answer to ${path} is not JSON: ${text.slice(0, 80)}`, {
      hint: 'is something else listening on that address?',
      cause,
    });
  }
}

function answeredError(status: number, text: string, path: string): ApiError {
  try {
    const body = JSON.parse(text) as Partial<ErrorBody>;
    if (typeof body.error?.code === 'string') return new ApiError(status, body.error);
  } catch {
    // Not ours: said below.
  }
  const message = `the server answered ${status} to ${path}${text === '' ? '' : `: ${text.slice(0, 200)}`}`;
  return new ApiError(status, { code: 'E_BAD_ANSWER', message });
}

/** Nobody listens, not allowed, and "was there a moment ago" are three different things to a user. */
function connectionError(error: unknown, where: string): unknown {
  if (error instanceof OperatingError || !(error instanceof Error)) return error;
  if (error.name === 'AbortError') return error;
  const code = 'code' in error ? String(error.code) : '';
  if (NOBODY_LISTENS.has(code) || error instanceof errors.ConnectTimeoutError) {
    return new OperatingError('E_DAEMON_UNREACHABLE', `no daemon answers at ${where} (${error.message})`, {
      hint: 'see whether it runs: crossfade daemon status',
      cause: error,
    });
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return new OperatingError('E_DAEMON_FORBIDDEN', `not allowed to open ${where}`, {
      hint: 'it belongs to another user: use your own --state-dir, or --server with a token',
      cause: error,
    });
  }
  return new OperatingError(
    'E_DAEMON_GONE',
    `the daemon went away before it had answered (${error.message})`,
    {
      hint: 'what was asked for may or may not have been recorded: look with `crossfade status`, then repeat it; repeating is harmless',
      cause: error,
    },
  );
}

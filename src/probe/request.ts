import http from 'node:http';
import https from 'node:https';
import { kindOfError, kindOfStatus, ProbeTimeout, UnaskedUpgrade } from './failure.ts';
import { revisionOf } from './revision.ts';
import type { Answer } from './types.ts';

/** Enough of a body for the log and for a version in it. */
const BODY_KEPT_BYTES = 4096;

export interface Target {
  url: URL;
  method: string;
  headers: Record<string, string>;
  timeoutMs: number;
  /** Statuses that are no failure although they are 400 or above. */
  acceptStatus: ReadonlySet<number>;
}

/** Sends one request without a body and reads the whole answer. Never rejects: what went wrong is in the answer. */
export function sendRequest(target: Target, agent: http.Agent): Promise<Answer> {
  return new Promise((resolve) => {
    const { request } = target.url.protocol === 'https:' ? https : http;
    const sent = request(target.url, { agent, method: target.method, headers: target.headers });
    const timer = setTimeout(() => sent.destroy(new ProbeTimeout(limitWords(target))), target.timeoutMs);
    let head: http.IncomingMessage | undefined;
    const finish = (answer: Answer) => {
      clearTimeout(timer);
      resolve(answer);
    };
    const fail = (error: Error) => finish(failed(error, head));
    sent.on('error', fail);
    // An answer that Node takes for no answer (101, unasked) ends without an event of its own; what has been told stays.
    sent.on('close', () => fail(new Error('the connection ended without a complete answer')));
    sent.on('upgrade', (response, socket) => {
      head = response;
      socket.destroy();
      fail(new UnaskedUpgrade());
    });
    sent.on('response', (response) => {
      head = response;
      readBody(response, fail, (body) => finish(answered(target, response, body)));
    });
    sent.end();
  });
}

function readBody(
  response: http.IncomingMessage,
  fail: (error: Error) => void,
  done: (body: string) => void,
): void {
  const kept: Buffer[] = [];
  let keptBytes = 0;
  response.on('data', (chunk: Buffer) => {
    if (keptBytes >= BODY_KEPT_BYTES) return;
    kept.push(chunk);
    keptBytes += chunk.length;
  });
  response.on('error', fail);
  response.on('end', () => done(Buffer.concat(kept).subarray(0, BODY_KEPT_BYTES).toString('utf8')));
}

function answered(target: Target, response: http.IncomingMessage, body: string): Answer {
  const status = response.statusCode ?? 0;
  const routerError = response.headers['x-crossfade-error'];
  const failure = target.acceptStatus.has(status) ? null : kindOfStatus(status, routerError !== undefined);
  return {
    status,
    revision: routerError === undefined ? revisionOf(response.headers, body) : null,
    failure,
    detail: failure === null ? oneLine(body) : oneLine(`${status} ${routerError ?? ''} ${body}`),
  };
}

function failed(error: Error, head: http.IncomingMessage | undefined): Answer {
  return {
    status: head?.statusCode ?? null,
    revision: head === undefined ? null : revisionOf(head.headers, ''),
    failure: kindOfError(error, head !== undefined),
    detail: oneLine(error.message === '' ? String((error as NodeJS.ErrnoException).code) : error.message),
  };
}

const limitWords = (target: Target) => `no complete answer within ${target.timeoutMs} ms`;

// Control characters in a body must not reach a terminal.
const oneLine = (text: string) => text.replace(/[\s\p{Cc}]+/gu, ' ').trim();

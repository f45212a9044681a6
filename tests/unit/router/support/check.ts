import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startPlane } from './plane.ts';
import { startRawBackend } from './raw-backend.ts';
import { tableOf } from './tables.ts';
import { type Talk, talk } from './talk.ts';

export const GET = 'GET / HTTP/1.1\r\nHost: a\r\n';
export const POST = 'POST / HTTP/1.1\r\nHost: a\r\n';

export interface Check {
  name: string;
  send: string | string[];
  /** What must be there before the connection is looked at; absent: it must be closed, or nothing more may come. */
  until?: (text: string) => boolean;
  /** The client closes its side after what it has sent. */
  end?: boolean;
  /** Whose X-Forwarded-* are believed. */
  trustedProxies?: string[];
  expect: (talk: Talk, received: string) => void;
}

export const status = (code: number) => (text: string) => text.startsWith(`HTTP/1.1 ${code}`);

/** Runs each check over both transports, with a router and a replica of its own. */
export function runChecks(what: string, checks: readonly Check[]): void {
  for (const transport of ['onread', 'stream'] as const) {
    describe(`${what} over ${transport}`, { concurrency: 8 }, () => {
      for (const check of checks) it(check.name, () => run(check, transport));
    });
  }
}

async function run(check: Check, transport: 'onread' | 'stream'): Promise<void> {
  const backend = await startRawBackend();
  const plane = await startPlane({ transport });
  try {
    const front = check.trustedProxies && { trustedProxies: check.trustedProxies };
    plane.install(tableOf({ members: { only: [backend.address] }, ...(front && { front }) }));
    const heard = await talk(plane.port, check.send, check.until ?? (() => false), check.end);
    check.expect(heard, backend.received());
    assert.deepEqual(plane.errors, []);
  } finally {
    plane.close();
    backend.close();
  }
}

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Head, INCOMPLETE, MALFORMED, MAX_FIELDS } from '../../../src/routers/embedded/data/head.ts';
import { parseRequest, parseResponse } from '../../../src/routers/embedded/data/message.ts';
import { startPlane } from './support/plane.ts';
import { startRawBackend } from './support/raw-backend.ts';
import { tableOf } from './support/tables.ts';
import { talk } from './support/talk.ts';

const token = fc.stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,11}$/).filter((name) => !isSpecial(name));
const value = fc.stringMatching(/^[!-~]([ -~]{0,20}[!-~])?$/);
const field = fc.tuple(token, value).map(([name, text]) => `${name}: ${text}\r\n`);
const target = fc.stringMatching(/^\/[a-z0-9/?&=.-]{0,30}$/);
const method = fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PURGE');
const goodHead = fc
  .tuple(method, target, fc.array(field, { maxLength: 10 }))
  .map(([m, t, fields]) => `${m} ${t} HTTP/1.1\r\nHost: shop.localhost\r\n${fields.join('')}\r\n`);

/** Names that mean something to the parser, so that random ones do not make a head wrong by accident. */
function isSpecial(name: string): boolean {
  return /^(host|te|connection|upgrade|expect|keep-alive|content-length|transfer-encoding)$/i.test(name);
}

/** A head with a few bytes changed, or anything at all. */
const anyHead = fc.oneof(
  goodHead,
  fc.tuple(goodHead, fc.nat(), fc.integer({ min: 0, max: 255 })).map(([head, at, byte]) => {
    const bytes = Buffer.from(head, 'latin1');
    bytes[at % bytes.length] = byte;
    return bytes.toString('latin1');
  }),
  fc
    .tuple(goodHead, fc.nat())
    .map(([head, at]) => head.slice(0, at % head.length) + head.slice((at % head.length) + 1)),
  fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
);

function parse(text: string): { result: number; head: Head } {
  const bytes = Buffer.from(text, 'latin1');
  const head = new Head();
  return { result: parseRequest(bytes, 0, bytes.length, head), head };
}

describe('parsing a request head', () => {
  it('takes every well-formed head whole, and no part of it', () => {
    fc.assert(
      fc.property(goodHead, fc.nat(), (text, cut) => {
        assert.equal(parse(text).result, text.length);
        assert.equal(parse(text.slice(0, cut % text.length)).result, INCOMPLETE);
      }),
      { numRuns: 500 },
    );
  });

  it('comes to the same end however the bytes arrive: what a prefix is refused for, the whole is refused for', () => {
    fc.assert(
      fc.property(anyHead, (text) => {
        const whole = parse(text);
        for (let end = 0; end < text.length; end++) {
          const part = parse(text.slice(0, end));
          if (part.result === INCOMPLETE) continue;
          assert.equal(part.result, whole.result, JSON.stringify(text.slice(0, end)));
          assert.equal(part.head.error, whole.head.error);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('never throws and never reads past the end', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const result = parseRequest(Buffer.from(bytes), 0, bytes.length, new Head());
        assert.ok(result === INCOMPLETE || result === MALFORMED || result <= bytes.length);
      }),
      { numRuns: 1000 },
    );
  });

  it('strips x-crossfade fields wherever they are and keeps the others in order', () => {
    const text =
      'GET / HTTP/1.1\r\nX-Crossfade-A: 1\r\nHost: a\r\nx-crossfade-probe: secret\r\nX-Cross: 2\r\n\r\n';
    const { head } = parse(text);
    const stripped: string[] = [];
    for (let k = 0; k < head.stripCount; k += 2) stripped.push(text.slice(head.strip[k], head.strip[k + 1]));
    assert.deepEqual(stripped, ['X-Crossfade-A: 1\r\n', 'x-crossfade-probe: secret\r\n']);
    assert.equal(text.slice(head.probeStart, head.probeEnd), 'secret');
  });

  it(`takes ${MAX_FIELDS} fields and not one more`, () => {
    const withFields = (n: number): string => `GET / HTTP/1.1\r\nHost: a\r\n${'X: a\r\n'.repeat(n - 1)}\r\n`;
    assert.ok(parse(withFields(MAX_FIELDS)).result > 0);
    const { result, head } = parse(withFields(MAX_FIELDS + 1));
    assert.equal(result, MALFORMED);
    assert.equal(head.error, 431);
  });

  it('knows which methods may be sent twice', () => {
    const idempotent = (m: string): boolean => parse(`${m} / HTTP/1.1\r\nHost: a\r\n\r\n`).head.idempotent;
    for (const m of ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']) assert.equal(idempotent(m), true, m);
    for (const m of ['POST', 'PATCH', 'PURGE', 'get']) assert.equal(idempotent(m), false, m);
  });
});

describe('parsing an answer’s head', () => {
  const parseAnswer = (text: string): { result: number; head: Head } => {
    const bytes = Buffer.from(text, 'latin1');
    const head = new Head();
    return { result: parseResponse(bytes, 0, bytes.length, head), head };
  };

  it('takes status lines with and without a reason', () => {
    for (const line of ['HTTP/1.1 200 OK', 'HTTP/1.1 200 ', 'HTTP/1.1 200', 'HTTP/1.0 404 Not Found']) {
      const text = `${line}\r\nContent-Length: 2\r\n\r\n`;
      assert.equal(parseAnswer(text).result, text.length, line);
    }
  });

  it('refuses what is not a status line', () => {
    for (const line of [
      'HTTP/1.1 20 OK',
      'HTTP/1.1 2000 OK',
      'HTTP/1.1 099 x',
      'HTTP/1.1 600 x',
      'HTTP/2 200',
      'ICY 200 OK',
    ]) {
      const { result, head } = parseAnswer(`${line}\r\nContent-Length: 2\r\n\r\n`);
      assert.equal(result, MALFORMED, line);
      assert.equal(head.error, 502);
    }
  });

  it('refuses two opinions on the length', () => {
    assert.equal(
      parseAnswer('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n').result,
      MALFORMED,
    );
    assert.equal(
      parseAnswer('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n').result,
      MALFORMED,
    );
  });

  it('reads how long the replica keeps idle connections', () => {
    assert.equal(
      parseAnswer('HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5, max=100\r\n\r\n').head.idleSeconds,
      5,
    );
    assert.equal(parseAnswer('HTTP/1.1 200 OK\r\nKeep-Alive: max=100\r\n\r\n').head.idleSeconds, -1);
  });
});

describe('a request in pieces', () => {
  it('is answered the same wherever it is cut', async () => {
    const backend = await startRawBackend();
    const plane = await startPlane();
    plane.install(tableOf({ members: { only: [backend.address] } }));
    const request =
      'POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\n\r\n';
    const whole = await talk(plane.port, request, (text) => text.includes('R('));
    const cuts = Array.from({ length: request.length - 1 }, (_, i) => i + 1);
    try {
      await Promise.all(
        cuts.map(async (cut) => {
          const parts = [request.slice(0, cut), request.slice(cut)];
          const heard = await talk(plane.port, parts, (text) => text.includes('R('));
          assert.equal(heard.text, whole.text, `cut at ${cut}`);
        }),
      );
      assert.deepEqual(plane.errors, []);
    } finally {
      plane.close();
      backend.close();
    }
  });
});

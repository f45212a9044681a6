import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { BAD_FRAMING, Body, copyUncut } from '../../../src/routers/embedded/data/framing.ts';

const EXTENSIONS = ['', ';a', ';a=b', ' ', ';name="quoted value"'];

/** A chunked body as pieces of content, each with an extension on its size line. */
const chunks = fc.array(
  fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.constantFrom(...EXTENSIONS), fc.boolean()),
  { maxLength: 6 },
);
const trailers = fc.constantFrom('', 'T: 1\r\n', 'T: 1\r\nU: 2\r\n');

type Chunk = [Uint8Array, string, boolean];

function encode(parts: Chunk[], trailer: string, withExtensions: boolean): Buffer {
  const pieces = parts.map(([content, extension, upper]) => {
    const size = content.length.toString(16);
    const line = `${upper ? size.toUpperCase() : size}${withExtensions ? extension : ''}\r\n`;
    return Buffer.concat([Buffer.from(line), content, Buffer.from('\r\n')]);
  });
  return Buffer.concat([...pieces, Buffer.from(`0\r\n${trailer}\r\n`)]);
}

/** Feeds the bytes cut at the given places. Returns what would be passed on, and what was left over. */
function feed(body: Body, bytes: Buffer, cuts: number[]): { passed: Buffer; rest: number } | 'malformed' {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  const passed: Buffer[] = [];
  let from = 0;
  for (const to of [...places, bytes.length]) {
    let at = from;
    while (at < to && !body.done) {
      const taken = body.feed(bytes, at, to);
      if (taken === BAD_FRAMING) return 'malformed';
      const out = Buffer.alloc(taken);
      passed.push(out.subarray(0, copyUncut(bytes, at, at + taken, body.cuts, out, 0)));
      at += taken;
    }
    if (body.done) return { passed: Buffer.concat(passed), rest: bytes.length - at };
    from = to;
  }
  return { passed: Buffer.concat(passed), rest: 0 };
}

describe('a chunked body', () => {
  it('ends at the same byte however it arrives, passes its chunks on and its extensions not', () => {
    fc.assert(
      fc.property(chunks, trailers, fc.array(fc.nat(), { maxLength: 12 }), (parts, trailer, cuts) => {
        const body = new Body();
        body.chunked('all');
        const next = Buffer.from('GET / HTTP/1.1\r\n');
        const result = feed(body, Buffer.concat([encode(parts, trailer, true), next]), cuts);
        assert.ok(result !== 'malformed' && body.done);
        assert.equal(result.rest, next.length);
        assert.deepEqual(result.passed, encode(parts, trailer, false));
      }),
      { numRuns: 500 },
    );
  });

  it('unwrapped is its content, however it arrives', () => {
    fc.assert(
      fc.property(chunks, trailers, fc.array(fc.nat(), { maxLength: 12 }), (parts, trailer, cuts) => {
        const body = new Body();
        body.chunked('content');
        const result = feed(body, encode(parts, trailer, true), cuts);
        assert.ok(result !== 'malformed' && body.done);
        assert.deepEqual(result.passed, Buffer.concat(parts.map(([content]) => content)));
      }),
      { numRuns: 500 },
    );
  });

  it('of a request loses its trailer, however it arrives', () => {
    fc.assert(
      fc.property(chunks, trailers, fc.array(fc.nat(), { maxLength: 12 }), (parts, trailer, cuts) => {
        const body = new Body();
        body.chunked('noTrailer');
        const result = feed(body, encode(parts, trailer, true), cuts);
        assert.ok(result !== 'malformed' && body.done);
        assert.deepEqual(result.passed, encode(parts, '', false));
      }),
      { numRuns: 500 },
    );
  });

  it('is malformed or not however it arrives', () => {
    const broken = fc.tuple(chunks, fc.nat(), fc.integer({ min: 0, max: 255 })).map(([parts, at, byte]) => {
      const bytes = encode(parts, '', true);
      bytes[at % bytes.length] = byte;
      return bytes;
    });
    fc.assert(
      fc.property(broken, fc.array(fc.nat(), { maxLength: 12 }), (bytes, cuts) => {
        const [whole, pieces] = [new Body(), new Body()];
        whole.chunked('all');
        pieces.chunked('all');
        assert.deepEqual(feed(pieces, bytes, cuts), feed(whole, bytes, []));
        assert.equal(pieces.done, whole.done);
      }),
      { numRuns: 500 },
    );
  });

  it('has bounds for sizes, extensions and trailers', () => {
    const feedAll = (text: string): number => {
      const body = new Body();
      body.chunked('all');
      const bytes = Buffer.from(text);
      return body.feed(bytes, 0, bytes.length);
    };
    assert.equal(feedAll('1234567890123\r\n'), BAD_FRAMING);
    assert.equal(feedAll(`1;${'x'.repeat(2000)}\r\n`), BAD_FRAMING);
    assert.equal(feedAll(`0\r\n${'T: 1\r\n'.repeat(6000)}`), BAD_FRAMING);
    assert.equal(feedAll('0\r\nno colon\r\n\r\n'), BAD_FRAMING);
    assert.equal(feedAll('0\r\n folded: 1\r\n\r\n'), BAD_FRAMING);
  });
});

describe('a body of known length', () => {
  it('takes exactly that many bytes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 100 }), fc.array(fc.nat(), { maxLength: 6 }), (length, cuts) => {
        const body = new Body();
        body.length(length);
        const bytes = Buffer.alloc(120, 1);
        const result = feed(body, bytes, cuts);
        assert.ok(result !== 'malformed' && body.done);
        assert.equal(result.rest, 120 - length);
      }),
    );
  });
});

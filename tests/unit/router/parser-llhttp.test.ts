import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Body, copyUncut } from '../../../src/routers/embedded/data/framing.ts';
import { Head } from '../../../src/routers/embedded/data/head.ts';
import { parseRequest, parseResponse } from '../../../src/routers/embedded/data/message.ts';

/** What Node's own parser, the one most replicas read with, makes of a request. */
interface Reading {
  url: string;
  fields: number;
  minor: number;
  body: string;
  complete: boolean;
}

interface NodeParser {
  initialize(type: number, resource: object, maxHeadBytes: number, lenient: number): void;
  execute(bytes: Buffer): number | Error;
  close(): void;
  [event: number]: (...args: never[]) => unknown;
}
type NodeParserClass = (new () => NodeParser) & Record<string, number>;

// Not documented, and Node's only door to llhttp; without it these properties have nothing to compare with.
const { HTTPParser } = createRequire(import.meta.url)('node:_http_common') as { HTTPParser: NodeParserClass };

function readByNode(bytes: Buffer): Reading | undefined {
  const parser = new HTTPParser();
  parser.initialize(HTTPParser.REQUEST ?? 1, {}, 32_768, 0);
  let reading: Reading | undefined;
  const headersComplete = (
    _major: number,
    minor: number,
    fields: string[],
    _method: number,
    url: string,
  ): number => {
    reading = { url, fields: fields.length / 2, minor, body: '', complete: false };
    return 0;
  };
  const on = (event: string, listener: (...args: never[]) => unknown): void => {
    parser[HTTPParser[event] ?? -1] = listener;
  };
  on('kOnHeaders', () => {});
  on('kOnHeadersComplete', headersComplete as (...args: never[]) => unknown);
  on('kOnBody', (piece: Buffer) => {
    if (reading) reading.body += piece.toString('latin1');
  });
  on('kOnMessageComplete', () => {
    if (reading) reading.complete = true;
  });
  const result = parser.execute(bytes);
  parser.close();
  return result instanceof Error && reading === undefined ? undefined : reading;
}

const PIECES = [
  'Host: a\r\n',
  'Content-Length: 3\r\n',
  'Content-Length: 03\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding: CHUNKED\r\n',
  'Transfer-Encoding: chunked\t\r\n',
  'Transfer-Encoding:\tchunked \r\n',
  'Content-Length: 3\t\r\n',
  'Content-Length:\t3 \r\n',
  'Connection: close\r\n',
  'Connection: keep-alive, x-a\r\n',
  'X-A: 1\r\n',
  'X-B:\r\n',
  'X-C:  spaced \t\r\n',
  'X-Tab:\tv\r\n',
  'Cookie: a=b; c="d"\r\n',
  'X-High: \xe9\xff\r\n',
];
const ODD = [
  '\r',
  '\n',
  '\0',
  ' ',
  '\t',
  ':',
  '\x0b',
  '\x7f',
  '\x80',
  ',',
  '"',
  '\r\n ',
  '\r\n\r\n',
  ';',
  '\x1f',
];

const head = fc
  .tuple(
    fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'OPTIONS'),
    fc.constantFrom('/', '/a/b?c=d&e', '/%20', '*', '/~x', '/#f', '/a"b<c>'),
    fc.constantFrom('HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0'),
    fc.array(fc.constantFrom(...PIECES), { maxLength: 5 }),
  )
  .map(
    ([method, target, version, fields]) =>
      `${method} ${target} ${version}\r\nHost: a\r\n${fields.join('')}\r\n`,
  );

/** Something odd put in, put over, or taken away, after the method: which methods there are is not the question here. */
const broken = fc
  .tuple(head, fc.nat(), fc.constantFrom(...ODD), fc.constantFrom(0, 1, 2))
  .map(([text, at, odd, cut]) => {
    const start = text.indexOf(' ');
    const place = start + (at % (text.length - start));
    return `${text.slice(0, place)}${odd}${text.slice(place + cut)}`;
  });

describe('what this parser takes, llhttp takes too', () => {
  it('and reads the same target, version and number of fields', () => {
    let taken = 0;
    fc.assert(
      fc.property(fc.oneof({ arbitrary: broken, weight: 4 }, head), (text) => {
        const bytes = Buffer.from(text, 'latin1');
        const parsed = new Head();
        const end = parseRequest(bytes, 0, bytes.length, parsed);
        if (end < 0) return;
        taken++;
        const reading = readByNode(bytes.subarray(0, end));
        assert.ok(reading, `llhttp refuses ${JSON.stringify(text)}`);
        const own = text.slice(0, end);
        assert.equal(own.split(' ')[1], reading.url);
        assert.equal(parsed.minor, reading.minor);
        assert.equal(own.split('\r\n').length - 3, reading.fields, JSON.stringify(text));
      }),
      { numRuns: 5_000 },
    );
    assert.ok(taken > 500, `only ${taken} heads were taken`);
  });
});

const POST = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';
const chunk = fc
  .tuple(
    fc.stringMatching(/^[a-z]{1,20}$/),
    fc.constantFrom('', ';x', ';x=y', ' ', ';q="a;b"'),
    fc.constantFrom('', '0', '000'),
  )
  .map(
    ([content, extension, zeros]) => `${zeros}${content.length.toString(16)}${extension}\r\n${content}\r\n`,
  );
const chunkedBody = fc
  .tuple(
    fc.array(chunk, { maxLength: 4 }),
    fc.constantFrom('', 'T: 1\r\n', 'Content-Length: 3\r\nHost: b\r\n'),
  )
  .map(([chunks, trailer]) => `${chunks.join('')}0\r\n${trailer}\r\n`);
const brokenBody = fc
  .tuple(chunkedBody, fc.nat(), fc.constantFrom(...ODD, '0', 'f', 'g', '-', '+'), fc.constantFrom(0, 1, 2))
  .map(
    ([text, at, odd, cut]) =>
      `${text.slice(0, at % text.length)}${odd}${text.slice((at % text.length) + cut)}`,
  );

/** What this framing passes on of the text, when it takes it whole. */
function passedOn(text: string, what: 'noTrailer' | 'content'): string | undefined {
  const bytes = Buffer.from(text, 'latin1');
  const body = new Body();
  body.chunked(what);
  const taken = body.feed(bytes, 0, bytes.length);
  if (!body.done) return undefined;
  const out = Buffer.alloc(taken);
  return out.toString('latin1', 0, copyUncut(bytes, 0, taken, body.cuts, out, 0));
}

describe('what this framing passes on of a chunked request', () => {
  it('is to llhttp a whole request with the same content', () => {
    let taken = 0;
    fc.assert(
      fc.property(fc.oneof({ arbitrary: brokenBody, weight: 4 }, chunkedBody), (text) => {
        const passed = passedOn(text, 'noTrailer');
        if (passed === undefined) return;
        taken++;
        const reading = readByNode(Buffer.from(POST + passed, 'latin1'));
        assert.ok(reading?.complete, `llhttp does not take ${JSON.stringify(passed)}`);
        assert.equal(reading.body, passedOn(text, 'content'));
      }),
      { numRuns: 5_000 },
    );
    assert.ok(taken > 500, `only ${taken} bodies were taken`);
  });
});

interface AnswerReading {
  status: number;
  fields: number;
  minor: number;
  body: string;
  complete: boolean;
  failed: boolean;
}

function readAnswerByNode(bytes: Buffer): AnswerReading {
  const parser = new HTTPParser();
  parser.initialize(HTTPParser.RESPONSE ?? 2, {}, 32_768, 0);
  const reading: AnswerReading = {
    status: 0,
    fields: 0,
    minor: -1,
    body: '',
    complete: false,
    failed: false,
  };
  const on = (event: string, listener: (...args: never[]) => unknown): void => {
    parser[HTTPParser[event] ?? -1] = listener;
  };
  on('kOnHeaders', () => {});
  on('kOnHeadersComplete', ((
    _major: number,
    minor: number,
    fields: string[],
    _method: unknown,
    _url: unknown,
    status: number,
  ): number => {
    Object.assign(reading, { status, minor, fields: fields.length / 2 });
    return 0;
  }) as (...args: never[]) => unknown);
  on('kOnBody', (piece: Buffer) => {
    reading.body += piece.toString('latin1');
  });
  on('kOnMessageComplete', () => {
    reading.complete = true;
  });
  reading.failed = parser.execute(bytes) instanceof Error;
  parser.close();
  return reading;
}

const answerHead = fc
  .tuple(
    fc.constantFrom('200 OK', '404 Not Found', '204 ', '304 Not Modified', '500', '201 \xe9t\xe9'),
    fc.constantFrom('HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0'),
    fc.array(fc.constantFrom(...PIECES.filter((piece) => !piece.startsWith('Host'))), { maxLength: 5 }),
  )
  .map(([status, version, fields]) => `${version} ${status}\r\n${fields.join('')}\r\n`);
const brokenAnswer = fc
  .tuple(answerHead, fc.nat(), fc.constantFrom(...ODD), fc.constantFrom(0, 1, 2))
  .map(([text, at, odd, cut]) => {
    const place = at % text.length;
    return `${text.slice(0, place)}${odd}${text.slice(place + cut)}`;
  });

describe('what this parser takes of an answer, llhttp takes too', () => {
  it('and reads the same status, version, number of fields and length', () => {
    let taken = 0;
    fc.assert(
      fc.property(fc.oneof({ arbitrary: brokenAnswer, weight: 4 }, answerHead), (text) => {
        const bytes = Buffer.from(text, 'latin1');
        const parsed = new Head();
        const end = parseResponse(bytes, 0, bytes.length, parsed);
        if (end < 0) return;
        taken++;
        const own = text.slice(0, end);
        const body = parsed.chunked ? '3\r\nabc\r\n0\r\n\r\n' : 'abcdefgh';
        const reading = readAnswerByNode(Buffer.from(own + body, 'latin1'));
        assert.equal(reading.status, parsed.status, `llhttp refuses ${JSON.stringify(text)}`);
        assert.equal(reading.minor, parsed.minor);
        assert.equal(own.split('\r\n').length - 3, reading.fields, JSON.stringify(text));
        // These end with their head; otherwise both must see the same end of the body.
        if (parsed.status === 204 || parsed.status === 304) return;
        if (parsed.chunked) assert.equal(reading.body, 'abc', JSON.stringify(text));
        else if (parsed.contentLength >= 0)
          assert.equal(reading.body, body.slice(0, parsed.contentLength), JSON.stringify(text));
        else assert.equal(reading.body, body, JSON.stringify(text));
      }),
      { numRuns: 5_000 },
    );
    assert.ok(taken > 500, `only ${taken} heads were taken`);
  });
});

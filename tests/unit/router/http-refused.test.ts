import assert from 'node:assert/strict';
import { type Check, GET, POST, runChecks, status } from './support/check.ts';

/** Answered with one of the codes and closed; the replica has seen nothing of it. */
function refused(name: string, send: string, ...codes: number[]): Check {
  return {
    name,
    send,
    expect: ({ text, closed }, received) => {
      assert.ok(
        codes.some((code) => text.startsWith(`HTTP/1.1 ${code}`)),
        text,
      );
      assert.match(text, /x-crossfade-error: E_/);
      assert.equal(received, '');
      assert.ok(closed, 'the connection is closed');
    },
  };
}

const LENGTH = 'Content-Length: 3\r\n';
const CHUNKED = 'Transfer-Encoding: chunked\r\n';

/** Each between Host and the end of the head of a POST. */
const BAD_FIELDS: Record<string, string> = {
  'Content-Length with Transfer-Encoding': LENGTH + CHUNKED,
  'Transfer-Encoding with Content-Length': CHUNKED + LENGTH,
  'two lengths': `${LENGTH}Content-Length: 4\r\n`,
  'the same length twice': LENGTH + LENGTH,
  'a list of lengths': 'Content-Length: 3, 3\r\n',
  'a signed length': 'Content-Length: +3\r\n',
  'a hexadecimal length': 'Content-Length: 0x3\r\n',
  'an empty length': 'Content-Length: \r\n',
  'a length beyond all numbers': 'Content-Length: 99999999999999999999\r\n',
  'a folded line': 'X: a\r\n b\r\n',
  'a space before the colon': 'Content-Length : 3\r\n',
  'a bare LF': 'X: a\nY: b\r\n',
  'a bare CR': 'X: a\rY: b\r\n',
  'a NUL': 'X: a\0b\r\n',
  'two hosts': 'Host: b\r\n',
  'two transfer encodings': CHUNKED + CHUNKED,
  'an empty name': ': x\r\n',
  'a control byte in a name': 'X\x01: y\r\n',
};

const REFUSED: Check[] = [
  ...Object.entries(BAD_FIELDS).map(([what, fields]) =>
    refused(`refuses ${what}`, `${POST}${fields}\r\nabc`, 400),
  ),
  ...['xchunked', 'chunked, identity', 'gzip, chunked', 'identity', 'chunked\x0b', ' "chunked"'].map(
    (coding) =>
      refused(
        `refuses transfer encoding ${JSON.stringify(coding)}`,
        `${POST}Transfer-Encoding: ${coding}\r\n\r\n0\r\n\r\n`,
        400,
        501,
      ),
  ),
  refused(
    'refuses Transfer-Encoding in HTTP/1.0',
    `POST / HTTP/1.0\r\nHost: a\r\n${CHUNKED}\r\n0\r\n\r\n`,
    400,
  ),
  refused('refuses a missing Host', 'GET / HTTP/1.1\r\n\r\n', 400),
  refused('refuses a Host that is not one', 'GET / HTTP/1.1\r\nHost: a, b\r\n\r\n', 400),
  refused('refuses an absolute target', 'GET http://x/ HTTP/1.1\r\nHost: a\r\n\r\n', 400),
  refused('refuses CONNECT', 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n', 400, 405),
  refused('refuses TRACE', 'TRACE / HTTP/1.1\r\nHost: a\r\n\r\n', 405),
  refused('refuses HTTP/1.2', 'GET / HTTP/1.2\r\nHost: a\r\n\r\n', 400),
  refused('refuses HTTP/2.0', 'GET / HTTP/2.0\r\nHost: a\r\n\r\n', 505),
  refused('refuses a space in the target', 'GET /a b HTTP/1.1\r\nHost: a\r\n\r\n', 400, 505),
  refused('refuses a tab after the method', 'GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n', 400),
  refused('refuses a head beyond 16 KB', `${GET}X: ${'a'.repeat(17_000)}\r\n\r\n`, 431),
  refused('refuses more than 100 fields', `${GET}${'X: a\r\n'.repeat(120)}\r\n`, 431),
];

/** After the head of a chunked POST. Some of it may have reached the replica already, but never as a whole request. */
const BAD_CHUNKS: Check[] = [
  'g\r\n',
  '\r\n',
  '-1\r\n',
  '0x5\r\n',
  '5\n',
  'ffffffffffffffffff\r\n',
  '5;a\nb\r\n',
  '5\r\nhelloX',
].map((chunk) => ({
  name: `refuses chunk ${JSON.stringify(chunk)}`,
  send: `${POST}${CHUNKED}\r\n${chunk}hello\r\n0\r\n\r\n`,
  expect: ({ text, closed }) => {
    assert.ok(status(400)(text), text);
    assert.ok(closed);
  },
}));

runChecks('malformed requests', [...REFUSED, ...BAD_CHUNKS]);

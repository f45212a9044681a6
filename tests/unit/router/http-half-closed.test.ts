import assert from 'node:assert/strict';
import { type Check, GET, runChecks, status } from './support/check.ts';
import { BIG_BYTES } from './support/raw-backend.ts';
import { answers } from './support/talk.ts';

const HALF_CLOSED: Check[] = [
  {
    name: 'gets its answer, which says that it is the last',
    send: `${GET}\r\n`,
    end: true,
    expect: ({ text, closed }) => {
      assert.ok(status(200)(text) && closed);
      assert.match(text, /R\(0\)\/\|/);
    },
  },
  {
    name: 'gets the answer to a request with a body',
    send: ['POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhel', 'loworld'],
    end: true,
    expect: ({ text, closed }) => assert.ok(/R\(10\)\/p/.test(text) && closed),
  },
  {
    name: 'gets all answers to pipelined requests, in order',
    send: ['/1', '/2', '/3'].map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''),
    end: true,
    expect: ({ text, closed }) => {
      assert.match(text, /R\(0\)\/1.*R\(0\)\/2.*R\(0\)\/3/s);
      assert.ok(closed);
    },
  },
  {
    name: 'gets a large answer whole',
    send: 'GET /big HTTP/1.1\r\nHost: a\r\n\r\n',
    end: true,
    expect: ({ text }) => assert.ok(text.endsWith('a'.repeat(BIG_BYTES))),
  },
  {
    name: 'gets its answer in HTTP/1.0',
    send: 'GET / HTTP/1.0\r\n\r\n',
    end: true,
    expect: ({ text, closed }) => assert.ok(status(200)(text) && closed),
  },
  {
    name: 'gets its answer in pieces',
    send: 'GET /chunk HTTP/1.1\r\nHost: a\r\n\r\n',
    end: true,
    expect: ({ text }) => assert.match(text, /0123456789abcdef\r\n0\r\nTr: 1\r\n\r\n$/),
  },
  {
    name: 'is closed when there is nothing to answer',
    send: [],
    end: true,
    expect: ({ text, closed }, received) => assert.ok(text === '' && closed && received === ''),
  },
  {
    name: 'in the middle of a head is closed, and the replica sees nothing of it',
    send: 'GET / HTTP/1.1\r\nHost: a\r\nX',
    end: true,
    expect: ({ closed }, received) => assert.ok(closed && received === ''),
  },
  {
    name: 'in the middle of a body is closed, and never answered as if it were whole',
    send: 'POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello',
    end: true,
    expect: ({ text, closed }) => assert.ok(answers(text) === 0 && closed),
  },
];

runChecks('a client that has closed its side', HALF_CLOSED);

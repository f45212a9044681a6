import assert from 'node:assert/strict';
import { it } from 'node:test';
import { tail } from '../../../src/core/decide/health.ts';
import type { Replica } from '../../../src/core/model.ts';

function replica(logTail: string[]): Replica {
  return {
    id: '1-1-0',
    pool: '1-1',
    phase: 'backoff',
    ready: false,
    wasReady: false,
    startedAt: 0,
    restarts: 3,
    logTail,
  };
}

it('a reason quotes what the program said about its end, not the stack below it or our own remarks', () => {
  const lines = [
    'crossfade: started node server.mjs as process 7 on 127.0.0.1:20001',
    'file:///srv/server.mjs:4',
    "if (!GREETING) throw new Error('GREETING is not set');",
    '                     ^',
    '',
    'Error: GREETING is not set',
    '    at file:///srv/server.mjs:4:22',
    '    at ModuleJob.run (node:internal/modules/esm/module_job:343:25)',
    '',
    'Node.js v26.0.0',
    'crossfade: exited with code 1; started again in 0.4 s',
  ];
  const said = [lines[2], 'Error: GREETING is not set', 'Node.js v26.0.0'];
  assert.equal(
    tail(replica(lines)),
    `; its last lines: ${said.map((line) => JSON.stringify(line)).join(' ')}`,
  );
});

it('of all that a program said the last three lines are quoted', () => {
  assert.equal(tail(replica(['one', 'two', 'three', 'four'])), '; its last lines: "two" "three" "four"');
});

it('lines of marks are left out, single words are not', () => {
  const lines = ['crossfade: started', 'failed', '  ^^^ ~~', 'at last', 'what is wrong'];
  assert.equal(tail(replica(lines)), '; its last lines: "failed" "at last" "what is wrong"');
});

it('a line that only mentions what is left out is quoted', () => {
  const lines = ['not crossfade: at', 'meet  at noon', '~ approx'];
  assert.equal(
    tail(replica(lines)),
    `; its last lines: ${lines.map((line) => JSON.stringify(line)).join(' ')}`,
  );
});

it('a program that said nothing is quoted with what was said about it', () => {
  const remark = 'crossfade: exited with code 1; started again in 0.4 s';
  assert.equal(tail(replica([remark])), `; its last lines: ${JSON.stringify(remark)}`);
  assert.equal(tail(replica([])), '');
});

it('what every attempt said is quoted once', () => {
  const attempt = ['crossfade: started', 'PAYMENT_URL is not set', 'crossfade: exited with code 1'];
  const lines = [...attempt, ...attempt, ...attempt];
  assert.equal(tail(replica(lines)), '; its last lines: "PAYMENT_URL is not set"');
  const cut = ['ends', 'crossfade: exited', 'begins', 'fails', 'ends', 'begins', 'fails', 'ends'];
  assert.equal(tail(replica(cut)), '; its last lines: "begins" "fails" "ends"');
});

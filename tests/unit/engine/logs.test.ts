import assert from 'node:assert/strict';
import { appendFileSync, existsSync, readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { it, type TestContext } from 'node:test';
import { readLines, tailStart } from '../../../src/engines/process/logs/lines.ts';
import { type LogFolder, readReplica } from '../../../src/engines/process/logs/read.ts';
import { redactor } from '../../../src/engines/process/logs/redact.ts';
import { readStamps, StampedFile, timeOf } from '../../../src/engines/process/logs/stamped-file.ts';
import { createSecretFiles } from '../../../src/engines/process/secret-files.ts';
import {
  APP,
  allReady,
  appSpec,
  deploy,
  lab,
  logText,
  removeFolder,
  temporaryFolder,
  until,
  untilReplicas,
} from './support.ts';

function folderFor(t: TestContext): string {
  const folder = temporaryFolder();
  t.after(() => removeFolder(folder));
  return folder;
}

function source(folder: string): LogFolder {
  return { replica: '1-1-0', pool: '1-1', folder, redact: (text) => text };
}

it('a line has the time at which it was first seen in the file', async (t) => {
  const folder = folderFor(t);
  const file = path.join(folder, 'stdout.log');
  const stamped = new StampedFile(file, { logBytes: 1e6, logFiles: 2 });
  stamped.stamp(50);
  appendFileSync(file, 'one\ntwo\n');
  stamped.stamp(100);
  stamped.stamp(150);
  appendFileSync(file, 'thr');
  stamped.stamp(200);
  appendFileSync(file, 'ee\nfour\n');
  const lines = await Array.fromAsync(readReplica(source(folder), { logFiles: 2, now: 999 }));
  assert.deepEqual(
    lines.map(({ text, at }) => [text, at]),
    [
      ['one', 100],
      ['two', 100],
      ['three', 200],
      ['four', 999],
    ],
  );
  assert.deepEqual(
    readStamps(file).map(({ at }) => at),
    [100, 200],
  );
  assert.equal(timeOf([], 0, 7), 7);
});

it('stamps go on where an earlier daemon ended', (t) => {
  const file = path.join(folderFor(t), 'stdout.log');
  writeFileSync(file, 'one\n');
  new StampedFile(file, { logBytes: 1e6, logFiles: 2 }).stamp(1);
  const next = new StampedFile(file, { logBytes: 1e6, logFiles: 2 });
  next.stamp(2);
  appendFileSync(file, 'two\n');
  next.stamp(3);
  assert.deepEqual(readStamps(file), [
    { offset: 4, at: 1 },
    { offset: 8, at: 3 },
  ]);
});

it('a file that grows beyond its limit is copied and emptied, and so many copies are kept', async (t) => {
  const folder = folderFor(t);
  const file = path.join(folder, 'stdout.log');
  const stamped = new StampedFile(file, { logBytes: 100, logFiles: 2 });
  for (let n = 0; n < 40; n++) {
    appendFileSync(file, `line ${n}\n`);
    stamped.stamp(n);
  }
  assert.deepEqual(
    readdirSync(folder)
      .filter((name) => !name.endsWith('.at'))
      .sort(),
    ['stdout.log', 'stdout.log.1', 'stdout.log.2'],
  );
  assert.ok(statSync(file).size <= 100);
  const lines = await Array.fromAsync(readReplica(source(folder), { logFiles: 2, now: 999 }));
  const numbers = lines.map(({ text }) => Number(text.slice(5)));
  const first = numbers[0] ?? assert.fail();
  assert.ok(numbers.length > 20);
  assert.deepEqual(
    numbers,
    Array.from({ length: 40 - first }, (_, index) => first + index),
  );
  assert.deepEqual(
    lines.map(({ at }) => at),
    numbers,
  );
  const tail = await Array.fromAsync(readReplica(source(folder), { logFiles: 2, now: 999, tail: 17 }));
  assert.deepEqual(tail, lines.slice(-17));
});

it('a log that someone else emptied begins again', async (t) => {
  const folder = folderFor(t);
  const file = path.join(folder, 'stdout.log');
  const stamped = new StampedFile(file, { logBytes: 1e6, logFiles: 2 });
  appendFileSync(file, 'a long line from before\n');
  stamped.stamp(1);
  truncateSync(file, 0);
  appendFileSync(file, 'new\n');
  stamped.stamp(2);
  const lines = await Array.fromAsync(readReplica(source(folder), { logFiles: 2, now: 999 }));
  assert.deepEqual(
    lines.map(({ text, at }) => [text, at]),
    [['new', 2]],
  );
});

it('the last lines are found without reading from the beginning, wherever chunks end', async (t) => {
  const file = path.join(folderFor(t), 'x');
  const all = Array.from({ length: 500 }, (_, n) => `${n} ${'x'.repeat((n * 37) % 800)}`);
  writeFileSync(file, `${all.join('\n')}\n`);
  for (const wanted of [1, 2, 77, 499, 500, 900]) {
    const { offset, lines } = await tailStart(file, wanted);
    const texts = (await Array.fromAsync(readLines(file, offset, statSync(file).size, true))).map(
      ({ text }) => text,
    );
    assert.deepEqual(texts, all.slice(-wanted));
    assert.equal(lines, Math.min(wanted, 500));
  }
  assert.equal((await tailStart(file, 0)).offset, statSync(file).size);
  assert.deepEqual(await tailStart('/no/such/file', 3), { offset: 0, lines: 0 });
});

it('lines keep what is in them: empty ones, carriage returns, no newline at the end, characters across chunks', async (t) => {
  const file = path.join(folderFor(t), 'x');
  const wide = 'ä€😀'.repeat(20_000);
  writeFileSync(file, `one\r\n\n${wide}\nlast`);
  const size = statSync(file).size;
  const texts = (await Array.fromAsync(readLines(file, 0, size, true))).map(({ text }) => text);
  assert.deepEqual(texts, ['one', '', wide, 'last']);
  assert.equal((await Array.fromAsync(readLines(file, 0, size, false))).length, 3);
});

it('secret values are hidden as they are and as JSON, URLs and base64 write them', () => {
  const redact = redactor(['p@ss "word"', 'line one\nline two', 'abc', 'p@ss']);
  const base64 = Buffer.from('p@ss "word"').toString('base64');
  assert.equal(
    redact(`a p@ss "word" b {"x":"p@ss \\"word\\""} ?p=p%40ss%20%22word%22 ${base64}`),
    'a [redacted] b {"x":"[redacted]"} ?p=[redacted] [redacted]',
  );
  assert.equal(redact('see line two of it, abc'), 'see [redacted] of it, abc');
  assert.equal(redactor([])('nothing to hide'), 'nothing to hide');
});

it('a replica that prints its secret is not repeated, neither in logs nor in messages', async (t) => {
  const made = await lab(t);
  await createSecretFiles(made.stateDir).set('default', 'token', 'hunter2-value');
  const command = ['sh', '-c', 'echo "token is $TOKEN"; exit 1'];
  await deploy(made.engine, appSpec({ run: { command, env: { TOKEN: { secret: 'token' } } } }));
  const [replica] = await untilReplicas(
    made.engine,
    'it ended',
    ([one]) => one?.logTail?.some((line) => line.includes('token is')) === true,
  );
  assert.ok(replica?.logTail?.includes('token is [redacted]'), JSON.stringify(replica));
  const lines = await logText(made.engine);
  assert.ok(lines.includes('token is [redacted]') && !lines.join().includes('hunter2'));
  await made.engine.stop({ app: APP, stateVersion: 1 }, '1-1-0', 0);
  await untilReplicas(made.engine, 'it is gone', (all) => all.length === 0);
  assert.ok(!(await logText(made.engine)).join().includes('hunter2'));
});

it('a log that is followed loses no line and repeats none while its file is rotated under load', async (t) => {
  const made = await lab(t, { limits: { logBytes: 2000, logFiles: 3 } });
  const script =
    'n=0; until test -e "$CROSSFADE_DATA/stop"; do n=$((n+1)); echo "n $n -------------------------------------------------"; sleep 0.002; done; echo "end $n"; exec sleep 1000';
  const ending = new AbortController();
  const seen: number[] = [];
  const following = (async () => {
    for await (const { text } of made.engine.logs({ app: APP, follow: true, signal: ending.signal })) {
      if (text.startsWith('n ')) seen.push(Number(text.split(' ')[1]));
      if (text.startsWith('end ')) ending.abort();
    }
  })();
  await deploy(made.engine, appSpec({ run: { command: ['sh', '-c', script] } }));
  const run = path.join(made.stateDir, 'run/default/shop/1-1-0');
  await untilReplicas(made.engine, 'it runs', allReady(1));
  await until('it was rotated often', () => existsSync(path.join(run, 'stdout.log.3')));
  writeFileSync(path.join(made.stateDir, 'data/default/shop/stop'), '');
  await following;
  assert.deepEqual(
    seen,
    seen.toSorted((a, b) => a - b),
  );
  assert.equal(new Set(seen).size, seen.length);
  // Rotating itself may lose what is written in its last microseconds, which is documented; following loses nothing.
  const kept = (await logText(made.engine)).flatMap((text) => text.match(/(?<=^n )\d+/)?.map(Number) ?? []);
  assert.ok(kept.length > 50, `${kept.length} kept of ${seen.length}`);
  assert.deepEqual(seen.slice(-kept.length), kept);
});

it('with tail, following begins with the last lines and goes on with new ones', async (t) => {
  const made = await lab(t);
  const script =
    'for n in 1 2 3 4 5; do echo "n $n"; done; until test -e "$CROSSFADE_DATA/go"; do sleep 0.02; done; echo "n 6"; exec sleep 1000';
  await deploy(made.engine, appSpec({ run: { command: ['sh', '-c', script] } }));
  await until('all lines are there', async () => (await logText(made.engine)).includes('n 5'));
  const ending = new AbortController();
  const seen: string[] = [];
  for await (const { text } of made.engine.logs({ app: APP, follow: true, tail: 2, signal: ending.signal })) {
    if (seen.length === 0) writeFileSync(path.join(made.stateDir, 'data/default/shop/go'), '');
    seen.push(text);
    if (text === 'n 6') ending.abort();
  }
  assert.deepEqual(seen, ['n 4', 'n 5', 'n 6']);
});

import assert from 'node:assert/strict';
import { chmodSync, mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import {
  clockCheck,
  judgeClock,
  judgeLimits,
  judgePorts,
  nodeCheck,
} from '../../../src/cli/doctor/machine.ts';
import { stateDirChecks } from '../../../src/cli/doctor/state-dir.ts';
import { answer, apiServer, temporaryFolder } from './api-server.ts';
import { run } from './fake-context.ts';
import { app, settled } from './views.ts';

test('an old Node.js fails, the wanted one and later ones do not', () => {
  assert.equal(nodeCheck('20.11.0').status, 'failed');
  assert.match(nodeCheck('20.11.0').todo ?? '', /install Node\.js 26/);
  assert.equal(nodeCheck('26.0.0').status, 'ok');
  assert.equal(nodeCheck('28.1.0').status, 'ok');
});

test('a clock before its own past, or behind what was already written, is told', () => {
  const nowMs = Date.parse('2026-03-01T12:00:00Z');
  assert.equal(judgeClock(Date.parse('1970-01-01T00:00:00Z'), 0).status, 'failed');
  assert.equal(judgeClock(nowMs, nowMs + 60_000).status, 'warning');
  assert.equal(judgeClock(nowMs, nowMs - 1).status, 'ok');
});

test('the clock is held against the state dir itself', (t) => {
  const folder = temporaryFolder(t);
  assert.equal(clockCheck(folder, Date.now()).status, 'ok');
  assert.equal(clockCheck(folder, Date.now() - 3_600_000).status, 'warning');
});

test('an ephemeral range that leaves no room is told, a usual one is not', () => {
  assert.equal(judgePorts('32768\t60999\n').status, 'ok');
  assert.equal(judgePorts('1024\t65535\n').status, 'warning');
  assert.equal(judgePorts(undefined).status, 'ok');
  assert.equal(judgePorts('nonsense').status, 'warning');
});

test('a low limit of open files is told', () => {
  const limits = (files: string): string =>
    `Limit                     Soft Limit           Hard Limit           Units\nMax processes             96350                96350                processes\nMax open files            ${files}                 4096                 files\n`;
  assert.equal(judgeLimits(limits('1024')).status, 'warning');
  assert.match(judgeLimits(limits('1024')).found, /1024 open files, 96350 processes/);
  assert.equal(judgeLimits(limits('unlimited')).status, 'ok');
  assert.equal(judgeLimits(undefined).status, 'ok');
});

test('a state dir that is not there yet is judged by where it would be made, and is not made', (t) => {
  const folder = path.join(temporaryFolder(t), 'a', 'b');
  const [place] = stateDirChecks(folder);
  assert.deepEqual([place?.status, place?.found], ['ok', `${folder} (not made yet)`]);
  const again = stateDirChecks(folder)[0];
  assert.equal(again?.found, `${folder} (not made yet)`);
});

test('a state dir that others can read is told, with the command that closes it', (t) => {
  const folder = path.join(temporaryFolder(t), 'state');
  mkdirSync(folder);
  chmodSync(folder, 0o755);
  assert.equal(stateDirChecks(folder)[0]?.todo, `chmod 700 ${folder}`);
});

test('a daemon of another version, a degraded App and a silent router are told, and end with 1', async (t) => {
  const dead = createServer();
  await new Promise<void>((resolve) => dead.listen(0, '127.0.0.1', resolve));
  const address = dead.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  await new Promise((resolve) => dead.close(resolve));
  const shop = settled({
    phase: 'Degraded',
    message: '2 of 3 replicas ready',
    url: `http://shop.localhost:${port}`,
  });
  const server = await apiServer(t, ({ url }, response) => {
    if (url === '/v1/version') answer(response, 200, { version: '0.0.1', pid: 7 });
    else if (url === '/healthz')
      answer(response, 200, { status: 'degraded', problems: ['the disk is full'] });
    else answer(response, 200, { items: [shop, app({ url: null, phase: 'Healthy' })] });
  });
  const ran = await run(['doctor', '-o', 'json'], server);
  assert.equal(ran.code, 1);
  const checks: { name: string; status: string; found: string }[] = JSON.parse(ran.stdout).items;
  const told = checks
    .filter(({ name }) => /daemon|app|router/.test(name))
    .map(({ name, status }) => `${name} ${status}`);
  assert.deepEqual(told, ['daemon warning', 'daemon failed', 'app default/shop warning', 'router failed']);
  const text = await run(['doctor'], server);
  assert.match(text.stdout, /✗ router: http:\/\/shop\.localhost:\d+ takes no connections/);
  assert.match(text.stdout, /\d problems?, \d warnings?\n$/);
});

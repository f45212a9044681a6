import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type ApiServer, answer, apiServer } from './api-server.ts';
import { run } from './fake-context.ts';
import { app, event, replica, settled } from './views.ts';

/** Sends one App and one event to whoever watches, then presses Ctrl-C. */
function watched(t: TestContext): Promise<ApiServer> {
  return apiServer(t, ({ url }, response) => {
    if (url.startsWith('/v1/watch')) {
      response.write(`event: app\ndata: ${JSON.stringify(settled())}\n\n`);
      response.write(`event: app\ndata: ${JSON.stringify(settled())}\n\n`);
      response.write(`event: event\nid: 2\ndata: ${JSON.stringify(event(2))}\n\n`);
      setTimeout(() => process.emit('SIGINT', 'SIGINT'), 100);
    } else if (url.endsWith('/events')) answer(response, 200, { items: [event(1)] });
    else if (url.endsWith('/replicas')) answer(response, 200, { items: [replica('shop-3-1-a')] });
    else if (url.endsWith('/logs?follow=true')) {
      response.write(
        '{"replica":"shop-3-1-a","at":"2026-03-01T12:00:00Z","stream":"stdout","text":"hello"}\n',
      );
      setTimeout(() => process.emit('SIGINT', 'SIGINT'), 100);
    } else if (url.endsWith('/apps')) answer(response, 200, { items: [app()] });
    else answer(response, 200, app());
  });
}

test('get --watch adds a row for each change, and none for what is as it was', async (t) => {
  const ran = await run(['get', 'apps', '--watch'], await watched(t));
  assert.equal(ran.code, 0, ran.stderr);
  const phases = ran.stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/ {2,}/)[3]);
  assert.deepEqual(phases, ['PHASE', 'Progressing', 'Healthy']);
});

test('get --watch -o json prints one object a line', async (t) => {
  const ran = await run(['get', 'events', 'shop', '-w', '-o', 'json'], await watched(t));
  const lines = ran.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(lines, [event(1), event(2)]);
});

test('status --watch draws again when something changes', async (t) => {
  const ran = await run(['status', 'shop', '--watch'], await watched(t));
  const titles = ran.stdout.split('\n').filter((line) => line.startsWith('shop'));
  assert.deepEqual(
    titles.map((line) => line.split(/ {2,}/)[1]),
    ['Progressing', 'Healthy'],
  );
});

test('logs -f goes on until Ctrl-C, with the replica before each line', async (t) => {
  const ran = await run(['logs', '-f', 'shop'], await watched(t));
  assert.deepEqual([ran.code, ran.stdout], [0, '[shop-3-1-a] hello\n']);
});

test('Ctrl-C while a release is followed leaves it going and says how to watch it', async (t) => {
  const server = await apiServer(t, ({ url }, response) => {
    if (!url.startsWith('/v1/watch')) return answer(response, 200, app());
    response.flushHeaders();
    setTimeout(() => process.emit('SIGINT', 'SIGINT'), 100);
  });
  const ran = await run(['rollout', 'status', 'shop'], server);
  assert.equal(ran.code, 130);
  assert.match(
    ran.stdout,
    /no longer watching; the release goes on\. To watch it: crossfade rollout status shop\n$/,
  );
  assert.ok(server.received.every(({ method }) => method === 'GET'));
});

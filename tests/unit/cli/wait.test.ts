import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { type TestContext, test } from 'node:test';
import type { AppView } from '../../../src/api/types.ts';
import { type ApiServer, answer, apiServer } from './api-server.ts';
import { run } from './fake-context.ts';
import { app, release, settled, stage } from './views.ts';

/** A daemon whose App goes through these views: by request as far as watch has come. */
function changing(t: TestContext, views: AppView[], commands: unknown = {}): Promise<ApiServer> {
  let now = 0;
  return apiServer(t, async ({ url }, response) => {
    if (url.startsWith('/v1/watch')) {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.flushHeaders();
      for (now = 0; now < views.length; now++) await send(response, views[now]);
      return;
    }
    if (url.endsWith('/commands')) answer(response, 200, commands);
    else answer(response, 200, views[Math.min(now, views.length - 1)]);
  });
}

async function send(response: ServerResponse, view: AppView | undefined): Promise<void> {
  response.write(`event: app\ndata: ${JSON.stringify(view)}\n\n`);
  // Views that come faster than they are read may be passed over; here each one has to be seen.
  await new Promise((resolve) => setTimeout(resolve, 60));
}

function rolling(updated: number, total: number): AppView {
  const stages = [stage('roll', 'current'), stage('promoted', 'todo')];
  return app({
    updatedReplicas: updated,
    replicas: total,
    readyReplicas: total,
    release: release({ strategy: 'rolling', stages }),
  });
}

test('rollout status prints the lines of kubectl and ends when the old replicas are gone', async (t) => {
  const { lastRelease } = settled().status;
  const ended = lastRelease && { ...lastRelease, strategy: 'rolling', stages: [] };
  const server = await changing(t, [
    rolling(2, 4),
    rolling(3, 4),
    settled({ replicas: 4, lastRelease: ended }),
    settled({ lastRelease: ended }),
  ]);
  const ran = await run(['rollout', 'status', 'shop'], server);
  assert.equal(ran.code, 0, ran.stderr);
  assert.deepEqual(ran.stdout.trimEnd().split('\n'), [
    'release r4 of app "shop": rolling from revision #3 to revision #4 (v1-3333bbbb4444), 2 stages',
    'Waiting for app "shop" rollout to finish: 2 out of 3 new replicas have been updated...',
    'Waiting for app "shop" rollout to finish: 1 old replicas are pending termination...',
    'app "shop" successfully rolled out',
  ]);
});

test('rollout status of an aborted release ends with 6 and the reason', async (t) => {
  const reason = { code: 'E_CANDIDATE_EXITS', message: 'replica shop-4-1-a exited with code 1' };
  const aborted = settled({ phase: 'Degraded', lastRelease: release({ verdict: 'aborted', reason }) });
  const ran = await run(['rollout', 'status', 'app/shop'], await changing(t, [app(), aborted]));
  assert.equal(ran.code, 6);
  assert.match(
    ran.stderr,
    /^error: release r4 of app "shop" was aborted: replica shop-4-1-a exited with code 1 \(E_CANDIDATE_EXITS\)\n$/,
  );
});

test('--timeout ends the waiting with 7 and leaves the release alone', async (t) => {
  const server = await changing(t, [app()]);
  const ran = await run(['rollout', 'status', 'shop', '--timeout', '200ms'], server);
  assert.equal(ran.code, 7);
  assert.match(
    ran.stdout,
    /time is up for app "shop": waits for a pause .*; the release goes on\. To watch it: crossfade rollout status shop\n$/,
  );
  assert.deepEqual([...new Set(server.received.map(({ method }) => method))], ['GET']);
});

test('--no-watch says where it stands', async (t) => {
  const ran = await run(['rollout', 'status', 'shop', '--watch=false'], await changing(t, [rolling(2, 4)]));
  assert.equal(ran.code, 2);
  const once = await run(['rollout', 'status', 'shop', '--no-watch'], await changing(t, [rolling(2, 4)]));
  assert.equal(once.code, 0);
  assert.match(once.stdout, /2 out of 3 new replicas have been updated/);
});

test('an abort that is waited for is a success, an abort that comes of itself is not', async (t) => {
  const reason = { code: 'E_ABORTED', message: 'abort by alice' };
  const aborted = settled({ lastRelease: release({ verdict: 'aborted', reason }) });
  const done = { result: 'done', reason: null, message: 'going back', app: app() };
  const wanted = await run(['rollout', 'abort', 'shop', '--wait'], await changing(t, [app(), aborted], done));
  assert.equal(wanted.code, 0, wanted.stderr);
  const unwanted = await run(
    ['rollout', 'promote', 'shop', '--wait'],
    await changing(t, [app(), aborted], done),
  );
  assert.equal(unwanted.code, 6);
});

test('with -o json progress goes to standard error and the App to standard output', async (t) => {
  const ran = await run(['rollout', 'status', 'shop', '-o', 'json'], await changing(t, [app(), settled()]));
  assert.equal(ran.code, 0);
  assert.deepEqual(JSON.parse(ran.stdout), settled());
  assert.match(ran.stderr, /stage 2\/4 canary 50%: done/);
});

test('an App that is deleted while it is watched ends with 4', async (t) => {
  let gone = false;
  const server = await apiServer(t, ({ url }, response) => {
    if (url.startsWith('/v1/watch')) response.flushHeaders();
    else if (gone)
      answer(response, 404, { error: { code: 'E_APP_NOT_FOUND', message: 'there is no App shop' } });
    else answer(response, 200, app());
    if (url.startsWith('/v1/watch')) gone = true;
  });
  const ran = await run(['rollout', 'status', 'shop'], server);
  assert.deepEqual([ran.code, ran.stderr], [4, 'error: there is no App shop\n']);
});

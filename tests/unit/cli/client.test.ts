import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { createClient } from '../../../src/api/client.ts';
import type { OperatingError } from '../../../src/core/errors.ts';
import { answer, apiServer, temporaryFolder } from './api-server.ts';
import { app, event } from './views.ts';

const SHOP = { namespace: 'default', name: 'shop' };

test('says who asks and why, and sends the body as JSON', async (t) => {
  const server = await apiServer(t, (_received, response) => answer(response, 200, { result: 'done' }));
  const client = createClient({ socketPath: server.socketPath }, { actor: 'alice' });
  t.after(() => client.close());
  await client.command(
    { namespace: 'a b', name: 'shop' },
    { id: 'c1', verb: 'promote', full: true, reason: 'tested' },
  );
  const [received] = server.received;
  assert.equal(received?.method, 'POST');
  assert.equal(received?.url, '/v1/namespaces/a%20b/apps/shop/commands');
  assert.equal(received?.headers['x-crossfade-actor'], 'alice');
  assert.equal(received?.headers['x-crossfade-reason'], 'tested');
  assert.deepEqual(received?.body, { id: 'c1', verb: 'promote', full: true, reason: 'tested' });
});

test('an actor that no header can hold travels percent-encoded', async (t) => {
  const server = await apiServer(t, (_received, response) => answer(response, 200, []));
  const client = createClient({ socketPath: server.socketPath }, { actor: 'Zoë' });
  t.after(() => client.close());
  await client.apps();
  assert.equal(server.received[0]?.headers['x-crossfade-actor'], 'Zo%C3%AB');
});

test('over TCP the token is sent', async (t) => {
  const seen: unknown[] = [];
  const server = createServer((request, response) => {
    seen.push(request.headers.authorization, request.url);
    answer(response, 200, { items: [app()] });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const client = createClient({ url: `http://127.0.0.1:${port}/`, token: 't0k' }, { actor: 'alice' });
  t.after(() => client.close());
  const apps = await client.apps('shops');
  assert.equal(apps[0]?.metadata.name, 'shop');
  assert.deepEqual(seen, ['Bearer t0k', '/v1/namespaces/shops/apps']);
});

test('an error body becomes an operating error with its code, hint and details', async (t) => {
  const body = {
    error: { code: 'E_CONFLICT', message: 'changed meanwhile', hint: 'look again', details: { at: 3 } },
  };
  const server = await apiServer(t, (_received, response) => answer(response, 409, body));
  const client = createClient({ socketPath: server.socketPath }, { actor: 'alice' });
  t.after(() => client.close());
  await assert.rejects(client.app(SHOP), (error: OperatingError & { status: number }) => {
    assert.equal(error.code, 'E_CONFLICT');
    assert.equal(error.message, 'changed meanwhile');
    assert.equal(error.hint, 'look again');
    assert.deepEqual(error.details, { at: 3 });
    assert.equal(error.status, 409);
    return true;
  });
});

test('an answer that is not ours is told with its status', async (t) => {
  const server = await apiServer(t, (_received, response) => {
    response.writeHead(502).end('<h1>Bad Gateway</h1>');
  });
  const client = createClient({ socketPath: server.socketPath }, { actor: 'alice' });
  t.after(() => client.close());
  await assert.rejects(client.app(SHOP), { code: 'E_BAD_ANSWER', message: /answered 502 .*Bad Gateway/ });
});

test('no daemon and a daemon that went away are two different errors', async (t) => {
  const nobody = createClient({ socketPath: `${temporaryFolder(t)}/daemon.sock` }, { actor: 'alice' });
  t.after(() => nobody.close());
  await assert.rejects(nobody.version(), { code: 'E_DAEMON_UNREACHABLE' });

  const server = await apiServer(t, (_received, response) => {
    response.socket?.destroy();
  });
  const client = createClient({ socketPath: server.socketPath }, { actor: 'alice' });
  t.after(() => client.close());
  await assert.rejects(client.scale(SHOP, { replicas: 2 }), {
    code: 'E_DAEMON_GONE',
    hint: /repeating is harmless/,
  });
});

test('log lines arrive one by one, also when a line is cut between two chunks', async (t) => {
  const server = await apiServer(t, async (_received, response) => {
    const first = JSON.stringify({ replica: 'a', at: '', stream: 'stdout', text: 'grüße' });
    const bytes = Buffer.from(`${first}\n{"replica":"b","at":"","stream":"stderr","text":"two"}`);
    response.write(bytes.subarray(0, first.indexOf('ü') + 1));
    await new Promise((resolve) => setTimeout(resolve, 20));
    response.end(bytes.subarray(first.indexOf('ü') + 1));
  });
  const client = createClient({ socketPath: server.socketPath }, { actor: 'alice' });
  t.after(() => client.close());
  const texts: string[] = [];
  for await (const line of client.logs(SHOP, { replica: 'a', tail: 5, follow: true })) texts.push(line.text);
  assert.deepEqual(texts, ['grüße', 'two']);
  assert.equal(server.received[0]?.url, '/v1/namespaces/default/apps/shop/logs?replica=a&tail=5&follow=true');
});

test('watch resumes after the last event it saw when the daemon comes back', async (t) => {
  const folder = temporaryFolder(t);
  const first = await apiServer(
    t,
    (_received, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(`: hello\n\nevent: event\nid: 7\ndata: ${JSON.stringify(event(7))}\n\n`);
      response.write(`event: app\ndata: ${JSON.stringify(app())}\n\n`);
    },
    folder,
  );
  const client = createClient({ socketPath: first.socketPath }, { actor: 'alice' });
  t.after(() => client.close());
  const stop = new AbortController();
  const seen: string[] = [];
  for await (const item of client.watch({
    namespace: 'default',
    app: 'shop',
    after: 3,
    signal: stop.signal,
  })) {
    seen.push(item.kind === 'event' ? `event ${item.event.id}` : item.app.metadata.name);
    if (item.kind === 'app') {
      await first.kill();
      const second = await apiServer(
        t,
        (received, response) => {
          assert.equal(received.headers['last-event-id'], '7');
          response.write(`event: event\nid: 8\ndata: ${JSON.stringify(event(8))}\n\n`);
        },
        folder,
      );
      assert.equal(second.socketPath, first.socketPath);
    }
    if (seen.includes('event 8')) stop.abort();
  }
  assert.deepEqual(seen, ['event 7', 'shop', 'event 8']);
  assert.match(first.received[0]?.url ?? '', /namespace=default&app=shop&after=3$/);
});

test('watch gives up with a clear error when the daemon stays away', async (t) => {
  const client = createClient({ socketPath: `${temporaryFolder(t)}/daemon.sock` }, { actor: 'alice' });
  t.after(() => client.close());
  const watching = async (): Promise<void> => {
    for await (const item of client.watch({ reconnectForMs: 300 })) assert.fail(`nobody sent ${item.kind}`);
  };
  await assert.rejects(watching(), { code: 'E_DAEMON_GONE' });
});

test('leaving a watch early leaves nothing behind', async (t) => {
  const server = await apiServer(t, (_received, response) => {
    response.write(`event: event\nid: 1\ndata: ${JSON.stringify(event(1))}\n\n`);
  });
  const client = createClient({ socketPath: server.socketPath }, { actor: 'alice' });
  for await (const item of client.watch()) {
    assert.equal(item.kind, 'event');
    break;
  }
  await client.close();
});

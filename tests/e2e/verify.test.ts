/** A stage is passed by what was measured, never by what the router's table says, and never by nothing at all. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AppView, StageView } from '../../src/api/types.ts';
import type { RouteTable } from '../../src/core/model.ts';
import { createProbe } from '../../src/probe/probe.ts';
import { freePort } from '../support/free-port.ts';
import { serviceApp, withEnv } from './harness/app-files.ts';
import { type Lab, WAIT, withLab } from './harness/lab.ts';
import { assertNoFailure, startLoad } from './harness/load.ts';
import { plantTable } from './harness/planter.ts';

const CANARY_20 = { canary: { steps: [{ setWeight: 20 }, { pause: {} }] } };
/** Only users are measured, so that the test decides when. */
const BY_USERS = { verify: { onNoTraffic: 'hold' } };

const scenarios: { name: string; body: (lab: Lab, name: string) => Promise<void> }[] = [];
const scenario = (name: string, body: (lab: Lab, name: string) => Promise<void>) =>
  scenarios.push({ name, body });

test('the measured split decides', { concurrency: 3 }, async (t) => {
  await withLab(t, async (lab) => {
    await lab.crossfade(['get', 'apps']);
    const run = ({ name, body }: (typeof scenarios)[number], index: number) => {
      const app = `verify-${index + 1}`;
      return t.test(name, () => lab.explaining(app, () => body(lab, app)));
    };
    await Promise.all(scenarios.map(run));
  });
});

/** Version 1 runs, version 2 is routed and waits to be measured. */
async function measuring(
  lab: Lab,
  name: string,
  strategy: unknown,
  spec: Record<string, unknown> = BY_USERS,
): Promise<{ url: string; view: AppView }> {
  const listen = await freePort();
  const app = serviceApp({ name, listen, strategy, env: { DELAYS: 'none' }, spec });
  await lab.apply(app);
  await lab.apply(withEnv(app, { VERSION: '2' }), []);
  const view = await lab.until(name, 'the split to be measured', isMeasuring);
  return { url: `http://127.0.0.1:${listen}/`, view };
}

const currentStage = ({ status }: AppView): StageView | undefined =>
  status.release?.stages.find(({ state }) => state === 'current');
const verifyGate = (view: AppView) => currentStage(view)?.gates.find(({ kind }) => kind === 'verify');
const isMeasuring = (view: AppView): boolean => verifyGate(view)?.state === 'measuring';
const isHolding = ({ status }: AppView): boolean => status.phase === 'Holding';
const isPaused = ({ status }: AppView): boolean => status.phase === 'Paused';

async function users(url: string, requests: number): Promise<Record<string, number>> {
  const { failures, byRevision } = await createProbe({ url, requests, concurrency: 4 }).run();
  assert.deepEqual(failures, {});
  return Object.fromEntries(Object.entries(byRevision).map(([id, share]) => [id, share.requests]));
}

/** The release holds under continuous load and says why; once given up, stable answers everything. */
async function assertHeldThenAborted(lab: Lab, name: string, url: string, told: RegExp): Promise<void> {
  const load = startLoad(url, { rps: 100 });
  try {
    const holding = await lab.until(name, 'the release to hold', isHolding);
    const gate = verifyGate(holding);
    assert.equal(gate?.state, 'held');
    assert.match(gate?.detail ?? '', told);
    assert.ok(holding.status.message.includes(gate?.detail ?? '-'), holding.status.message);
    assert.match((await lab.crossfade(['status', name])).stdout, /Holding/);
    // It goes on measuring, and what it measures goes on being wrong.
    await load.more(300);
    assert.equal((await lab.app(name)).status.phase, 'Holding');
    await lab.crossfade(['rollout', 'abort', name, ...WAIT]);
  } finally {
    await load.stop();
  }
  assertNoFailure(load.seen);
  const { status } = await lab.app(name);
  assert.equal(status.lastRelease?.verdict, 'aborted');
  assert.deepEqual(
    status.route.map(({ role, weightPercent }) => [role, weightPercent]),
    [['stable', 100]],
  );
  assert.deepEqual(await users(url, 200), { [status.stableRevision ?? '']: 200 });
}

/** The candidate's pool is given the addresses of stable: the table looks right, and is not. */
function withAddressesOfStable(table: RouteTable): RouteTable {
  const [stable = [], candidate = []] = Object.values(table.members);
  const members = Object.fromEntries(
    Object.entries(table.members).map(([pool, own]) => [
      pool,
      own === candidate
        ? own.map((member, index) => ({ ...member, address: stable[index]?.address ?? member.address }))
        : own,
    ]),
  );
  return { ...table, members };
}

function withWeights(...weights: number[]): (table: RouteTable) => RouteTable {
  return (table) => {
    const { split } = table.route;
    assert.equal(split.kind, 'weights');
    const to = split.to.map((share, index) => ({ ...share, weight: weights[index] ?? 0 }));
    return { ...table, route: { ...table.route, split: { kind: 'weights', to } } };
  };
}

scenario(
  'canary: a pool with the addresses of stable is caught, named, and taken back',
  async (lab, name) => {
    const { url } = await measuring(lab, name, CANARY_20);
    await plantTable(lab.stateDir, name, withAddressesOfStable);
    const told =
      /^asked for revision 1 80%, revision 2 20%; the route of default\/\S+ \(generation \d+\) carries revision 1 80%, revision 2 20%; measured revision 1 100% of \d+ requests\. Likely: the route gives 127\.0\.0\.1:\d+ to revision 2, and revision 1 runs there/;
    await assertHeldThenAborted(lab, name, url, told);
  },
);

scenario('canary: other weights are caught and named with what carries them', async (lab, name) => {
  const { url } = await measuring(lab, name, CANARY_20);
  await plantTable(lab.stateDir, name, withWeights(5_000, 5_000));
  const told =
    /carries revision 1 50%, revision 2 50%; measured revision 1 50(\.\d+)?%, revision 2 (50|49\.\d+)(\.\d+)?% of \d+ requests\. Likely: something else than this Crossfade wrote the table of the router$/;
  await assertHeldThenAborted(lab, name, url, told);
});

scenario(
  'blueGreen: a switch that changes nothing is caught before the old colour goes',
  async (lab, name) => {
    const strategy = { blueGreen: { autoPromotionEnabled: false } };
    const listen = await freePort();
    const app = serviceApp({ name, listen, strategy, env: { DELAYS: 'none' }, spec: BY_USERS });
    await lab.apply(app);
    const [blue] = await lab.client.replicas({ namespace: 'default', name });
    await lab.apply(withEnv(app, { VERSION: '2' }), []);
    await lab.until(name, 'the preview', isPaused);
    await lab.crossfade(['rollout', 'promote', name]);
    await lab.until(name, 'the split to be measured', isMeasuring);
    await plantTable(lab.stateDir, name, (table) => {
      const move = (member: { replica: string }) => ({ ...member, address: blue?.address ?? '' });
      const members = Object.entries(table.members).map(([pool, own]) => [pool, own.map(move)]);
      return { ...table, members: Object.fromEntries(members) };
    });
    const told =
      /^asked for revision 2 100%; the route .* carries revision 2 100%; measured revision 1 100% of/;
    await assertHeldThenAborted(lab, name, `http://127.0.0.1:${listen}/`, told);
  },
);

scenario('abTest: other weights than those of the experiment are caught', async (lab, name) => {
  const strategy = { abTest: { split: { percent: 20, by: { header: 'x-user' } } } };
  const spec = { verify: { onNoTraffic: 'probe', minRequests: 500 } };
  const listen = await freePort();
  const app = serviceApp({ name, listen, strategy, env: { DELAYS: 'none' }, spec });
  await lab.apply(app);
  await lab.apply(withEnv(app, { VERSION: '2' }), []);
  await lab.until(name, 'the split to be measured', isMeasuring);
  await plantTable(lab.stateDir, name, withWeights(4_000, 6_000));
  const told =
    /^asked for revision 1 80%, revision 2 20%; .* carries revision 1 40%, revision 2 60%; measured revision /;
  await assertHeldThenAborted(lab, name, `http://127.0.0.1:${listen}/`, told);
});

scenario('a release that held goes on by itself once the route is right again', async (lab, name) => {
  const { url } = await measuring(lab, name, CANARY_20);
  const right = await plantTable(lab.stateDir, name, withWeights(5_000, 5_000));
  const load = startLoad(url, { rps: 100 });
  try {
    await lab.until(name, 'the release to hold', isHolding);
    await plantTable(lab.stateDir, name, () => right);
    const paused = await lab.until(name, 'the pause after it', isPaused);
    assert.equal(verifyGate(paused)?.state, 'passed');
    await lab.crossfade(['rollout', 'promote', name, ...WAIT]);
  } finally {
    await load.stop();
  }
  assertNoFailure(load.seen);
});

scenario('a table of a later generation than the last is replaced at once', async (lab, name) => {
  const { url } = await measuring(lab, name, CANARY_20);
  const right = await plantTable(lab.stateDir, name, (table) => ({
    ...withWeights(5_000, 5_000)(table),
    generation: table.generation + 5,
  }));
  const load = startLoad(url, { rps: 100 });
  try {
    await lab.until(name, 'the pause', isPaused);
  } finally {
    await load.stop();
  }
  const now = await plantTable(lab.stateDir, name, (table) => table);
  assert.equal(now.generation, right.generation + 6);
  assert.deepEqual(now.route, right.route);
});

scenario(
  'onNoTraffic: hold waits for users, however long, and takes no fewer than it needs',
  async (lab, name) => {
    const { url, view } = await measuring(lab, name, CANARY_20);
    const { stableRevision: stable, candidateRevision: candidate } = view.status;
    await sleep(3_000);
    const waiting = await lab.app(name);
    assert.deepEqual([verifyGate(waiting)?.state, currentStage(waiting)?.requests], ['measuring', 0]);
    assert.match(waiting.status.message, /measures the split: 0 of 100 requests so far/);
    assert.deepEqual(await users(url, 95), { [stable ?? '']: 76, [candidate ?? '']: 19 });
    await sleep(1_500);
    const almost = await lab.app(name);
    assert.deepEqual([verifyGate(almost)?.state, currentStage(almost)?.requests], ['measuring', 95]);
    await users(url, 5);
    const paused = await lab.until(name, 'the pause', isPaused);
    assert.deepEqual([currentStage(paused)?.requests, currentStage(paused)?.measuredPercent], [100, 20]);
    await lab.crossfade(['rollout', 'abort', name, ...WAIT]);
  },
);

scenario("onNoTraffic: probe passes by marked requests, which count as nobody's", async (lab, name) => {
  const spec = { verify: { onNoTraffic: 'probe' } };
  const { url } = await measuring(lab, name, CANARY_20, spec);
  const paused = await lab.until(name, 'the pause', isPaused);
  const stage = currentStage(paused);
  assert.deepEqual([stage?.requests, stage?.measuredPercent], [100, 20]);
  const usersOf = (view: AppView) =>
    view.status.route.map(({ requests, failed, p50Ms }) => [requests, failed, p50Ms]);
  assert.deepEqual(usersOf(paused), [
    [0, 0, null],
    [0, 0, null],
  ]);
  await users(url, 50);
  const { status } = await lab.app(name);
  assert.deepEqual(
    status.route.map(({ requests }) => requests),
    [40, 10],
  );
  await lab.crossfade(['rollout', 'promote', name, ...WAIT]);
});

scenario('marked requests do not pass a candidate that answers none of them well', async (lab, name) => {
  const listen = await freePort();
  const app = serviceApp({ name, listen, strategy: { blueGreen: {} } });
  await lab.apply(app);
  const { stderr } = await lab.apply(withEnv(app, { VERSION: '2', BAD: 'answers500' }), WAIT, 6);
  assert.match(stderr, /answered none of its first \d+ requests well \(\d+ failed; \d+ were marked requests/);
});

scenario('connections that stay open do not keep the split from being measured', async (lab, name) => {
  const listen = await freePort();
  const spec = { drain: { timeout: '1s', longConnections: '1s' } };
  const app = serviceApp({ name, listen, strategy: CANARY_20, env: { DELAYS: 'none' }, spec });
  await lab.apply(app);
  const open = await Promise.all(
    Array.from({ length: 40 }, () => openStream(`http://127.0.0.1:${listen}/open`)),
  );
  try {
    await lab.apply(withEnv(app, { VERSION: '2' }), []);
    const paused = await lab.until(name, 'the pause', isPaused);
    assert.equal(currentStage(paused)?.measuredPercent, 20);
  } finally {
    for (const stream of open) stream.destroy();
  }
});

/** Resolves with an answer whose head has come and whose body never ends. */
async function openStream(url: string): Promise<http.IncomingMessage> {
  const [stream] = (await once(http.get(url, { agent: false }), 'response')) as [http.IncomingMessage];
  return stream.on('error', () => {});
}

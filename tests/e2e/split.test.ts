/** Weights are exact: over 10,000 requests to one request, from one connection and from 64. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createProbe } from '../../src/probe/probe.ts';
import { freePort } from '../support/free-port.ts';
import { serviceApp, withEnv } from './harness/app-files.ts';
import { type Lab, withLab } from './harness/lab.ts';

const SPLIT_REQUESTS = 10_000;
const CONNECTIONS = [1, 64];

/** Scenario 7: what was asked for in the practice that this replaces, and never came. */
const SCENARIO_7: Readonly<Record<number, number>> = { 20: 200, 50: 500, 100: 1_000 };

test('1, 8, 20, 50, 99.99 and 100% are what is answered, to one request', async (t) => {
  await withLab(t, async (lab) => {
    const weights = [1, 8, 20, 50, 99.99, 100];
    const listen = await freePort();
    const url = `http://127.0.0.1:${listen}/`;
    const app = serviceApp({
      name: 'split',
      listen,
      replicas: 1,
      strategy: { canary: { steps: weights.flatMap((weight) => [{ setWeight: weight }, { pause: {} }]) } },
      env: { DELAYS: 'none' },
      // Only the requests of this test are there to be measured.
      spec: { verify: { onNoTraffic: 'hold' } },
    });
    await lab.apply(app);
    await lab.apply(withEnv(app, { VERSION: '2' }), []);
    for (const weight of weights) {
      await t.test(`${weight}%`, () => lab.explaining('split', () => measure(lab, url, weight)));
      await lab.crossfade(['rollout', 'promote', 'split']);
    }
    const { status } = await lab.until(
      'split',
      'the end of the release',
      (view) => view.status.release === null,
    );
    assert.equal(status.lastRelease?.verdict, 'promoted');
    await lab.crossfade(['delete', 'split', '--wait']);
  });
});

async function measure(lab: Lab, url: string, weight: number): Promise<void> {
  const routed = await lab.until('split', `the route of ${weight}%`, ({ status }) => {
    const stage = status.release?.stages.find(({ state }) => state === 'current');
    return stage?.askedPercent === weight && stage.gates.some(({ state }) => state === 'measuring');
  });
  const candidate = routed.status.candidateRevision ?? assert.fail('no candidate');
  let [sent, byCandidate] = [0, 0];
  const send = async (requests: number, connections: number) => {
    const count = await countAnswers(url, candidate, requests, connections);
    sent += requests;
    byCandidate += count;
    return count;
  };
  for (const connections of CONNECTIONS) {
    const count = await send(SPLIT_REQUESTS, connections);
    const expected = (SPLIT_REQUESTS * weight) / 100;
    const told = `${count} of ${SPLIT_REQUESTS} from ${connections} connections, asked for ${weight}%`;
    assert.ok(Math.abs(count - expected) <= 1, told);
  }
  const scenario7 = SCENARIO_7[weight];
  if (scenario7 !== undefined) assert.equal(await send(1_000, 1), scenario7);
  await assertMeasured(lab, weight, sent, byCandidate);
}

/** What is shown is what was answered here, request by request. */
async function assertMeasured(lab: Lab, weight: number, sent: number, byCandidate: number): Promise<void> {
  await lab.until('split', `the pause at ${weight}%`, ({ status }) => status.phase === 'Paused');
  const { status } = await lab.app('split');
  const stage = status.release?.stages.find(({ state }) => state === 'current');
  const measured = Math.round((byCandidate * 1_000_000) / sent) / 10_000;
  assert.deepEqual([stage?.requests, stage?.measuredPercent], [sent, measured], JSON.stringify(stage));
}

/** Sends so many requests, none of which may fail; returns how many the revision answered. */
async function countAnswers(
  url: string,
  revision: string,
  requests: number,
  connections: number,
): Promise<number> {
  const { failures, byStatus, byRevision } = await createProbe({
    url,
    requests,
    concurrency: connections,
  }).run();
  assert.deepEqual([failures, byStatus], [{}, { 200: requests }]);
  return byRevision[revision]?.requests ?? 0;
}

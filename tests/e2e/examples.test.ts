import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AppView } from '../../src/api/types.ts';
import { waitFor } from '../support/wait-for.ts';
import { countAnswers, type ExamplesLab, withExamples } from './harness/examples.ts';
import { WAIT } from './harness/lab.ts';
import { assertNoFailure, kindsOfFailure, type Load } from './harness/load.ts';

/** Each runs in the same Crossfade, one after the other. */
const examples: { name: string; body: (lab: ExamplesLab) => Promise<void> }[] = [];
const example = (name: string, body: (lab: ExamplesLab) => Promise<void>) => examples.push({ name, body });

function revisionsOf(view: AppView): { stable: string; candidate: string } {
  const { stableRevision, candidateRevision } = view.status;
  assert.ok(stableRevision !== null && candidateRevision !== null, JSON.stringify(view.status));
  return { stable: stableRevision, candidate: candidateRevision };
}

const waitsForPerson = (view: AppView) => view.status.phase === 'Paused';

/** Ends the users: both versions answered, and of all requests none failed. */
async function assertNothingLost(users: Load): Promise<void> {
  const summary = await users.stop();
  assertNoFailure(users.seen);
  assert.equal(Object.keys(summary.byRevision).length, 2, JSON.stringify(summary.byRevision));
}

/** v1, then users, then v2, then back: what every example does. */
async function releaseAndUndo(lab: ExamplesLab, folder: string, name: string, port: number): Promise<Load> {
  await lab.typeIn(folder, ['apply', '-f', 'app-v1.yaml', ...WAIT]);
  const first = (await lab.app(name)).status.stableRevision;
  const users = lab.users(lab.url(port));
  await users.more(20);
  await lab.typeIn(folder, ['apply', '-f', 'app-v2.yaml', ...WAIT]);
  assert.notEqual((await lab.app(name)).status.stableRevision, first);
  await lab.crossfade(['rollout', 'undo', name, ...WAIT]);
  assert.equal((await lab.app(name)).status.stableRevision, first);
  await users.more(20);
  await users.stop();
  await lab.crossfade(['delete', name, '--wait']);
  return users;
}

example(
  '1 recreate: users meet the declared outage, which is the 503 of the router and nothing else',
  async (lab) => {
    const users = await releaseAndUndo(lab, '01-recreate', 'recreate', 8101);
    const declared =
      'http_503_router: 503 E_NOT_ADMITTED 503 Service Unavailable: the App takes no requests at the moment';
    assert.deepEqual(kindsOfFailure(users.seen), [declared]);
    const summary = await users.stop();
    assert.equal(Object.keys(summary.byRevision).length, 2);
  },
);

example('1 recreate with hold: the same outage, and nobody fails', async (lab) => {
  await assertNothingLost(await releaseAndUndo(lab, '01b-recreate-hold', 'recreate-hold', 8102));
});

example(
  '2 rolling: `rollout status` tells it in the words of kubectl, and nothing is lost in either direction',
  async (lab) => {
    await lab.typeIn('02-rolling', ['apply', '-f', 'app-v1.yaml', ...WAIT]);
    const users = lab.users(lab.url(8103));
    // Waiting prints the same lines, and is there from the first; a `rollout status` of its own may start too late for them.
    const release = await lab.typeIn('02-rolling', ['apply', '-f', 'app-v2.yaml', ...WAIT]);
    assert.match(
      release.stdout,
      /Waiting for app "rolling" rollout to finish: \d out of 3 new replicas have been updated/,
    );
    const { stdout } = await lab.crossfade(['rollout', 'status', 'rolling', '--timeout', '60s']);
    assert.match(stdout, /app "rolling" successfully rolled out/);
    const { stdout: history } = await lab.crossfade(['rollout', 'history', 'rolling']);
    assert.match(history, /REVISION/);
    await lab.crossfade(['rollout', 'undo', 'rolling', '--to-revision', '1', ...WAIT]);
    await assertNothingLost(users);
    await lab.crossfade(['delete', 'rolling', '--wait']);
  },
);

example(
  '3 blue-green: green is seen at the preview host while blue serves; then one switch; undo while blue is warm',
  async (lab) => {
    const url = lab.url(8104).replace('127.0.0.1', 'blue-green.localhost');
    const previewUrl = url.replace('://', '://preview.');
    await lab.typeIn('03-blue-green', ['apply', '-f', 'app-v1.yaml', ...WAIT]);
    assert.equal((await lab.app('blue-green')).status.liveColour, 'blue');
    const users = lab.users(url);
    await lab.typeIn('03-blue-green', ['apply', '-f', 'app-v2.yaml']);
    const paused = await lab.until('blue-green', 'green waits to be promoted', waitsForPerson);
    const { stable, candidate } = revisionsOf(paused);
    assert.deepEqual(await countAnswers(url, 20), { [stable]: 20 });
    assert.deepEqual(await countAnswers(previewUrl, 20), { [candidate]: 20 });
    const { stdout } = await lab.crossfade(['describe', 'app', 'blue-green']);
    assert.match(stdout, /blue/);
    assert.match(stdout, /green/);
    await lab.crossfade(['rollout', 'promote', 'blue-green', ...WAIT]);
    assert.equal((await lab.app('blue-green')).status.liveColour, 'green');
    assert.deepEqual(await countAnswers(url, 20), { [candidate]: 20 });
    await lab.crossfade(['rollout', 'undo', 'blue-green', ...WAIT]);
    assert.equal((await lab.app('blue-green')).status.liveColour, 'blue');
    assert.deepEqual(await countAnswers(url, 20), { [stable]: 20 });
    await assertNothingLost(users);
    await lab.crossfade(['delete', 'blue-green', '--wait']);
  },
);

example(
  '4 blue-green with two addresses: both answer during the release, one after it, and what was freed is told',
  async (lab) => {
    const [url, previewUrl] = [lab.url(8105), lab.url(8115)];
    await lab.typeIn('04-blue-green-two-addresses', ['apply', '-f', 'app-v1.yaml', ...WAIT]);
    const users = lab.users(url);
    await lab.typeIn('04-blue-green-two-addresses', ['apply', '-f', 'app-v2.yaml']);
    const paused = await lab.until('two-addresses', 'green waits to be promoted', waitsForPerson);
    const { stable, candidate } = revisionsOf(paused);
    assert.deepEqual(await countAnswers(url, 20), { [stable]: 20 });
    assert.deepEqual(await countAnswers(previewUrl, 20), { [candidate]: 20 });
    await lab.crossfade(['rollout', 'promote', 'two-addresses', ...WAIT]);
    await lab.crossfade(['rollout', 'undo', 'two-addresses', ...WAIT]);
    await lab.until(
      'two-addresses',
      'green is retired',
      ({ status }) => status.replicas === 3 && status.warmUntil === null,
    );
    await assertNothingLost(users);
    await assert.rejects(countAnswers(previewUrl, 1), 'the second address is gone');
    assert.deepEqual(await countAnswers(url, 20), { [stable]: 20 });
    const { stdout } = await lab.crossfade(['describe', 'app', 'two-addresses']);
    assert.match(stdout, /freed/);
    await lab.crossfade(['delete', 'two-addresses', '--wait']);
  },
);

example(
  '5 blue-green with a test client: `crossfade probe` logs every request and marks the switch',
  async (lab) => {
    await lab.typeIn('05-blue-green-probe', ['apply', '-f', 'app-v1.yaml', ...WAIT]);
    const probe = lab.start(['probe', 'probed', '--rps', '100', '--log']);
    let printed = '';
    probe.child.stdout?.on('data', (text) => {
      printed += text;
    });
    const hasPrinted = (pattern: RegExp) =>
      waitFor(() => pattern.test(printed), { timeoutMs: 60_000, what: `the probe to print ${pattern}` });
    await hasPrinted(/"1\.0\.0"/);
    await lab.typeIn('05-blue-green-probe', ['apply', '-f', 'app-v2.yaml', ...WAIT]);
    await hasPrinted(/"1\.0\.1"/);
    await lab.crossfade(['rollout', 'undo', 'probed', ...WAIT]);
    await hasPrinted(/---- switch.*---- switch/s);
    probe.child.kill('SIGINT');
    const { code, stdout, stderr } = await probe.result;
    assert.equal(code, 0, stdout.slice(-2_000) + stderr);
    assert.match(
      stdout,
      /^\[[-\d]+ [:\d]+\] \{"version": "1\.0\.0", "errors": \[\]\} in \d\.\d{6}s {2}v1-[0-9a-f]+$/m,
    );
    assert.match(
      stdout,
      /^\[[-\d]+ [:\d]+\] \{"version": "1\.0\.1", "errors": \[\]\} in \d\.\d{6}s {2}v1-[0-9a-f]+$/m,
    );
    assert.equal(stdout.match(/^---- switch: first answer of revision v1-/gm)?.length, 2);
    assert.match(stdout, /^failed {5}0$/m);
    assert.match(stdout, /first new answer [\d:.]+, last old answer [\d:.]+/);
    await lab.crossfade(['delete', 'probed', '--wait']);
  },
);

example(
  '6 canary 8%: 80 of 1,000, exactly; a bad candidate is taken back by itself, having met no more users than that',
  async (lab) => {
    const url = lab.url(8107);
    await lab.typeIn('06-canary-8', ['apply', '-f', 'app-v1.yaml', ...WAIT]);
    await lab.typeIn('06-canary-8', ['apply', '-f', 'app-v2.yaml']);
    const { stable, candidate } = revisionsOf(
      await lab.until('canary-8', 'the canary waits', waitsForPerson),
    );
    assert.deepEqual(await countAnswers(url, 1_000), { [stable]: 920, [candidate]: 80 });
    const users = lab.users(url);
    await lab.crossfade(['rollout', 'promote', 'canary-8', ...WAIT]);
    await lab.crossfade(['rollout', 'undo', 'canary-8', ...WAIT]);
    await assertNothingLost(users);

    const more = lab.users(url);
    const { stdout, stderr } = await lab.typeIn('06-canary-8', ['apply', '-f', 'app-bad.yaml', ...WAIT], 6);
    assert.match(stdout + stderr, /aborted/);
    // Only those 8 of 100 who were given to it may have met it, until it was noticed.
    const { requests, failed } = await more.stop();
    assert.ok(failed <= Math.ceil(requests * 0.08), `${failed} of ${requests} failed`);
    for (const failure of kindsOfFailure(more.seen))
      assert.match(failure, /^http_router: 502 E_UPSTREAM_(DOWN|BROKEN) /);
    assert.deepEqual(await countAnswers(url, 100), { [stable]: 100 });
    await lab.crossfade(['delete', 'canary-8', '--wait']);
  },
);

example('7 canary by weight: 20, 50 and 100 of 100 are 200, 500 and 1,000 of 1,000', async (lab) => {
  const url = lab.url(8108);
  await lab.typeIn('07-canary-verify', ['apply', '-f', 'app-v1.yaml', ...WAIT]);
  await lab.typeIn('07-canary-verify', ['apply', '-f', 'app-v2.yaml']);
  const { stable, candidate } = revisionsOf(
    await lab.until('canary-verify', 'the canary waits', waitsForPerson),
  );
  for (const share of [20, 50, 100]) {
    const at = (view: AppView) =>
      waitsForPerson(view) &&
      view.status.release?.stages.some((one) => one.state === 'current' && one.askedPercent === share) ===
        true;
    await lab.until('canary-verify', `the canary waits at ${share}%`, at);
    const answers = await countAnswers(url, 1_000);
    assert.equal(answers[candidate], share * 10);
    assert.equal(answers[stable] ?? 0, 1_000 - share * 10);
    const view = await lab.app('canary-verify');
    const stage = view.status.release?.stages.find((one) => one.askedPercent === share);
    assert.ok(
      stage?.measuredPercent !== null && stage?.measuredPercent !== undefined && stage.requests !== null,
    );
    // Those who came on the way here may have ended in the middle of a round.
    const off = (Math.abs(stage.measuredPercent - share) * stage.requests) / 100;
    assert.ok(off < 1, JSON.stringify(stage));
    // Users see the way to the next share, but not while the thousand are counted.
    const meanwhile = lab.users(url);
    await meanwhile.more(20);
    await lab.crossfade(['rollout', 'promote', 'canary-verify']);
    const isNext = (view: AppView) => view.status.release === null || (waitsForPerson(view) && !at(view));
    await lab.until('canary-verify', `the canary has left ${share}%`, isNext);
    await meanwhile.stop();
    assertNoFailure(meanwhile.seen);
  }
  const users = lab.users(url);
  await users.more(30);
  await lab.crossfade(['rollout', 'undo', 'canary-verify', ...WAIT]);
  await assertNothingLost(users);
  await lab.crossfade(['delete', 'canary-verify', '--wait']);
});

test('the examples, under load, there and back', async (t) => {
  await withExamples(t, async (lab) => {
    for (const { name, body } of examples) {
      await t.test(name, () => body(lab).finally(() => lab.sendUsersHome()));
    }
  });
});

/** Which signs of a bad candidate end a release at once, and what is said of them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exitOf, watchCandidate } from '../../../src/core/decide/health.ts';
import type { Counts, Replica } from '../../../src/core/model.ts';
import type { World } from '../../simulation/world.ts';
import { draftOf, halfway } from './support.ts';

/** Why the candidate is given up, when its one replica shows this. */
function complaint(shows: Partial<Replica>, world: World = halfway()): string {
  for (const replica of world.replicas) if (replica.pool === '2-2') Object.assign(replica, shows);
  return given(world);
}

function given(world: World): string {
  const draft = draftOf(world);
  watchCandidate(draft);
  const phase = draft.state.release?.phase;
  return phase?.kind === 'aborting' ? `${phase.why.code}: ${phase.why.message}` : 'fine';
}

const exit = (code: number | null, signal: string | null = null) => ({ at: 0, code, signal });
const WHO = 'revision 2, replica 2-2-1';

test('it could not be started', () => {
  const failure = { code: 'E_NO_COMMAND', message: 'no such file' };
  assert.equal(complaint({ failure }), `E_NO_COMMAND: ${WHO} could not be started: no such file`);
});

test('it ended after it had been ready', () => {
  const said = `E_CANDIDATE_CRASHED: ${WHO} exited with code 3 after it had been ready; its last lines: "oh no"`;
  assert.equal(complaint({ crashes: 1, lastExit: exit(3), logTail: ['oh no'] }), said);
  assert.equal(complaint({ crashes: 0, lastExit: exit(3) }), 'fine');
});

test('it ends again and again before it is ready', () => {
  const shows = { ready: false, wasReady: false, lastExit: exit(null, 'SIGSEGV') };
  assert.equal(
    complaint({ ...shows, restarts: 3 }),
    `E_CANDIDATE_EXITS: ${WHO} was ended by SIGSEGV before it was ready, 3 times`,
  );
  assert.equal(complaint({ ...shows, restarts: 2 }), 'fine', 'that may be a slow start');
  assert.equal(complaint({ restarts: 3 }), 'fine', 'it was ready: those are no failed starts');
});

test('it has users and is not ready any more', () => {
  const lastProbe = { at: 0, ok: false, detail: 'GET /healthz answered 500' };
  const said = `E_CANDIDATE_UNREADY: ${WHO} is no longer ready: GET /healthz answered 500`;
  assert.equal(complaint({ ready: false, lastProbe }), said);
  assert.equal(complaint({ ready: false }), 'fine', 'it was not asked yet');
  assert.equal(complaint({ ready: false, lastProbe: { ...lastProbe, ok: true } }), 'fine');
  assert.equal(complaint({ ready: true, lastProbe }), 'fine', 'below the threshold');
  assert.equal(complaint({ ready: false, wasReady: false, lastProbe }), 'fine', 'it never was');
  const world = halfway();
  const table = structuredClone(world.state.table ?? assert.fail('no table'));
  table.members['2-2'] = [{ replica: 'another', address: 'h:1' }];
  world.state.table = table;
  assert.equal(complaint({ ready: false, lastProbe }, world), 'fine', 'no user is sent to it');
  table.members['2-2'].push({ replica: '2-2-1', address: 'h:2' });
  assert.equal(complaint({ ready: false, lastProbe }, world), said, 'users are sent to it, among others');
  delete world.state.table;
  assert.equal(complaint({ ready: false, lastProbe }, world), 'fine', 'nobody is sent anywhere');
});

test('replicas of stable, and those on their way out, are no complaint about the candidate', () => {
  const world = halfway();
  for (const replica of world.replicas) if (replica.pool === '1-1') Object.assign(replica, { crashes: 1 });
  assert.equal(given(world), 'fine');
  world.state.leaving['2-2-1'] = { pool: '2-2', generation: 1, stopped: false };
  assert.equal(complaint({ crashes: 1 }, world), 'fine');
});

test('how a replica ended, in words', () => {
  const replica = halfway().replicas[0] ?? assert.fail('no replica');
  assert.equal(exitOf(replica), 'ended');
  assert.equal(exitOf({ ...replica, lastExit: exit(0) }), 'exited with code 0');
  assert.equal(exitOf({ ...replica, lastExit: exit(null, 'SIGKILL') }), 'was ended by SIGKILL');
});

const NONE: Counts = { requests: 0, ok: 0, failed: 0, split: 0, probes: 0 };

/** What is said of a candidate that answered like this since it got users, so long ago. */
function answered(counts: Partial<Counts>, agoMs = 0, change: (world: World) => void = () => undefined) {
  const world = halfway();
  const release = world.state.release ?? assert.fail('no release');
  release.firstRouted = { epoch: 'e1', counts: NONE };
  release.cutover = { routeAt: world.now - agoMs };
  world.counts = { '2-2': { ...NONE, ...counts } };
  change(world);
  const draft = draftOf(world);
  watchCandidate(draft);
  const phase = draft.state.release?.phase;
  return {
    said: phase?.kind === 'aborting' ? `${phase.why.code}: ${phase.why.message}` : 'fine',
    wakesIn: draft.wakeAt === undefined ? undefined : draft.wakeAt - world.now,
    base: draft.state.release?.firstRouted,
  };
}

test('none of its first twenty requests was answered well', () => {
  const said = 'E_NO_SUCCESS: revision 2 answered none of its first 20 requests well (20 failed)';
  assert.equal(answered({ requests: 20, failed: 20 }).said, said);
  assert.equal(answered({ requests: 19, failed: 19 }).said, 'fine');
  assert.equal(answered({ requests: 20, failed: 19, ok: 1 }).said, 'fine');
  assert.equal(answered({ requests: 40, failed: 20, ok: 20 }).said, 'fine', 'it can answer');
  const marked = { requests: 20, failed: 20, probes: 1, probesOk: 1 };
  assert.equal(answered(marked).said, 'fine', 'it answered a marked one');
  assert.equal(answered({ ...marked, requests: 21, ok: 1 }).said, 'fine', 'and a user');
});

test('it lets its first twenty requests wait for ten seconds', () => {
  const waits = answered({ requests: 20, failed: 19 });
  assert.deepEqual([waits.said, waits.wakesIn], ['fine', 10_000]);
  assert.equal(answered({ requests: 20 }, 9_999).said, 'fine');
  assert.equal(
    answered({ requests: 20 }, 10_000).said,
    'E_NO_SUCCESS: revision 2 answered none of its first 20 requests well (0 failed)',
  );
  assert.equal(answered({ requests: 19 }, 10_000).said, 'fine');
});

test('where users are few, marked requests count too, if the router tells what became of them', () => {
  const counts = { requests: 5, failed: 5, probes: 15, probesOk: 0, probesFailed: 15 };
  const marked =
    'E_NO_SUCCESS: revision 2 answered none of its first 20 requests well (20 failed; 15 were marked requests of Crossfade itself)';
  assert.equal(answered(counts).said, marked);
  assert.equal(answered({ ...counts, probesOk: 1, probesFailed: 14 }).said, 'fine');
  const { probesOk: _, ...onlyFailed } = counts;
  assert.equal(answered(onlyFailed).said, marked);
  const { probesFailed: __, ...onlyOk } = counts;
  assert.equal(answered({ ...onlyOk, probesOk: 0 }).said, 'fine', 'ten of them failed at most');
  assert.equal(answered({ requests: 5, failed: 5, probes: 500 }, 20_000).said, 'fine', 'it does not tell');
});

test('counts of another life of the router, or of before users came, are another base', () => {
  const before = { ...NONE, requests: 100, failed: 100 };
  const now = { requests: 110, failed: 110 };
  const base = (firstRouted?: { epoch: string; counts: Counts }) =>
    answered(now, 0, ({ state }) => {
      if (!state.release) return;
      delete state.release.firstRouted;
      if (firstRouted) state.release.firstRouted = firstRouted;
    });
  assert.equal(base({ epoch: 'e1', counts: before }).said, 'fine', 'ten since');
  assert.match(base({ epoch: 'e1', counts: NONE }).said, /its first 110 requests/);
  const reset = base({ epoch: 'e0', counts: NONE });
  assert.deepEqual([reset.said, reset.base?.epoch, reset.base?.counts.requests], ['fine', 'e1', 110]);
  assert.match(base().said, /its first 110 requests/, 'the first measurement begins at nothing');
});

test('nothing is judged before users could have been there, or where nothing is measured', () => {
  const bad = { requests: 50, failed: 50 };
  assert.equal(answered(bad, 0, (world) => delete world.state.release?.cutover).said, 'fine');
  assert.equal(
    answered(bad, 0, (world) => {
      world.counts = { '1-1': { ...NONE, ...bad } };
    }).said,
    'fine',
  );
  const lost = answered(bad, 0, (world) => {
    world.router = 'lost';
  });
  assert.equal(lost.said, 'fine');
});

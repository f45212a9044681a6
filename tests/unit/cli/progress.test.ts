import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AppView } from '../../../src/api/types.ts';
import { EXIT } from '../../../src/cli/exit.ts';
import { createLiveLines } from '../../../src/cli/live.ts';
import { oldReplicasLeft, outcomeOf } from '../../../src/cli/outcome.ts';
import { plain } from '../../../src/cli/output/colour.ts';
import { NOTHING_SAID, progressStep } from '../../../src/cli/output/progress.ts';
import { app, release, settled, stage } from './views.ts';

/** What a follower prints of these views, as into a file. */
function transcript(views: readonly AppView[]): string[] {
  const written: string[] = [];
  const live = createLiveLines({ stdout: process.stdout, isTTY: false }, plain, {
    write: (text) => written.push(text.trimEnd()),
  });
  let said = NOTHING_SAID;
  for (const view of views) {
    const step = progressStep(said, view);
    said = step.said;
    for (const line of step.lines) live.line(line);
    live.now(step.now);
  }
  live.end();
  return written;
}

function rolling(counts: { updated: number; total: number; ready?: number }): AppView {
  return app({
    updatedReplicas: counts.updated,
    replicas: counts.total,
    readyReplicas: counts.ready ?? counts.total,
    release: release({ strategy: 'rolling', stages: [stage('roll', 'current'), stage('promoted', 'todo')] }),
  });
}

test('a rolling update says what kubectl says', () => {
  const views = [
    rolling({ updated: 1, total: 4 }),
    rolling({ updated: 1, total: 4 }),
    rolling({ updated: 2, total: 4 }),
    rolling({ updated: 3, total: 4 }),
    rolling({ updated: 3, total: 3, ready: 2 }),
  ];
  assert.deepEqual(transcript(views), [
    'release r4 of app "shop": rolling from revision #3 to revision #4 (v1-3333bbbb4444), 2 stages',
    'Waiting for app "shop" rollout to finish: 1 out of 3 new replicas have been updated...',
    'Waiting for app "shop" rollout to finish: 2 out of 3 new replicas have been updated...',
    'Waiting for app "shop" rollout to finish: 1 old replicas are pending termination...',
    'Waiting for app "shop" rollout to finish: 2 of 3 updated replicas are available...',
  ]);
});

test('stages are told once when they are done, and waiting only when its words change', () => {
  const first = release({
    stages: [
      stage('canary 8%', 'current', {
        askedPercent: 8,
        gates: [{ kind: 'verify', state: 'measuring', detail: '40 of 100 requests measured' }],
      }),
      stage('promoted', 'todo'),
    ],
  });
  const later = structuredClone(first);
  if (later.stages[0]?.gates[0]) later.stages[0].gates[0].detail = '80 of 100 requests measured';
  const ended = release({
    verdict: 'promoted',
    stages: [
      stage('canary 8%', 'done', { askedPercent: 8, measuredPercent: 8, requests: 100 }),
      stage('promoted', 'done'),
    ],
  });
  const views = [app({ release: first }), app({ release: later }), settled({ lastRelease: ended })];
  assert.deepEqual(transcript(views), [
    'release r4 of app "shop": canary from revision #3 to revision #4 (v1-3333bbbb4444), 2 stages',
    '  stage 1/2 canary 8%: asked 8%; 40 of 100 requests measured',
    '  stage 1/2 canary 8%: done (asked 8%, measured 8% of 100 requests)',
    '  stage 2/2 promoted: done',
  ]);
});

test('a stage in which a release was given up is not told to be done', () => {
  const stages = [stage('canary 8%', 'current'), stage('promoted', 'todo')];
  const ended = release({
    verdict: 'aborted',
    stages: [stage('canary 8%', 'done'), stage('promoted', 'skipped')],
  });
  assert.deepEqual(transcript([app({ release: release({ stages }) }), settled({ lastRelease: ended })]), [
    'release r4 of app "shop": canary from revision #3 to revision #4 (v1-3333bbbb4444), 2 stages',
    '  stage 1/2 canary 8%',
  ]);
});

test('a paused and an aborting release say so', () => {
  const paused = app({ release: release({ paused: true }) });
  assert.equal(progressStep(NOTHING_SAID, paused).now, '  paused; to go on: crossfade rollout resume shop');
  const aborting = app({ phase: 'Aborting', message: 'draining 2 replicas' });
  assert.equal(progressStep(NOTHING_SAID, aborting).now, '  going back to stable: draining 2 replicas');
});

test('before the daemon has looked at the spec, nothing has ended', () => {
  const view = settled({ observedGeneration: 4 });
  assert.equal(outcomeOf(view, { generation: 5 }), undefined);
  assert.equal(progressStep(NOTHING_SAID, view).now, 'Waiting for app spec update to be observed...');
});

test('each verdict ends with its exit code and reason', () => {
  const reason = { code: 'CandidateExited', message: 'replica shop-4-1-a exited with code 1' };
  const ended = (verdict: 'promoted' | 'aborted' | 'superseded' | 'inconclusive'): AppView =>
    settled({ lastRelease: release({ verdict, reason: verdict === 'promoted' ? null : reason }) });
  const goal = { generation: 5 };
  assert.deepEqual(outcomeOf(ended('promoted'), goal), {
    exit: EXIT.ok,
    line: 'app "shop" successfully rolled out',
  });
  assert.deepEqual(outcomeOf(ended('aborted'), goal), {
    exit: EXIT.aborted,
    line: 'release r4 of app "shop" was aborted: replica shop-4-1-a exited with code 1 (CandidateExited)',
  });
  assert.equal(outcomeOf(ended('superseded'), goal)?.exit, EXIT.aborted);
  assert.equal(outcomeOf(ended('inconclusive'), goal)?.exit, EXIT.timeout);
});

test('the verdict of an earlier release is not taken for the one that is waited for', () => {
  const old = release({ id: 'r3', verdict: 'aborted' });
  const goal = { generation: 5, before: ['r3'] };
  const scaling = settled({ lastRelease: old, replicas: 2, readyReplicas: 2, updatedReplicas: 2 });
  assert.equal(outcomeOf(scaling, goal), undefined);
  assert.equal(outcomeOf(settled({ lastRelease: old }), goal)?.exit, EXIT.ok);
  assert.equal(outcomeOf(settled({ lastRelease: old }), { generation: 5 })?.exit, EXIT.aborted);
});

test('quiet is not the end where a release is certain to come', () => {
  const goal = { generation: 5, before: ['r4'], releaseIsCertain: true };
  assert.equal(outcomeOf(settled(), goal), undefined);
  assert.equal(outcomeOf(settled(), { generation: 5, before: ['r4'] })?.exit, EXIT.ok);
});

test('a frozen App ends the waiting', () => {
  const outcome = outcomeOf(app({ phase: 'Frozen', message: 'invariant 1 is broken' }), { generation: 5 });
  assert.deepEqual(outcome, { exit: EXIT.failed, line: 'app "shop" is frozen: invariant 1 is broken' });
});

test('retiring replicas are waited for, warm ones are not', () => {
  assert.equal(oldReplicasLeft(settled({ replicas: 4 })), true);
  assert.equal(oldReplicasLeft(settled({ replicas: 6, warmUntil: '2026-03-01T12:20:00Z' })), false);
  assert.equal(oldReplicasLeft(settled()), false);
});

test('on a terminal the live line is overwritten and cut to its width', () => {
  const written: string[] = [];
  const stdout = Object.assign(Object.create(process.stdout), { columns: 12 });
  const live = createLiveLines({ stdout, isTTY: true }, plain, { write: (text) => written.push(text) });
  live.now('waiting for 10 requests');
  live.now('waiting for 20 requests');
  live.line('done');
  live.end();
  assert.deepEqual(written, ['waiting for', '\r\u001b[K', 'waiting for', '\r\u001b[K', 'done\n']);
});

test('a roll, which asks for no share, is done without one', () => {
  const ended = release({
    strategy: 'rolling',
    verdict: 'promoted',
    stages: [
      stage('roll', 'done', { askedPercent: null, measuredPercent: 66.7, requests: 300 }),
      stage('promoted', 'done'),
    ],
  });
  const views = [rolling({ updated: 3, total: 3 }), settled({ lastRelease: ended })];
  assert.ok(transcript(views).includes('  stage 1/2 roll: done'), transcript(views).join('\n'));
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AppView, ReleaseView, StageView } from '../../../src/api/types.ts';
import { demoReport, reportLines, succeeded, type Told, wrapped } from '../../../src/cli/demo-report.ts';
import { sceneLines } from '../../../src/cli/demo-screen.ts';
import { shopFolder } from '../../../src/cli/demo-shop.ts';
import { plain } from '../../../src/cli/output/colour.ts';
import { ASCII } from '../../../src/cli/output/glyphs.ts';
import type { ProbeSummary } from '../../../src/probe/types.ts';

const stage = (name: string, more: Partial<StageView> = {}): StageView => ({
  name,
  state: 'done',
  askedPercent: null,
  measuredPercent: null,
  requests: null,
  gates: [],
  startedAt: null,
  endedAt: null,
  ...more,
});

const release = (more: Partial<ReleaseView> = {}): ReleaseView => ({
  id: 'r2',
  cause: 'apply',
  strategy: 'canary',
  actor: 'demo',
  revision: 'v1-222222222222',
  revisionNumber: 2,
  fromRevision: 'v1-111111111111',
  fromRevisionNumber: 1,
  startedAt: '2026-01-01T00:00:00.000Z',
  endedAt: '2026-01-01T00:00:06.500Z',
  verdict: 'promoted',
  reason: null,
  paused: false,
  stages: [
    stage('canary 20%', { askedPercent: 20, measuredPercent: 20, requests: 412 }),
    stage('canary 100%', { askedPercent: 100, measuredPercent: 100, requests: 1200 }),
    stage('promoted'),
  ],
  outageMs: null,
  refused: 0,
  held: 0,
  cutoverMs: 2.5,
  ...more,
});

const traffic = (failed = 0): ProbeSummary => ({
  requests: 1840,
  failed,
  failures: failed === 0 ? {} : { reset: failed },
  p50Ms: 1.2,
  p99Ms: 6,
  slowestMs: 12.5,
  byRevision: {},
  byStatus: {},
  durationMs: 9200,
  requestsPerSecond: 200,
  notSent: 0,
  switches: [],
});

const aborted = release({
  verdict: 'aborted',
  reason: {
    code: 'E_REPLICA_EXITED',
    message: `replica shop-3-1 exits at its start. ${'Its log says why. '.repeat(8)}`,
  },
});
const good: Told = { release: release(), traffic: traffic(), answers: [] };
const bad: Told = { release: aborted, traffic: traffic(), answers: [] };

test('the report has the fixed fields, and null where no share was asked', () => {
  assert.deepEqual(demoReport('canary', good, bad), {
    strategy: 'canary',
    requests: 1840,
    failed: 0,
    slowestMs: 12.5,
    cutoverMs: 2.5,
    outageMs: null,
    stages: [
      { name: 'canary 20%', askedPercent: 20, measuredPercent: 20, requests: 412 },
      { name: 'canary 100%', askedPercent: 100, measuredPercent: 100, requests: 1200 },
      { name: 'promoted', askedPercent: null, measuredPercent: null, requests: 0 },
    ],
    verdict: 'promoted',
    badRelease: { verdict: 'aborted', reason: aborted.reason, failed: 0 },
  });
});

test('what no gate measured is measured by who answered the users, in the time of that stage', () => {
  const at = (seconds: number) => new Date(seconds * 1000).toISOString();
  const preview = stage('preview', { askedPercent: 0, startedAt: at(10) });
  const outage = stage('start', { askedPercent: 100, startedAt: at(20) });
  const last = stage('promoted', { askedPercent: 100, startedAt: at(30) });
  const answers = [
    { at: 9_000, revision: 'v1-222222222222' },
    { at: 10_000, revision: 'v1-111111111111' },
    { at: 19_999, revision: 'v1-111111111111' },
    { at: 30_001, revision: 'v1-222222222222' },
  ];
  const told = { ...good, release: release({ stages: [preview, outage, last] }), answers };
  assert.deepEqual(demoReport('recreate', told, bad).stages, [
    { name: 'preview', askedPercent: 0, measuredPercent: 0, requests: 2 },
    { name: 'start', askedPercent: null, measuredPercent: null, requests: 0 },
    { name: 'promoted', askedPercent: 100, measuredPercent: 100, requests: 1 },
  ]);
});

test('the demo succeeds only when nothing failed, the good version is on and the bad one was stopped', () => {
  assert.equal(succeeded(demoReport('canary', good, bad)), true);
  assert.equal(succeeded(demoReport('canary', { ...good, traffic: traffic(1) }, bad)), false);
  assert.equal(succeeded(demoReport('canary', good, { ...bad, traffic: traffic(1) })), false);
  assert.equal(succeeded(demoReport('canary', bad, bad)), false);
  assert.equal(succeeded(demoReport('canary', good, good)), false);
});

test('what is shown fits 80 columns', () => {
  const report = demoReport('canary', good, bad);
  const told = reportLines(report, { ...good, traffic: traffic(3) }, bad, plain);
  assert.ok(told.some((line) => /failed +3 \(reset 3\)/.test(line)));
  assert.ok(told.some((line) => /canary 20% +asked 20\.00% +measured 20\.00% +of 412/.test(line)));
  const scene = sceneLines(
    {
      release: release({
        verdict: null,
        stages: [stage('canary 20%', { state: 'current', askedPercent: 20 })],
      }),
      status: { message: 'measuring' } as AppView['status'],
      traffic: traffic(),
      shares: [
        { name: '1.0.0', share: 0.8 },
        { name: '2.0.0', share: 0.2 },
      ],
    },
    plain,
    ASCII,
  );
  assert.ok(scene.some((line) => line.includes('> canary 20%  asked 20.00%')));
  assert.ok(scene.some((line) => /#{32}░{8} {2}1\.0\.0 80% {2}2\.0\.0 20%/.test(line)));
  for (const line of [...told, ...scene]) assert.ok(line.length <= 80, `${line.length}: ${line}`);
});

test('long words stay whole, lines of a log stay lines', () => {
  assert.deepEqual(wrapped('a bb ccc\nlonger-than-that dd', 6), ['a bb', 'ccc', 'longer-than-that', 'dd']);
});

test("the shop is found from the program's own folder", () => {
  assert.match(shopFolder(), /examples\/shop$/);
});

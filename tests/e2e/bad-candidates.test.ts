/**
 * A candidate that is bad in every way that shows at once: the release ends with stable at 100%, says why, and the
 * revision is not started again until a person says so.
 */
import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import type { AppView, ReasonView } from '../../src/api/types.ts';
import { freePort } from '../support/free-port.ts';
import {
  type AppDocument,
  STRATEGIES,
  type StrategyName,
  serviceApp,
  strategyOf,
  withEnv,
} from './harness/app-files.ts';
import { type Lab, WAIT, withLab } from './harness/lab.ts';
import { assertNoFailure, failuresOf, type Seen, startLoad } from './harness/load.ts';
import { allCells, type Cell, chosenCells } from './harness/matrix.ts';

const MATRIX = {
  strategy: STRATEGIES,
  bad: ['exits', 'neverReady', 'crashes', 'hangs', 'hangsLater', 'wrongPort', 'answers500'],
} as const;
type Bad = Cell<typeof MATRIX>['bad'];

/** What an operator has to be told: the code, and the cause in words. */
const TOLD: Record<Bad, { code: RegExp; cause: RegExp[] }> = {
  exits: {
    code: /^E_CANDIDATE_EXITS$/,
    cause: [/exited with code 7 before it was ready/, /fatal: no configuration for this environment/],
  },
  neverReady: { code: /^E_PROGRESS_DEADLINE$/, cause: [/is not ready: GET \/healthz answered 503/] },
  // Whichever is seen first: that it is gone, or that users get no answer.
  crashes: {
    code: /^E_CANDIDATE_CRASHED$|^E_NO_SUCCESS$|^E_CANDIDATE_UNREADY$/,
    cause: [
      /exited with code 9 after it had been ready.*fatal: out of memory, as it were|answered none of |is no longer ready/,
    ],
  },
  hangs: { code: /^E_PROGRESS_DEADLINE$/, cause: [/is not ready: no answer within 1 s/] },
  // Whichever is seen first: that it fails its probe, or that users wait.
  hangsLater: {
    code: /^E_CANDIDATE_UNREADY$|^E_NO_SUCCESS$|^E_PROGRESS_DEADLINE$/,
    cause: [/no answer within 1 s|answered none of /],
  },
  wrongPort: {
    code: /^E_PROGRESS_DEADLINE$/,
    cause: [/connection refused on 127\.0\.0\.1:\d+; the replica listens on \d+ instead of the port in PORT/],
  },
  answers500: {
    code: /^E_NO_SUCCESS$/,
    cause: [
      /answered none of its first \d+ requests well \(\d+ failed(; \d+ were marked requests of Crossfade itself)?\)/,
    ],
  },
};

/** Those that users cannot meet, for they never get into the route. */
const UNSEEN: readonly Bad[] = ['exits', 'neverReady', 'hangs', 'wrongPort'];

test('a bad candidate is stopped, explained and held', { concurrency: 4 }, async (t) => {
  const cells = chosenCells('bad candidates', allCells(MATRIX), { strength: 1, times: 2 });
  await withLab(t, async (lab) => {
    await lab.crossfade(['get', 'apps']);
    const one = (strategy: StrategyName) => {
      const kinds = cells.filter((cell) => cell.strategy === strategy).map(({ bad }) => bad);
      return t.test(strategy, (part) => oneAfterTheOther(part, lab, strategy, kinds));
    };
    await Promise.all(STRATEGIES.map(one));
  });
});

async function oneAfterTheOther(
  t: TestContext,
  lab: Lab,
  strategy: StrategyName,
  kinds: readonly Bad[],
): Promise<void> {
  const name = `bad-${strategy.toLowerCase()}`;
  const listen = await freePort();
  const app = serviceApp({
    name,
    listen,
    strategy: strategyOf(strategy),
    spec: {
      progressDeadlineSeconds: 5,
      route: { listen, upstreamTimeout: '5s' },
      drain: { timeout: '2s' },
      terminationGracePeriodSeconds: 2,
    },
  });
  await lab.apply(app);
  for (const bad of kinds) {
    await t.test(bad, () => lab.explaining(name, () => stopBad(lab, app, bad, listen)));
  }
  await lab.crossfade(['delete', name, '--wait']);
}

async function stopBad(lab: Lab, app: AppDocument, bad: Bad, listen: number): Promise<void> {
  const { name } = app.metadata;
  const url = `http://127.0.0.1:${listen}/`;
  const badWhile = path.join(lab.folder, `${name}-${bad}`);
  await writeFile(badWhile, '');
  const candidate = withEnv(app, { VERSION: `2, which ${bad}`, BAD: bad, BAD_WHILE: badWhile });
  const before = (await lab.app(name)).status.stableRevision;
  const load = startLoad(url);
  await load.more(20);
  const { stdout, stderr } = await lab.apply(candidate, [...WAIT, '-o', 'json'], 6).finally(load.stop);

  const shown = await lab.crossfade(['get', 'app', name, '-o', 'json']);
  const { status } = JSON.parse(shown.stdout) as AppView;
  assertGoneBack(status, before, bad);
  const reason = status.lastRelease?.reason as ReasonView;
  assert.match(stderr, new RegExp(`was aborted: ${escaped(reason.message)} \\(${reason.code}\\)`));
  const printed = JSON.parse(stdout) as AppView;
  assert.deepEqual(printed.status.lastRelease?.reason, reason);
  assertUsersSpared(load.seen, app, bad, status);

  const after = startLoad(url, { connections: 'mixed', requests: 40, rps: 200 });
  await after.more(40);
  await after.stop();
  assertNoFailure(after.seen, 'after the release was stopped');
  assert.deepEqual([...new Set(after.seen.map(({ revision }) => revision))], [before]);

  await assertHeld(lab, candidate, status, reason);
  await rm(badWhile);
  await retry(lab, candidate, status);
}

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

function assertGoneBack(status: AppView['status'], before: string | null, bad: Bad): void {
  const { code, cause } = TOLD[bad];
  const told = JSON.stringify(status, null, 2);
  assert.equal(status.release, null, told);
  assert.equal(status.stableRevision, before, told);
  assert.deepEqual(
    status.route.map(({ revision, weightPercent }) => ({ revision, weightPercent })),
    [{ revision: before, weightPercent: 100 }],
    told,
  );
  assert.equal(status.lastRelease?.verdict, 'aborted', told);
  assert.match(status.lastRelease?.reason?.code ?? '', code, told);
  if (status.lastRelease?.strategy === 'recreate')
    assert.equal(typeof status.lastRelease.outageMs, 'number', told);
  for (const words of cause) assert.match(status.lastRelease?.reason?.message ?? '', words, told);
}

/** Whoever failed was on the candidate, or in the outage that was declared. */
function assertUsersSpared(
  seen: readonly Seen[],
  app: AppDocument,
  bad: Bad,
  status: AppView['status'],
): void {
  const isOutage =
    'recreate' in (app.spec.strategy as object) && !JSON.stringify(app.spec.strategy).includes('hold');
  const undeclared = failuresOf(seen).filter(
    ({ failure, detail }) =>
      !(isOutage && failure === 'http_503_router' && detail.startsWith('503 E_NOT_ADMITTED')),
  );
  if (UNSEEN.includes(bad)) assertNoFailure(undeclared, `on a candidate that ${bad}`);
  const byStable = undeclared.filter(({ revision }) => revision === status.stableRevision);
  assertNoFailure(byStable, 'on the stable version');
}

/** Applied again it stays where it is, and the answer says so. */
async function assertHeld(
  lab: Lab,
  candidate: AppDocument,
  { lastRelease, heldRevisions }: AppView['status'],
  reason: ReasonView,
): Promise<void> {
  const { name } = candidate.metadata;
  assert.deepEqual(
    heldRevisions.find(({ revision }) => revision === lastRelease?.revision),
    { revision: lastRelease?.revision, reason },
  );
  const { stdout } = await lab.apply(candidate, WAIT, 5);
  assert.match(stdout, new RegExp(`app/${name} held`));
  assert.match(stdout, /rollout retry/);
  const { status } = await lab.app(name);
  assert.equal(status.release, null);
  assert.equal(status.lastRelease?.id, lastRelease?.id, 'a held revision was started again');
}

/** Whatever was wrong with its world is mended: a person lets it try again. */
async function retry(lab: Lab, candidate: AppDocument, before: AppView['status']): Promise<void> {
  const { name } = candidate.metadata;
  const needsPerson = 'abTest' in (candidate.spec.strategy as object);
  await lab.crossfade(['rollout', 'retry', name, ...(needsPerson ? [] : WAIT)]);
  if (needsPerson) {
    await lab.until(name, 'the experiment waits for a person', ({ status }) => status.phase === 'Paused');
    await lab.crossfade(['rollout', 'promote', name, ...WAIT]);
  }
  const { status } = await lab.app(name);
  const { cause, verdict, revision } = status.lastRelease ?? assert.fail('no release');
  assert.deepEqual(
    { cause, verdict, revision },
    { cause: 'retry', verdict: 'promoted', revision: before.lastRelease?.revision },
  );
  assert.equal(status.stableRevision, before.lastRelease?.revision);
  assert.deepEqual(
    status.heldRevisions.filter((held) => held.revision === revision),
    [],
  );
}

/** One App that is released again and again, each time on another way, while its daemon may die at any moment. */
import assert from 'node:assert/strict';
import { waitFor } from '../../support/wait-for.ts';
import type { StrategyName } from './app-files.ts';
import { createDriver, type Driver } from './driver.ts';
import type { FaultyDaemon } from './faulty-daemon.ts';
import type { Lab } from './lab.ts';
import { openSite, type Site } from './site.ts';

/** What a release can be. */
export const WAYS = ['promote', 'undo', 'abort'] as const;
export type Way = (typeof WAYS)[number];

const REPLICAS = 2;

/** Nothing is kept warm: what was retired is gone before the next release. */
const STRATEGY: Readonly<Record<StrategyName, unknown>> = {
  recreate: { recreate: {} },
  'recreate-hold': { recreate: { hold: { maxRequests: 5_000, maxWait: '60s' } } },
  rolling: { rolling: { maxSurge: 1, maxUnavailable: 0 } },
  blueGreen: { blueGreen: { autoPromotionEnabled: false, scaleDownDelaySeconds: 0 } },
  canary: { canary: { steps: [{ setWeight: 50 }, { pause: {} }], scaleDownDelaySeconds: 0 } },
  abTest: { abTest: { split: { percent: 40, by: { cookie: 'user' } }, scaleDownDelaySeconds: 0 } },
};
/** These wait for a person while both versions run. */
const PAUSES: readonly StrategyName[] = ['blueGreen', 'canary', 'abTest'];

export interface Subject {
  site: Site;
  daemon: FaultyDaemon;
  driver: Driver;
  strategy: StrategyName;
  /** The version that is stable, and the one that was before: undo goes from one to the other. */
  stable: number;
  before: number;
  /** The highest version so far. */
  last: number;
  /** Number of the last release. */
  releases: number;
}

/** Nothing runs yet. */
export async function openSubject(
  lab: Lab,
  daemon: FaultyDaemon,
  strategy: StrategyName,
  listen: number,
): Promise<Subject> {
  const site = await openSite(lab, {
    name: strategy.toLowerCase(),
    strategy: STRATEGY[strategy],
    replicas: REPLICAS,
    listen,
    rps: 20,
    // Some requests are under way whenever a replica has to go.
    env: { DELAYS: 'long' },
  });
  const driver = createDriver(site, daemon);
  return { site, daemon, driver, strategy, stable: 0, before: 0, last: 0, releases: 0 };
}

/**
 * One release from its beginning to its end.
 * @param arm called once everything is ready for this way
 */
export async function goOneWay(
  subject: Subject,
  way: Way,
  arm: () => Promise<unknown>,
  { mayBeUndone = false } = {},
): Promise<void> {
  const { driver } = subject;
  const release = `r${subject.releases + 1}`;
  const next = nextVersion(subject);
  if (way === 'abort') await reachMiddle(subject, next);
  await arm();
  if (way === 'promote') await driver.apply(next);
  else assert.notEqual((await driver.command(way)).result, 'refused');
  const { verdict, reason } = await driver.toTheEndOf(release);
  const expected = way === 'abort' ? ['aborted'] : ['promoted', ...(mayBeUndone ? ['aborted'] : [])];
  assert.ok(expected.includes(verdict ?? ''), `${verdict}: ${JSON.stringify(reason)}`);
  subject.releases += 1;
  if (way !== 'undo') subject.last = next;
  const now = verdict === 'aborted' ? subject.stable : way === 'undo' ? subject.before : next;
  if (now !== subject.stable) [subject.stable, subject.before] = [now, subject.stable];
  if (way === 'abort') await subject.site.hold(next).lift();
  const settled = await driver.until('only what is stable', ({ status }) => status.replicas === REPLICAS);
  assert.equal(settled.status.candidateRevision, null);
  assert.equal(await saysVersion(subject.site), String(now));
}

/** Its replicas are held back by another hold than those of the stable one. */
const nextVersion = ({ last, stable }: Subject) => last + ((last + 1) % 2 === stable % 2 ? 2 : 1);

/** Both versions run, and the release stays where it is. */
async function reachMiddle({ driver, site, strategy }: Subject, version: number): Promise<void> {
  const pauses = PAUSES.includes(strategy);
  if (!pauses) await site.hold(version).close();
  await driver.apply(version);
  if (pauses) await site.until('the pause', ({ status }) => status.phase === 'Paused');
  else
    await waitFor(async () => (await site.replicas('candidate')).length > 0, {
      timeoutMs: 60_000,
      what: 'a candidate',
    });
}

async function saysVersion({ listen }: Site): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${listen}/`);
  return answer.text();
}

/** Points of a release at which it stands still until the test lets it go on. */
import type { AppView } from '../../../src/api/types.ts';
import { waitFor } from '../../support/wait-for.ts';
import type { Seen } from './load.ts';
import type { Site, SiteOptions } from './site.ts';

export interface Moment {
  options: Omit<SiteOptions, 'name'>;
  /** From nothing to here. */
  enter(site: Site): Promise<void>;
  /** Lets the release go on, to its end. */
  goOn(site: Site): Promise<void>;
  /** It waits for a person, moves by itself, or goes back to stable. */
  stands: 'waits' | 'moves' | 'goesBack';
  /** How the release then ends. */
  ends: 'promoted' | 'aborted';
  /** What becomes of it when a replica of the candidate is killed. */
  whenCandidateDies: 'aborted' | 'goesOn';
  /** No version serves here by declaration. */
  isOutage?: boolean;
}

const canarySteps = [{ setCanaryScale: { replicas: 2 } }, { setWeight: 50 }, { pause: {} }];
const rolling = { rolling: { maxSurge: 1, maxUnavailable: 0 } };

const CANARY_STARTING: Moment = {
  options: { strategy: { canary: { steps: canarySteps } }, replicas: 2 },
  async enter(site) {
    await withStable(site);
    await site.hold(2).close();
    await site.apply(2, []);
    await replicas(site, 'candidate', 2);
  },
  async goOn(site) {
    await site.hold(2).lift();
    await promoteAtPause(site);
  },
  stands: 'moves',
  ends: 'promoted',
  whenCandidateDies: 'goesOn',
};

const CANARY_PAUSED: Moment = {
  ...CANARY_STARTING,
  async enter(site) {
    await withStable(site);
    await site.apply(2, []);
    await site.until('the pause', isPaused);
  },
  goOn: promoteAtPause,
  stands: 'waits',
  whenCandidateDies: 'aborted',
};

const PREVIEW: Moment = {
  ...CANARY_PAUSED,
  options: { strategy: { blueGreen: { autoPromotionEnabled: false } }, replicas: 2 },
};

const AB_TEST: Moment = {
  ...CANARY_PAUSED,
  options: { strategy: { abTest: { split: { percent: 40, by: { cookie: 'user' } } } }, replicas: 2 },
};

const ROLLING_MIDWAY: Moment = {
  options: { strategy: rolling, replicas: 3 },
  async enter(site) {
    await withStable(site);
    await site.hold(2).close();
    await site.apply(2, []);
    const [first] = await replicas(site, 'candidate', 1);
    await site.hold(2).allow(first ?? '');
    await replicas(site, 'candidate', 2);
    await replicas(site, 'stable', 2);
  },
  async goOn(site) {
    await site.hold(2).lift();
    await site.until('its end', hasEnded);
  },
  stands: 'moves',
  ends: 'promoted',
  whenCandidateDies: 'aborted',
};

const ROLLING_BACK: Moment = {
  ...ROLLING_MIDWAY,
  async enter(site) {
    await ROLLING_MIDWAY.enter(site);
    await closeOld(site);
    await site.lab.crossfade(['rollout', 'abort', site.name]);
    await replicas(site, 'stable', 3);
    await replicas(site, 'candidate', 1);
  },
  async goOn(site) {
    await site.hold(1).lift();
    await site.until('its end', hasEnded);
  },
  stands: 'goesBack',
  ends: 'aborted',
  whenCandidateDies: 'goesOn',
};

const RECREATE_STOPPED: Moment = {
  options: { strategy: { recreate: {} }, replicas: 2 },
  async enter(site) {
    await withStable(site);
    await site.hold(2).close();
    await site.apply(2, []);
    await replicas(site, 'candidate', 2);
    await replicas(site, 'stable', 0);
  },
  goOn: ROLLING_MIDWAY.goOn,
  stands: 'moves',
  ends: 'promoted',
  whenCandidateDies: 'goesOn',
  isOutage: true,
};

const RECREATE_BACK: Moment = {
  ...RECREATE_STOPPED,
  async enter(site) {
    await RECREATE_STOPPED.enter(site);
    await closeOld(site);
    await site.lab.crossfade(['rollout', 'abort', site.name]);
    await replicas(site, 'candidate', 0);
    await replicas(site, 'stable', 2);
  },
  goOn: ROLLING_BACK.goOn,
  stands: 'goesBack',
  ends: 'aborted',
};

const FIRST_RELEASE: Moment = {
  options: { strategy: rolling, replicas: 2 },
  async enter(site) {
    await site.hold(2).close();
    site.begin();
    await site.apply(2, []);
    await replicas(site, 'candidate', 2);
  },
  goOn: ROLLING_MIDWAY.goOn,
  stands: 'moves',
  ends: 'promoted',
  whenCandidateDies: 'goesOn',
  isOutage: true,
};

export const MOMENTS = {
  'canary starting': CANARY_STARTING,
  'canary paused': CANARY_PAUSED,
  'blueGreen preview': PREVIEW,
  'abTest running': AB_TEST,
  'rolling midway': ROLLING_MIDWAY,
  'rolling back': ROLLING_BACK,
  'recreate stopped': RECREATE_STOPPED,
  'recreate back': RECREATE_BACK,
  'first release': FIRST_RELEASE,
} as const satisfies Record<string, Moment>;
export type MomentName = keyof typeof MOMENTS;
export const MOMENT_NAMES = Object.keys(MOMENTS) as MomentName[];

/** What is the same again after every repair. */
export function standing({ status }: AppView): string {
  const { phase, replicas, readyReplicas, stableRevision, candidateRevision, release } = status;
  const stage = release?.stages.find(({ state }) => state === 'current')?.name;
  return `${phase} ${release?.id} ${stage}: ${readyReplicas} of ${replicas}, ${stableRevision} ${candidateRevision}`;
}

/** The router's own answer while nobody is served by declaration, or before anybody could be. */
export const isOwnRefusal = ({ failure, detail }: Seen): boolean =>
  failure === 'refused' ||
  (failure === 'http_503_router' && /E_(NOT_ADMITTED|NO_ROUTE|NO_APP|NO_REPLICA) /.test(detail));

export const hasEnded = ({ status }: AppView): boolean =>
  status.release === null && status.lastRelease !== null;
const isPaused = ({ status }: AppView) => status.phase === 'Paused';

async function withStable(site: Site): Promise<void> {
  await site.apply(1);
  site.begin();
  await site.load.more(5);
}

async function promoteAtPause(site: Site): Promise<void> {
  await site.until('the pause', isPaused);
  await site.lab.crossfade(['rollout', 'promote', site.name]);
  await site.until('its end', hasEnded);
}

/** Names of so many replicas, once they are there. */
function replicas(site: Site, role: 'stable' | 'candidate', count: number): Promise<string[]> {
  const arrived = async () => {
    const found = (await site.replicas(role)).filter(({ phase }) => phase !== 'stopping');
    return found.length === count ? found.map(({ id }) => id) : undefined;
  };
  return waitFor(arrived, { timeoutMs: 60_000, what: `${site.name}: ${count} replicas as ${role}` });
}

/** Those of version 1 that are there stay ready; new ones do not get it. */
async function closeOld(site: Site): Promise<void> {
  await site.hold(1).close((await site.replicas('stable')).map(({ id }) => id));
}

import type { RuleContext } from './rules.ts';
import { listWords } from './schema-base.ts';

type Rule = (context: RuleContext) => void;

const TRAFFIC_STRATEGIES: ReadonlySet<string | undefined> = new Set(['blueGreen', 'canary', 'abTest']);

/** A strategy that moves requests needs requests to move. routeNeedsPort tells about a route without a port. */
const trafficNeedsRoute: Rule = ({ strategy, given, problem }) => {
  if (!TRAFFIC_STRATEGIES.has(strategy) || given('route')) return;
  const missing = given('port') ? ['spec.route'] : ['spec.port', 'spec.route'];
  problem(
    ['strategy', String(strategy)],
    `moves requests from one version to the next, but ${listWords(missing, 'and')} ${missing.length > 1 ? 'are' : 'is'} missing`,
    { suggestion: 'workers without a route can use recreate or rolling' },
  );
};

const holdNeedsRoute: Rule = ({ spec, given, problem }) => {
  const hold = spec.strategy?.recreate?.hold;
  if (hold === undefined || hold === false || given('route')) return;
  problem(['strategy', 'recreate', 'hold'], 'holds requests at the route, but spec.route is missing', {
    suggestion: 'remove hold, or add port and route',
  });
};

/** Kubernetes refuses this too: nothing could ever move. */
const somethingMayMove: Rule = ({ spec, problem }) => {
  const rolling = spec.strategy?.rolling;
  if (!rolling) return;
  const isZero = (value: number | string) => value === 0 || value === '0%';
  if (isZero(rolling.maxSurge) && isZero(rolling.maxUnavailable)) {
    problem(
      ['strategy', 'rolling'],
      'maxSurge and maxUnavailable must not both be 0, for then no replica could be replaced',
      { suggestion: 'set maxSurge: 1' },
    );
  }
};

const promotionAgrees: Rule = ({ spec, problem }) => {
  const blueGreen = spec.strategy?.blueGreen;
  if (!blueGreen || blueGreen.autoPromotionEnabled || blueGreen.autoPromotionSeconds === undefined) return;
  problem(
    ['strategy', 'blueGreen', 'autoPromotionSeconds'],
    'promotes by itself, but autoPromotionEnabled is false',
    { suggestion: 'remove one of them' },
  );
};

const experimentHasUsers: Rule = ({ spec, problem }) => {
  const abTest = spec.strategy?.abTest;
  if (!abTest || abTest.match.length > 0) return;
  if (abTest.split && abTest.split.percent > 0) return;
  problem(
    ['strategy', 'abTest'],
    abTest.split
      ? 'without match, split.percent must be more than 0: nobody would get the new version'
      : 'needs match or split: nobody would get the new version',
    { suggestion: 'add split: { percent: 50 }, or match: [{ headers: { x-group: beta } }]' },
  );
};

/** Removing a route that no step has set is a name mistyped. */
const removedRoutesExist: Rule = ({ spec, problem }) => {
  const names = new Set<string>();
  for (const [index, step] of spec.strategy?.canary?.steps.entries() ?? []) {
    const route = step.setHeaderRoute;
    if (!route) continue;
    if (route.match.length === 0 && !names.has(route.name)) {
      problem(
        ['strategy', 'canary', 'steps', index, 'setHeaderRoute'],
        `has no match, which removes the route ${JSON.stringify(route.name)}, but no step before sets it`,
        { suggestion: 'add match, such as [{ headers: { x-group: beta } }]' },
      );
    }
    names.add(route.name);
  }
};

/** Copies are for a version that has no users yet: of one that has, somebody would be sent there twice. */
const mirrorComesFirst: Rule = ({ spec, problem }) => {
  let hasWeight = false;
  for (const [index, step] of spec.strategy?.canary?.steps.entries() ?? []) {
    if (step.setWeight !== undefined) hasWeight = step.setWeight > 0;
    if (step.setMirror === undefined || step.setMirror === 0 || !hasWeight) continue;
    problem(
      ['strategy', 'canary', 'steps', index, 'setMirror'],
      'copies requests to a version that a step before has given a weight: it would get some of them twice',
      { suggestion: 'put it before the first setWeight above 0, which ends it' },
    );
  }
};

/** Users who stay where they are bring many requests each: no independent samples, however many there are. */
const splitOfUsersIsProbed: Rule = ({ spec, problem }) => {
  const { canary, abTest } = spec.strategy ?? {};
  const bySample = canary?.sticky !== undefined || (abTest?.split?.percent ?? 0) > 0;
  if (!bySample || spec.verify?.onNoTraffic !== 'hold') return;
  problem(
    ['verify', 'onNoTraffic'],
    'must be probe where users stay on the version they got: their requests cannot show whether the split is followed, so the release would wait for ever',
    { suggestion: 'remove it: marked requests, each as a user of its own, are the default' },
  );
};

export const strategyRules: readonly Rule[] = [
  trafficNeedsRoute,
  holdNeedsRoute,
  somethingMayMove,
  promotionAgrees,
  experimentHasUsers,
  removedRoutesExist,
  mirrorComesFirst,
  splitOfUsersIsProbed,
];

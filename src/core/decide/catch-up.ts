import {
  type AppState,
  type Event,
  FULL_WEIGHT,
  type Ms,
  type PoolId,
  type Release,
  type Revision,
  type RouteTable,
} from '../model.ts';
import { CANDIDATE, STABLE } from '../strategies/parts.ts';
import { namedPools, namesWithWeight, splits } from './abort.ts';
import { numbersOf } from './release.ts';

/** What engine and router know by themselves, whatever the store says. */
export interface Remembered {
  /** Newest state version that asked for anything. */
  stateVersion: number;
  /** Pools with replicas that are not gone. */
  pools: readonly RememberedPool[];
  /** The App is to be deleted. */
  deleting?: boolean;
  /** The table that the router has. */
  serving?: RouteTable;
  /** Of any worker, where that is more than what `serving` has: some have it, and some not yet. */
  newestGeneration?: number;
  /** Whose answers the router has counted, of those too that nothing else knows any more. */
  counted?: readonly PoolId[];
}

export interface RememberedPool {
  pool: PoolId;
  revision: Revision;
  replicas: number;
}

/**
 * A state that is older than what runs (a backup was put back) goes on from where the world is: past every version,
 * generation and name that was given out, and with the pool that serves users as the stable one, for whatever the state
 * has to say, they are not to notice. What is wanted is said by the next apply.
 * @returns undefined when the state is not behind
 */
export function catchUp(
  state: AppState,
  world: Remembered,
  now: Ms,
): { next: AppState; event: Event } | undefined {
  const unknown = world.pools.filter(({ pool }) => state.pools[pool] === undefined);
  const { serving, newestGeneration = 0 } = world;
  const routeGeneration = Math.max(state.routeGeneration, serving?.generation ?? 0, newestGeneration);
  const behind = world.stateVersion > state.version || routeGeneration > state.routeGeneration;
  if (!behind && unknown.length === 0) return undefined;

  const next: AppState = {
    ...state,
    ...withPools(state, unknown, world),
    version: Math.max(state.version, world.stateVersion) + 1,
    // Workers may have different tables under one generation, where somebody else wrote one of them: a new one is given to all.
    routeGeneration: serving ? routeGeneration + 1 : routeGeneration,
    ...(serving ? { table: serving, foundTable: serving.generation } : {}),
    leaving: {},
    pending: {},
    backoff: {},
  };
  delete next.routed;
  const stable = servingPool(state, world);
  // What is being deleted serves nobody: what it did not know of is to go with the rest.
  if (world.deleting || stable === undefined || goesOn(state, world, stable)) retireOthers(next, unknown);
  else takeAsStable(next, stable, now);
  if (next.table) next.table = withoutRetired(next.table, next.retiring);
  const numberOf = (revision = '') => next.revisions[revision]?.number;
  const number = numberOf(next.pools[next.stable ?? '']?.revision);
  const serves =
    number === undefined ? 'nothing serves users yet' : `revision ${number} goes on as the stable one`;
  const given =
    state.release && !next.release
      ? `; the release of revision ${numberOf(state.release.revision)} is given up`
      : '';
  const dropped =
    state.queued && !next.queued
      ? `; revision ${numberOf(state.queued.revision)}, which waited, is dropped`
      : '';
  const message =
    `the stored state (version ${state.version}) is older than what runs (version ${world.stateVersion}): a backup was put ` +
    `back, or the last decisions could not be stored. It goes on from version ${next.version}; ${serves}${given}${dropped}. ` +
    '`crossfade apply` says again what is wanted';
  return { next, event: { at: now, type: 'Warning', reason: 'StateBehind', message } };
}

type Names = Pick<AppState, 'pools' | 'revisions' | 'nextRevisionNumber' | 'nextReleaseNumber'>;

/**
 * The state's names and those of the world, of the table and the counters too; no number of any is given out again: what
 * one that is gone answered would be taken for what the new one does.
 */
function withPools(
  state: AppState,
  unknown: readonly RememberedPool[],
  { serving, counted = [] }: Remembered,
): Names {
  const names: Names = {
    pools: { ...state.pools },
    revisions: { ...state.revisions },
    nextRevisionNumber: state.nextRevisionNumber,
    nextReleaseNumber: state.nextReleaseNumber,
  };
  // What an App scaled to nothing had is in its table alone.
  const routed = serving ? [...namedPools(serving.route), ...Object.keys(serving.members)] : [];
  for (const pool of [...unknown.map((one) => one.pool), ...routed, ...counted]) {
    const { number, incarnation } = numbersOf(pool);
    names.nextRevisionNumber = Math.max(names.nextRevisionNumber, number + 1);
    names.nextReleaseNumber = Math.max(names.nextReleaseNumber, incarnation + 1);
  }
  for (const { pool, revision } of unknown) {
    names.pools[pool] = { id: pool, revision: revision.id, incarnation: numbersOf(pool).incarnation };
    if (names.revisions[revision.id]) continue;
    const taken = Object.values(names.revisions).some(({ number }) => number === revision.number);
    const number = taken ? names.nextRevisionNumber++ : revision.number;
    names.revisions[revision.id] = { ...revision, number };
  }
  return names;
}

/** Who most users are on; without a route, who runs where the state's own stable does not. */
function servingPool(state: AppState, { pools, serving }: Remembered): PoolId | undefined {
  const alive = new Map(pools.map(({ pool, replicas }) => [pool, replicas]));
  const most = (shares: readonly (readonly [PoolId, number])[]) =>
    shares.filter(([pool]) => alive.has(pool)).sort((a, b) => b[1] - a[1])[0]?.[0];
  if (!serving) {
    const runs = state.stable !== undefined && alive.has(state.stable);
    return runs ? state.stable : most([...alive]);
  }
  const { split } = serving.route;
  if (split.kind === 'weights')
    return most(split.to.filter(({ weight }) => weight > 0).map(({ key, weight }) => [key, weight]));
  return most([...namedPools(serving.route)].map((pool) => [pool, serving.members[pool]?.length ?? 0]));
}

/**
 * With who serves users as stable, or in a release whose stable version has users still. What serves all of them in a
 * release that has nobody to go back to, or has left them behind, is not taken away again.
 */
function goesOn(state: AppState, world: Remembered, pool: PoolId): boolean {
  const { stable, release } = state;
  const { serving } = world;
  if (pool === stable) return !(release && wasTakenBack(state, release, world));
  if (!release || !Object.values(release.arms).includes(pool)) return false;
  return release.arms.stable !== undefined && (!serving || namesWithWeight(serving, release.arms.stable));
}

/** A later decision took the release back: what it had moved to the candidate, or stopped of stable, is as it was before. */
function wasTakenBack(
  { routeGeneration }: AppState,
  release: Release,
  { serving, pools }: Remembered,
): boolean {
  const { phase, stages, arms, routedStage } = release;
  if (phase.kind !== 'advancing') return false;
  const scale = stages[phase.stage]?.scale;
  const stableIsGone = scale?.[STABLE]?.kind === 'zero' && scale[CANDIDATE]?.kind !== 'zero';
  if (stableIsGone && pools.some(({ pool, replicas }) => pool === arms[STABLE] && replicas > 0)) return true;
  if (!serving || serving.generation <= routeGeneration || arms[CANDIDATE] === undefined) return false;
  const routed = stages[routedStage]?.route;
  return routed !== undefined && splits(routed, CANDIDATE) && !splits(serving.route, arms[CANDIDATE]);
}

function retireOthers(next: AppState, others: readonly RememberedPool[]): void {
  next.retiring = [...new Set([...next.retiring, ...others.map(({ pool }) => pool)])];
}

/**
 * Who is retired has no place in what is wanted. So the router is given a table without them at once, and that stable has
 * fewer replicas than they had together is taken for how the world was found, not for a loss by a decision.
 */
function withoutRetired(table: RouteTable, retiring: readonly PoolId[]): RouteTable {
  const stays = (pool: PoolId) => !retiring.includes(pool);
  const keys = table.route.split.to.map((share) => (typeof share === 'string' ? share : share.key));
  const kept = keys.filter(stays);
  const [only] = kept;
  if (only === undefined || kept.length === keys.length) return table;
  const members = Object.fromEntries(Object.entries(table.members).filter(([pool]) => stays(pool)));
  const { preview: _preview, mirror: _mirror, ...route } = table.route;
  const split = { kind: 'weights' as const, to: [{ key: only, weight: FULL_WEIGHT }] };
  return {
    ...table,
    route: { ...route, split, matches: route.matches.filter(({ to }) => stays(to)) },
    members,
  };
}

/** What the state was about to do is about a world that is over. */
function takeAsStable(next: AppState, stable: PoolId, now: Ms): void {
  const { release } = next;
  if (release) next.history = [...next.history, givenUp(release, now)];
  delete next.release;
  delete next.queued;
  next.warm = [];
  next.stable = stable;
  next.retiring = Object.keys(next.pools).filter((pool) => pool !== stable);
}

function givenUp(release: Release, now: Ms): Release {
  const why = { code: 'E_STATE_BEHIND', message: 'the stored state was older than what runs' };
  return { ...release, endedAt: now, phase: { kind: 'done', verdict: 'inconclusive', why } };
}

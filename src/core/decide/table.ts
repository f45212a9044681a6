import type { AppSpec } from '../../spec/app.ts';
import { keepsCapacity } from '../invariants.ts';
import { isEqual } from '../json.ts';
import type { Front, Member, PoolId, Route, RouteTable } from '../model.ts';
import { resolveFenceposts } from '../scale.ts';
import { namedPools, namesWithWeight } from './abort.ts';
import type { Draft } from './draft.ts';
import type { Intent } from './intent.ts';

/** Brings the router's table up to date: a new generation only when something in it differs. */
export function converge(draft: Draft, intent: Intent): void {
  const { state, router } = draft;
  draft.tableIsCurrent = false;
  if (!draft.routed || !intent.route) {
    withdraw(draft);
    return;
  }
  if (!router) return; // unknown: what it serves now goes on being served
  // Somebody else, or a store that was put back, is ahead of us, with some workers at least: go past it, never below.
  const newest = Math.max(
    router.ackedGeneration,
    router.newestGeneration ?? 0,
    router.serving?.generation ?? 0,
  );
  if (newest > state.routeGeneration) state.routeGeneration = newest;
  const table = tableOf(draft, intent.route);
  if (!table || lowersWhatWasFound(draft, table)) return;
  // A step before had nobody to route to: sent side by side, either could come last.
  draft.takeBack((key) => key === 'unroute');
  draft.tableIsCurrent = true;
  const same = state.table !== undefined && isEqual({ ...state.table, generation: 0 }, table);
  if (!same || state.table?.generation !== state.routeGeneration || isToBePutRight(draft)) {
    state.routeGeneration += 1;
    state.table = { ...table, generation: state.routeGeneration };
    // Two tables in one decision would be sent side by side: only the last one is meant.
    draft.takeBack((key) => key.startsWith('route:'));
    dropStaleRoutes(draft);
    noteCutover(draft);
  }
  if (router.ackedGeneration < state.routeGeneration && state.table) {
    draft.act(`route:${state.routeGeneration}`, { kind: 'route', table: state.table });
  }
}

/**
 * After a store was put back, users are where a later decision had sent them. What this state wants instead waits until it
 * carries them as well.
 */
function lowersWhatWasFound(draft: Draft, table: Omit<RouteTable, 'generation'>): boolean {
  const { foundTable, table: last } = draft.state;
  if (foundTable === undefined || last?.generation !== foundTable) return false;
  return keepsCapacity(draft.state, table, draft) !== undefined;
}

/** A table that was never acknowledged and is not wanted any more must not be waited for. */
function dropStaleRoutes(draft: Draft): void {
  for (const key of Object.keys(draft.state.backoff))
    if (key.startsWith('route:')) delete draft.state.backoff[key];
}

const FIRST_REPAIR_MS = 1000;
const LONGEST_REPAIR_MS = 30_000;

/**
 * Another writer's table: while a split is measured it is left as it is, and told: the release holds. Otherwise, and where
 * it answers nobody, so that there is nothing to measure, it is put right, less and less often where the other one does
 * not stop.
 */
function isToBePutRight(draft: Draft): boolean {
  const { state, router, release } = draft;
  const { overwritten } = state.backoff;
  const { served } = draft;
  if (served !== 'of another writer') {
    const isLongAgo = overwritten && overwritten.until + LONGEST_REPAIR_MS <= draft.now;
    if (served === 'ours' && isLongAgo) delete state.backoff.overwritten;
    return false;
  }
  const measures = release?.gates.some((gate) => gate.kind === 'measuring');
  if (measures && release?.phase.kind === 'advancing' && answersUsers(router?.serving)) return false;
  if (overwritten && overwritten.until > draft.now) {
    draft.wake(overwritten.until);
    return false;
  }
  const failures = (overwritten?.failures ?? 0) + 1;
  const until = draft.now + Math.min(LONGEST_REPAIR_MS, FIRST_REPAIR_MS * 2 ** (failures - 1));
  state.backoff.overwritten = { failures, until };
  return true;
}

function answersUsers(table: RouteTable | undefined): boolean {
  return table?.route.admit.kind === 'open' && hasSomebody(table.route, table.members);
}

function noteCutover(draft: Draft): void {
  const { release, state } = draft;
  const candidate = release?.arms.candidate;
  if (!release || release.cutover || candidate === undefined || !state.table) return;
  const isOpen = state.table.route.admit.kind === 'open';
  if (isOpen && namesWithWeight(state.table, candidate)) release.cutover = { routeAt: draft.now };
}

/**
 * No route is wanted (deleted, the route taken out of the file, a first release given up): the router forgets the App,
 * again when it comes back with a table that it had before.
 */
function withdraw(draft: Draft): void {
  const { state, router, release } = draft;
  // A store that was put back from a copy knows of no table: the one that is served stays until there is another.
  const comes = draft.routed && !state.deleting && release?.phase.kind === 'advancing';
  // A step before still asked for a table: sent side by side, or repeated late, it could come last.
  draft.takeBack((key) => key.startsWith('route:'));
  dropStaleRoutes(draft);
  if (state.table || (router?.serving && !comes)) draft.act('unroute', { kind: 'unroute' });
}

/** @returns undefined when nobody could answer and nothing declares that */
function tableOf(
  draft: Draft,
  wanted: Route<PoolId>,
): (Omit<RouteTable, 'generation'> & { generation: 0 }) | undefined {
  const members: Record<PoolId, Member[]> = {};
  const revisions: RouteTable['revisions'] = {};
  for (const pool of namedPools(wanted)) {
    members[pool] = membersOf(draft, pool, wanted);
    revisions[pool] = draft.poolOf(pool).revision;
  }
  const route: Route<PoolId> = mayBeEmpty(draft, wanted, members)
    ? { ...wanted, admit: { kind: 'refuse' } }
    : wanted;
  if (route.admit.kind === 'open' && !(hasSomebody(route, members) && newOnesReady(draft, route)))
    return undefined;
  return { app: draft.app.key, generation: 0, front: frontOf(draft), route, members, revisions };
}

/** Nobody to answer, by the owner's wish: no replicas at all, or a roll that may have all of them unavailable. */
function mayBeEmpty(draft: Draft, route: Route<PoolId>, members: Record<PoolId, Member[]>): boolean {
  const { replicas } = draft.spec;
  if (replicas === 0) return true;
  const roll = draft.release?.stages.find((stage) => stage.via.kind === 'roll')?.via;
  if (roll?.kind !== 'roll' || route.split.kind !== 'perReadyReplica' || hasSomebody(route, members))
    return false;
  return resolveFenceposts(roll.maxSurge, roll.maxUnavailable, replicas).unavailable >= replicas;
}

/** A pool that the last table did not name is named only with somebody ready in it. */
function newOnesReady(draft: Draft, route: Route<PoolId>): boolean {
  if (route.split.kind === 'perReadyReplica') return true;
  const last = draft.state.table ? namedPools(draft.state.table.route) : new Set<PoolId>();
  return [...namedPools(route)].every((pool) => last.has(pool) || draft.standing(pool).some((r) => r.ready));
}

/** Every pool that the split gives requests to has a member; a roll's pools are one set together. */
function hasSomebody(route: Route<PoolId>, members: Record<PoolId, Member[]>): boolean {
  const count = (pool: PoolId) => members[pool]?.length ?? 0;
  const { split } = route;
  return split.kind === 'weights'
    ? split.to.every((share) => share.weight === 0 || count(share.key) > 0)
    : split.to.some((pool) => count(pool) > 0);
}

/**
 * The ready ones. When none is left of a pool that answers for itself, those that were in the route before and still
 * exist: trying a replica whose probe failed beats refusing everybody. Not one that was not ready since the machine
 * was booted: at its address may be anybody. The pools of a roll answer for each other.
 */
function membersOf(draft: Draft, pool: PoolId, wanted: Route<PoolId>): Member[] {
  const standing = draft.standing(pool).filter((r) => r.address !== undefined);
  const before = new Set(draft.state.table?.members[pool]?.map((member) => member.replica));
  const ready = standing.filter((r) => r.ready);
  const others = wanted.split.kind === 'perReadyReplica' ? wanted.split.to : [];
  const othersReady = others.some((other) => draft.standing(other).some((r) => r.ready && r.address));
  const chosen =
    ready.length > 0 || othersReady ? ready : standing.filter((r) => before.has(r.id) && r.wasReady);
  return chosen
    .map((r) => ({ replica: r.id, address: r.address ?? '' }))
    .sort((a, b) => (a.replica < b.replica ? -1 : 1));
}

function frontOf(draft: Draft): Front {
  const route = draft.spec.route;
  if (!route) throw new Error('an App without a route has no front');
  return {
    listen: route.listen,
    ...(route.host === undefined ? {} : { host: route.host }),
    ...(route.previewListen === undefined ? {} : { previewListen: route.previewListen }),
    revisionHeader: route.revisionHeader,
    ...(route.trustedProxies === undefined ? {} : { trustedProxies: route.trustedProxies }),
    upstreamTimeoutMs: route.upstreamTimeoutMs,
    drainLongMs: draft.spec.drainLongTimeoutMs,
    ...clusterFront(draft.spec),
  };
}

/** An image runs on a cluster; without a word about the router there, its Service is. */
function clusterFront({ image, port, kubernetes }: AppSpec['spec']): Pick<Front, 'cluster'> {
  if (image === undefined || port === undefined) return {};
  const { router = 'service', parentRefs, httpRoute, ingressClassName, ingress, service } = kubernetes ?? {};
  const given = { parentRefs, httpRoute, ingressClassName, ingress, service };
  const chosen = Object.entries(given).filter(([, value]) => value !== undefined);
  return { cluster: { router, port, ...Object.fromEntries(chosen) } };
}

import assert from 'node:assert/strict';
import type { Action, Counts, PoolId, Replica } from '../../../src/core/model.ts';
import type { Small } from './node.ts';

/** Requests per second of the users: every pool with a share gets some. */
const REQUESTS = 4;

/** One action carried out, as engine and router promise to: what is older than they have seen is refused, and to forget what runs. */
export function perform(world: Small, action: Action): Small | 'refused' {
  if (action.stateVersion < world.seenVersion) return 'refused';
  const seen = { ...world, seenVersion: action.stateVersion };
  switch (action.kind) {
    case 'grow':
      return grow(seen, action.pool, action.replicas);
    case 'stop':
      return stop(seen, action.replica);
    case 'route':
      if (action.table.generation < (world.serving?.generation ?? 0)) return 'refused';
      return { ...seen, serving: action.table };
    case 'unroute': {
      const { serving: _, ...rest } = seen;
      return rest;
    }
    case 'probe':
      return answer(seen, action.requests, 'probes');
    case 'forget':
      return world.replicas.some((r) => r.pool === action.pool) ? 'refused' : seen;
    case 'drain':
      return seen;
  }
}

function grow(world: Small, pool: PoolId, replicas: number): Small {
  const standing = world.replicas.filter((r) => r.pool === pool).length;
  const started = world.started[pool] ?? 0;
  const missing = Math.max(0, replicas - standing);
  const born = Array.from({ length: missing }, (_, n): Replica => {
    const id = `${pool}-${started + n + 1}`;
    return {
      id,
      pool,
      address: id,
      phase: 'starting',
      ready: false,
      wasReady: false,
      startedAt: world.now,
      restarts: 0,
    };
  });
  return {
    ...world,
    replicas: [...world.replicas, ...born],
    started: { ...world.started, [pool]: started + missing },
  };
}

/** 4. Out of the route, and done with what it had to do. */
function stop(world: Small, id: string): Small {
  const named = Object.values(world.serving?.members ?? {}).some((own) => own.some((m) => m.replica === id));
  assert.ok(!named, `${id} is stopped while the router names it`);
  return {
    ...world,
    replicas: world.replicas.filter((r) => r.id !== id),
    busy: world.busy.filter((busy) => busy !== id),
  };
}

export function becomeReady(world: Small, id: string): Small {
  return change(world, id, { ready: true, wasReady: true, readySince: world.now, phase: 'running' });
}

export function exit(world: Small, replica: Replica): Small {
  const crashes = (replica.crashes ?? 0) + 1;
  const lastExit = { at: world.now, code: 1, signal: null };
  const changed = change(world, replica.id, {
    ready: false,
    phase: 'starting',
    restarts: replica.restarts + 1,
    crashes,
    lastExit,
  });
  return { ...changed, busy: world.busy.filter((id) => id !== replica.id) };
}

function change(world: Small, id: string, what: Partial<Replica>): Small {
  return { ...world, replicas: world.replicas.map((r) => (r.id === id ? { ...r, ...what } : r)) };
}

/** A second goes by, and users send requests in it. */
export function second(world: Small): Small {
  return answer({ ...world, now: world.now + 1000 }, REQUESTS, 'split');
}

function answer(world: Small, requests: number, as: 'split' | 'probes'): Small {
  const { serving } = world;
  if (serving?.route.admit.kind !== 'open') return world;
  const { split } = serving.route;
  const shares =
    split.kind === 'weights'
      ? split.to
      : split.to.map((key) => ({ key, weight: serving.members[key]?.length ?? 0 }));
  const total = shares.reduce((sum, share) => sum + share.weight, 0);
  const counts: Record<PoolId, Counts> = { ...world.counts };
  for (const { key, weight } of shares) {
    const own = Math.round((requests * weight) / total);
    const before = counts[key] ?? { requests: 0, ok: 0, failed: 0, split: 0, probes: 0 };
    counts[key] =
      as === 'probes'
        ? { ...before, probes: before.probes + own, probesOk: (before.probesOk ?? 0) + own }
        : { ...before, requests: before.requests + own, split: before.split + own, ok: before.ok + own };
  }
  return { ...world, counts };
}

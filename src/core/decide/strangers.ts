import type { PoolId } from '../model.ts';
import type { Draft } from './draft.ts';
import { numbersOf } from './release.ts';

/**
 * A pool is forgotten by the engine with the last of its replicas, and with it which version asked for it last: a leader of
 * before that acts late may start its replicas anew. Nobody else would ever stop them, for the state does not know them.
 */
export function retireStrangers(draft: Draft): void {
  const { state } = draft;
  for (const { pool, phase } of draft.replicas) {
    if (state.pools[pool] || phase === 'stopping') continue;
    const { number, incarnation } = numbersOf(pool);
    const revision = Object.values(state.revisions).find((one) => one.number === number)?.id ?? '';
    state.pools[pool] = { id: pool, revision, incarnation };
    state.retiring.push(pool);
    draft.event('Warning', 'UnknownReplicas', told(pool));
  }
}

const told = (pool: PoolId): string =>
  `replicas of pool ${pool} run that no release has: they were started late, by a controller of before, and are stopped`;

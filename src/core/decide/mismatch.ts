/** A split that was not followed, in words: what was asked for, what the route carries, what was measured, and why. */
import { FULL_WEIGHT, type PoolId, type Reason, type Route, type RouteTable } from '../model.ts';
import { canonicalJson } from '../revision.ts';
import type { SplitVerdict } from '../verify.ts';
import type { Draft } from './draft.ts';

export function explainMismatch(draft: Draft, { asked, measured, total }: SplitVerdict): Reason {
  const serving = draft.router?.serving;
  const parts = [
    `asked for ${describeShares(draft, asked)}`,
    ...(serving ? [describeRoute(draft, serving)] : []),
    `measured ${describeShares(draft, measured)} of ${total} requests`,
  ];
  return { code: 'E_SPLIT_MISMATCH', message: `${parts.join('; ')}. Likely: ${likelyCause(draft, serving)}` };
}

/** `revision 1 80%, revision 2 20%`. */
export function describeShares(draft: Draft, shares: Record<PoolId, number>): string {
  return Object.entries(shares)
    .map(([pool, share]) => `revision ${numberOf(draft, pool)} ${trimmed(share * 100)}%`)
    .join(', ');
}

function describeRoute(draft: Draft, { app, generation, route, members }: RouteTable): string {
  return `the route of ${app} (generation ${generation}) carries ${carried(draft, route.split, members)}`;
}

function carried(draft: Draft, split: Route<PoolId>['split'], members: RouteTable['members']): string {
  if (split.kind === 'weights') {
    const shares = split.to.map(({ key, weight }) => [key, weight / FULL_WEIGHT] as const);
    return describeShares(draft, Object.fromEntries(shares));
  }
  const replicas = split.to.map(
    (pool) => `${members[pool]?.length ?? 0} of revision ${numberOf(draft, pool)}`,
  );
  return `the same share per replica: ${replicas.join(', ')}`;
}

function likelyCause(draft: Draft, serving: RouteTable | undefined): string {
  const { table } = draft.state;
  if (serving && table && canonicalJson(serving.route) !== canonicalJson(table.route))
    return 'something else than this Crossfade wrote the table of the router';
  const stray = serving && strayMember(draft, serving);
  if (stray) return stray;
  if (serving && table && canonicalJson(serving.members) !== canonicalJson(table.members))
    return 'something else than this Crossfade wrote the table of the router: it serves other replicas than it was given';
  return 'a replica answers at an address that the route gives to another revision, or clients go round the router';
}

function strayMember(draft: Draft, serving: RouteTable): string | undefined {
  for (const [pool, members] of Object.entries(serving.members)) {
    for (const { address } of members) {
      const owner = draft.replicas.find((replica) => replica.address === address);
      if (owner && owner.pool !== pool)
        return `the route gives ${address} to revision ${numberOf(draft, pool)}, and revision ${numberOf(draft, owner.pool)} runs there: something else than this Crossfade wrote the table of the router`;
    }
  }
  return undefined;
}

function numberOf(draft: Draft, pool: PoolId): string {
  const revision = draft.state.pools[pool]?.revision;
  return String(revision === undefined ? pool : (draft.state.revisions[revision]?.number ?? pool));
}

const trimmed = (value: number) => value.toFixed(2).replace(/\.?0+$/, '');

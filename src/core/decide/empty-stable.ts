import { FULL_WEIGHT, type Replica, type Stage } from '../model.ts';
import { STABLE } from '../strategies/parts.ts';

/**
 * Why a weighted stage cannot be routed though the candidate is there: it gives requests to a stable revision of which
 * nobody is ready. A sentence without its
 * subject, the stage. @param stable its replicas that stand @returns undefined when that is not so
 */
export function emptyStable(stage: Stage, stable: readonly Replica[], revision: number): string | undefined {
  const { split } = stage.route;
  const share = split.kind === 'weights' ? split.to.find(({ key }) => key === STABLE)?.weight : undefined;
  if (!share || stable.some((replica) => replica.ready)) return undefined;
  const said = stable.find((replica) => replica.failure ?? replica.lastProbe?.ok === false);
  const why = said?.failure?.message ?? said?.lastProbe?.detail;
  const told = why === undefined ? '' : ` (replica ${said?.id}: ${why})`;
  return (
    `gives ${(share * 100) / FULL_WEIGHT}% of the requests to the stable revision ${revision}, which has no ` +
    `ready replica${told}. Bring it back, or abort and release with the strategy rolling or recreate, which do not need it`
  );
}

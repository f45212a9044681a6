import type { Reason } from '../../core/model.ts';
import type { HttpRoute, ParentReference } from '../../kubernetes/network.ts';

/** What the Gateways say of a route. */
export type Acceptance = { kind: 'accepted' } | { kind: 'waiting' } | { kind: 'refused'; why: Reason };

/** Every parent must have accepted it, in the version that is there; one that is silent may still be on its way. */
export function acceptanceOf(route: HttpRoute): Acceptance {
  const generation = route.metadata.generation ?? 0;
  let waits = false;
  for (const parent of route.spec.parentRefs ?? []) {
    const said = route.status?.parents?.filter(({ parentRef }) => isSame(parentRef, parent)) ?? [];
    const conditions = said.flatMap((one) => one.conditions ?? []);
    for (const type of ['Accepted', 'ResolvedRefs']) {
      const found = conditions.find((condition) => condition.type === type);
      if (!found || (found.observedGeneration ?? generation) < generation) waits = true;
      else if (found.status === 'False')
        return {
          kind: 'refused',
          why: {
            code: 'E_ROUTE_REFUSED',
            message: `Gateway ${parent.name} does not take HTTPRoute ${route.metadata.name} (${type}, ${found.reason}): ${found.message}`,
          },
        };
    }
  }
  return waits ? { kind: 'waiting' } : { kind: 'accepted' };
}

function isSame(a: ParentReference, b: ParentReference): boolean {
  return (
    a.name === b.name &&
    (b.namespace === undefined || a.namespace === undefined || a.namespace === b.namespace) &&
    (b.sectionName === undefined || a.sectionName === b.sectionName)
  );
}

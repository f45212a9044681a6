import type { Draft } from './draft.ts';

const OF_THE_ROUTE = ['E_ROUTE_OVERWRITTEN', 'E_ROUTE_REFUSED', 'E_ROUTE_SHADOWED', 'E_ROUTE_UNPROVEN'];

/** The route is not carried as it was asked for: said once, and shown for as long as it lasts. */
export function noteRouteTrouble(draft: Draft): void {
  const { state, router } = draft;
  if (!router) return;
  const said = state.trouble && isOfRoute(state.trouble) ? state.trouble : undefined;
  const seen = router.trouble;
  if (!seen) {
    const pending = Object.keys(state.backoff).some((key) => key.startsWith('route:'));
    if (said && !pending) delete state.trouble;
    return;
  }
  if (said?.message === seen.message) return;
  if (said?.code !== seen.code) draft.event('Warning', 'RouteNotFollowed', seen.message);
  state.trouble = { ...seen, at: draft.now };
}

export function isOfRoute({ code }: { code: string }): boolean {
  return OF_THE_ROUTE.includes(code);
}

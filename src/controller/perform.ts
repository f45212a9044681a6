import { OperatingError } from '../core/errors.ts';
import type { Action, AppState, Outcome } from '../core/model.ts';
import type { ActionContext, Engine } from '../ports/engine.ts';
import type { Router } from '../ports/router.ts';
import type { Stored } from '../ports/store.ts';

/** Does one action that was committed. Every adapter makes a repeat harmless; a failure is an outcome, not an exception. */
export async function perform(
  deps: { engine: Engine; router: Router },
  stored: Stored,
  state: AppState,
  action: Action,
): Promise<Outcome> {
  try {
    await dispatch(deps, stored, state, action);
    return { key: action.key, result: 'ok' };
  } catch (error) {
    if (!(error instanceof OperatingError)) throw error;
    return { key: action.key, result: 'failed', reason: { code: error.code, message: error.message } };
  }
}

async function dispatch(
  { engine, router }: { engine: Engine; router: Router },
  stored: Stored,
  state: AppState,
  action: Action,
): Promise<void> {
  const ctx: ActionContext = { app: stored.object.key, stateVersion: action.stateVersion };
  switch (action.kind) {
    case 'grow': {
      const pool = state.pools[action.pool];
      const revision = pool && state.revisions[pool.revision];
      if (!pool || !revision) throw new Error(`grow of an unknown pool ${action.pool}`);
      return engine.grow(ctx, pool, revision, stored.object.spec, action.replicas);
    }
    case 'stop':
      return engine.stop(ctx, action.replica, action.graceMs);
    case 'forget':
      return engine.forget(ctx, action.pool);
    case 'route':
      return router.apply(ctx, action.table);
    case 'drain':
      return router.drain(ctx, action.replica, action.deadline);
    case 'unroute':
      return router.remove(ctx);
    case 'probe':
      await router.probe(ctx.app, action.requests);
  }
}

import { ADOPTED_POOL } from '../../core/decide/adopt.ts';
import type { OperatingError } from '../../core/errors.ts';
import type { AppKey } from '../../core/model.ts';
import type { Kube } from '../../kubernetes/client.ts';
import { APPS } from '../../kubernetes/crossfade.ts';
import { appNameOf, KEEP_ANNOTATION, poolObjectName } from '../../kubernetes/names.ts';
import { DEPLOYMENTS } from '../../kubernetes/workloads.ts';
import type { Router } from '../../ports/router.ts';
import type { Routers } from '../chosen-router.ts';
import { createWork } from '../work.ts';
import type { FollowOptions } from './follow.ts';

export interface GoneOptions {
  kube: Kube;
  routers: Routers;
  /** Of this share of the Apps. */
  isOurs: (app: AppKey) => boolean;
  /** It is known to be there. */
  isThere: (app: AppKey) => boolean;
  log: FollowOptions['log'];
}

export interface GoneApps {
  /** Some App may be gone. */
  look(): void;
  close(): Promise<void>;
}

/**
 * What belongs to others leads where it led before when an App is gone. The App's object does not wait for this: with a
 * finalizer, whoever removes the controller first could remove neither Apps nor their namespace (docs/adr/0036). So it is
 * looked for by what is noted on those objects, also when the App went while no controller was there.
 */
export function giveBackOfGone(options: GoneOptions): GoneApps {
  let closed = false;
  const work = createWork<'look'>({
    atOnce: 1,
    log: options.log,
    async work() {
      let outcome: 'done' | 'again' = 'done';
      for (const router of Object.values(options.routers))
        for (const app of (await router.apps?.()) ?? [])
          if (!closed && !(await isSettled(options, router, app))) outcome = 'again';
      return outcome;
    },
  });
  return {
    look: () => work.poke('look'),
    close() {
      closed = true;
      return work.close();
    },
  };
}

async function isSettled(
  { kube, isOurs, isThere, log }: GoneOptions,
  router: Router,
  app: AppKey,
): Promise<boolean> {
  if (!isOurs(app) || isThere(app)) return true;
  const { namespace, name } = appNameOf(app);
  try {
    // The cache keeps no App that is being given back, and may not know a new one yet.
    if (await kube.get(APPS, namespace, name)) return true;
    // A Deployment that is being adopted has notes before it has an App.
    const pool = await kube.get(DEPLOYMENTS, namespace, poolObjectName(name, ADOPTED_POOL));
    if (pool?.metadata.annotations?.[KEEP_ANNOTATION] !== undefined) return true;
    await router.remove({ app, stateVersion: Number.MAX_SAFE_INTEGER });
    log.info({ app }, 'the App is gone: what belongs to others leads where it led before');
    return true;
  } catch (error) {
    // Anybody may write notes there: what is wrong with one is no reason to leave the others.
    const { code, message } = error as Partial<OperatingError>;
    log.warn({ app, code }, `the App is gone, and its route stays: ${message}`);
    return false;
  }
}

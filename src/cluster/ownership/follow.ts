import { takeOver } from '../../adoption/taken.ts';
import { OperatingError } from '../../core/errors.ts';
import type { AppKey } from '../../core/model.ts';
import type { Kube } from '../../kubernetes/client.ts';
import { APPS } from '../../kubernetes/crossfade.ts';
import { createInformer } from '../../kubernetes/informer.ts';
import { jsonPatch } from '../../kubernetes/json-patch.ts';
import { ADOPTED_LABEL, RELEASED_ANNOTATION } from '../../kubernetes/names.ts';
import { DEPLOYMENTS } from '../../kubernetes/workloads.ts';
import { createWork } from '../work.ts';

export interface FollowOptions {
  kube: Kube;
  namespace?: string;
  isOurs: (app: AppKey) => boolean;
  log: {
    info(what: object, text: string): void;
    warn(what: object, text: string): void;
    error(what: object, text: string): void;
  };
}

export interface Following {
  close(): Promise<void>;
}

interface Adopted {
  app: AppKey;
  name: string;
  namespace: string;
}

const AT_ONCE = 4;

/** Takes over what users change in Deployments that were adopted: an image by `kubectl set image` becomes a release. */
export function followAdopted({ kube, namespace, isOurs, log }: FollowOptions): Following {
  const deployments = createInformer(kube, DEPLOYMENTS, {
    ...(namespace === undefined ? {} : { namespace }),
    labelSelector: ADOPTED_LABEL,
    keep({ metadata }): Adopted | undefined {
      const app = `${metadata.namespace}/${metadata.labels?.[ADOPTED_LABEL]}`;
      return isOurs(app)
        ? { app, name: metadata.name ?? '', namespace: metadata.namespace ?? '' }
        : undefined;
    },
    onTrouble: (err) => log.warn({ err }, 'the watch of adopted Deployments broke off; it is taken up again'),
  });
  const work = createWork<string>({
    atOnce: AT_ONCE,
    log,
    async work(key) {
      const adopted = deployments.get(key);
      if (!adopted) return 'done';
      try {
        return await follow(kube, adopted, log);
      } catch (error) {
        if (!(error instanceof OperatingError)) throw error;
        if (error.code !== 'E_CONFLICT') log.warn({ app: adopted.app, code: error.code }, error.message);
        return 'again';
      }
    },
  });
  deployments.onChange(({ key, now }) => now && work.poke(key));
  return {
    async close() {
      deployments.close();
      await work.close();
    },
  };
}

async function follow(
  kube: Kube,
  { app: key, namespace, name }: Adopted,
  log: FollowOptions['log'],
): Promise<'done' | 'again'> {
  const appName = key.slice(namespace.length + 1);
  const [app, deployment] = await Promise.all([
    kube.get(APPS, namespace, appName),
    kube.get(DEPLOYMENTS, namespace, name),
  ]);
  // Being adopted, or given back: whoever does that knows what it says.
  if (!app || !deployment || app.metadata.annotations?.[RELEASED_ANNOTATION] !== undefined) return 'done';
  if (deployment.metadata.labels?.[ADOPTED_LABEL] !== appName) return 'done';
  if (deployment.spec.paused !== true) {
    log.warn(
      { app: key },
      `Deployment ${name} was resumed: it is paused again, or it would run pods beside those of the App`,
    );
    const { resourceVersion } = deployment.metadata;
    await kube.patch(DEPLOYMENTS, namespace, name, { metadata: { resourceVersion }, spec: { paused: true } });
    return 'again';
  }
  const patch = takeOver(app, deployment);
  if (!patch) return 'done';
  await jsonPatch(kube, APPS, namespace, appName, patch);
  log.info({ app: key }, `Deployment ${name} was changed: taken over`);
  return 'done';
}

import { createHash } from 'node:crypto';
import type { AppKey, PoolId } from '../core/model.ts';

/** Labels and annotations of ours, and how objects are called. */

const PREFIX = 'crossfade.dev/';
export const APP_LABEL = `${PREFIX}app`;
export const POOL_LABEL = `${PREFIX}pool`;
/** Of a pod: `true` as long as requests may reach it. The Services of a route select on it. */
export const IN_ROUTE_LABEL = `${PREFIX}in-route`;
export const REVISION_ANNOTATION = `${PREFIX}revision`;
/** The version of the state that asked for the last change; an older one is refused. */
export const STATE_VERSION_ANNOTATION = `${PREFIX}state-version`;
/** Of a pod, and of the Deployment that makes it: which container is the App. Absent: `app`. */
export const CONTAINER_ANNOTATION = `${PREFIX}container`;
/** Of a Deployment whose pods name no port: where the App listens. */
export const PORT_ANNOTATION = `${PREFIX}port`;
/** Of a Deployment that users change while an App runs its pods: whose it is. */
export const ADOPTED_LABEL = `${PREFIX}adopted`;
/** Of a pool's Deployment that is on its way to an App, or from one: nobody sweeps it away. */
export const KEEP_ANNOTATION = `${PREFIX}keep`;
/** Of an App that is being given back: the controller has nothing more to do with it. */
export const RELEASED_ANNOTATION = `${PREFIX}released`;
const MANAGED_BY = { 'app.kubernetes.io/managed-by': 'crossfade' };

/** Of a DNS label: names of Services, values of labels. */
const MAX_LABEL = 63;
const HASH_DIGITS = 8;

export interface AppName {
  namespace: string;
  name: string;
}

export function appNameOf(app: AppKey): AppName {
  const [namespace = '', name = ''] = app.split('/');
  return { namespace, name };
}

/** `shop-2-1`: Deployment and Service of a pool. */
export function poolObjectName(app: string, pool: PoolId): string {
  return shortened(`${app}-${pool}`, MAX_LABEL);
}

/** A long name keeps its beginning, and a hash of the whole keeps it apart from others. */
export function shortened(name: string, max: number): string {
  if (name.length <= max) return name;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, HASH_DIGITS);
  return `${name.slice(0, max - HASH_DIGITS - 1).replace(/[-.]+$/, '')}-${hash}`;
}

/** Labels that everything of an App has. */
export function appLabels(app: string): Record<string, string> {
  return { 'app.kubernetes.io/name': app, ...MANAGED_BY, [APP_LABEL]: app };
}

/** Of a pod that is out of the route: since which generation of it. */
export const LEFT_ANNOTATION = `${PREFIX}left`;

/** Those of some labels or annotations that are ours. */
export function ownNames(fields: Record<string, string> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => name.startsWith(PREFIX)));
}

/** Of the container that runs the App, where nothing else is said. */
export const CONTAINER = 'app';

export function containerOf(annotations: Record<string, string> | undefined): string {
  return annotations?.[CONTAINER_ANNOTATION] ?? CONTAINER;
}

export function stateVersionOf(annotations: Record<string, string> | undefined): number {
  return Number(annotations?.[STATE_VERSION_ANNOTATION] ?? 0);
}

import type { ApplyResponse, AppView } from '../api/types.ts';
import { emptyState } from '../core/decide/state.ts';
import type { AppKey, AppObject, Ms } from '../core/model.ts';
import type { Stored } from '../ports/store.ts';
import type { Applied } from './apply/apply.ts';
import type { ApiDeps, ObservedApp } from './deps.ts';
import { appNotFound, unlessGone } from './errors.ts';
import { appView } from './view/app.ts';
import type { Snapshot } from './view/snapshot.ts';

/** The App as it is stored, or a 404. */
export async function loadStored({ store }: ApiDeps, app: AppKey): Promise<Stored> {
  const stored = await store.load(app);
  if (!stored) throw appNotFound(app);
  return stored;
}

export async function snapshotOf(deps: ApiDeps, app: AppKey): Promise<Snapshot> {
  return withObserved(deps, await loadStored(deps, app));
}

async function withObserved(deps: ApiDeps, stored: Stored): Promise<Snapshot> {
  const observed = await deps.observe(stored.object.key);
  return { ...stored, observed, nowMs: deps.now() };
}

export async function currentView(deps: ApiDeps, app: AppKey): Promise<AppView> {
  return appView(await snapshotOf(deps, app));
}

/** Every App of a namespace, or of all. One that was removed meanwhile is left out. */
export async function allViews(deps: ApiDeps, namespace?: string): Promise<AppView[]> {
  const keys = await deps.store.apps();
  const wanted = keys.filter((key) => namespace === undefined || key.startsWith(`${namespace}/`));
  const views = await Promise.all(wanted.map((key) => unlessGone(currentView(deps, key))));
  return views.filter((view) => view !== undefined);
}

/** What was stored, or would be, with the App as it looks with it. */
export async function applyAnswer(deps: ApiDeps, applied: Applied): Promise<ApplyResponse> {
  const { result, message, object } = applied;
  return { result, message, app: await viewOf(deps, object) };
}

/** The App as it looks with this object: also one that is not stored yet, or no longer. */
export async function viewOf(deps: ApiDeps, object: AppObject): Promise<AppView> {
  const stored = await deps.store.load(object.key);
  const observed = stored && (await unlessGone(deps.observe(object.key)));
  const nowMs = deps.now();
  const state = stored?.state ?? emptyState();
  return appView({ object, state, observed: observed ?? nothingSeen(object, nowMs), nowMs });
}

function nothingSeen(object: AppObject, at: Ms): ObservedApp {
  const unknown = { kind: 'unknown', since: at, why: 'the App is not there' } as const;
  return {
    app: { kind: 'known', value: object, at },
    commands: [],
    replicas: { kind: 'known', value: [], at },
    router: unknown,
    measured: unknown,
    outcomes: [],
    latency: {},
    inFlight: {},
  };
}

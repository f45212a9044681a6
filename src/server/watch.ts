import { setTimeout as sleep } from 'node:timers/promises';
import type { AppKey } from '../core/model.ts';
import type { ApiDeps } from './deps.ts';
import { unlessGone } from './errors.ts';
import { currentView } from './snapshots.ts';
import { createWake } from './streams.ts';
import { eventView, namesOf } from './view/event.ts';

export interface WatchScope {
  namespace?: string | undefined;
  app?: string | undefined;
  /** Only events with a greater id; absent: only what happens from now on. */
  after?: number | undefined;
}

/** Counters change without anybody saying so: a watched App is looked at this often. */
const LOOK_EVERY_MS = 1_000;
/** Changes within this time are sent as one. */
const COALESCE_MS = 50;
/** Proxies and clients give up on connections that are silent for longer. */
const HEARTBEAT_MS = 10_000;
const EVENTS_AT_ONCE = 500;

/** Server-sent events: `event` (with its id), `app` whenever an App looks different, `gone` when it is no more. */
export async function* watch(deps: ApiDeps, scope: WatchScope, signal: AbortSignal): AsyncGenerator<string> {
  const wake = createWake(signal);
  const noticed = (app: AppKey) => inScope(scope, app) && wake.now();
  const leave = [deps.store.onChange(noticed), deps.engine.onChange(noticed), deps.router.onChange(noticed)];
  const seen = new Map<AppKey, string>();
  try {
    let after = scope.after ?? (await lastEventId(deps));
    let sentAt = performance.now();
    yield ': watching\n\n';
    while (!signal.aborted) {
      for await (const { id, frame } of eventFrames(deps, scope, after)) {
        after = id;
        if (frame === undefined) continue;
        sentAt = performance.now();
        yield frame;
      }
      for await (const frame of appFrames(deps, scope, seen)) {
        sentAt = performance.now();
        yield frame;
      }
      if (performance.now() - sentAt > HEARTBEAT_MS) {
        sentAt = performance.now();
        yield ': still here\n\n';
      }
      await wake.wait(LOOK_EVERY_MS);
      await sleep(COALESCE_MS);
    }
  } finally {
    for (const unsubscribe of leave) unsubscribe();
  }
}

function inScope({ namespace, app }: WatchScope, key: AppKey): boolean {
  const names = namesOf(key);
  return (
    (namespace === undefined || names.namespace === namespace) && (app === undefined || names.app === app)
  );
}

async function lastEventId({ store }: ApiDeps): Promise<number> {
  return (await store.events({ limit: 1 })).at(-1)?.id ?? 0;
}

async function* eventFrames(deps: ApiDeps, scope: WatchScope, from: number) {
  let after = from;
  for (;;) {
    const events = await deps.store.events({ after, limit: EVENTS_AT_ONCE });
    for (const event of events) {
      after = event.id;
      const frame = inScope(scope, event.app)
        ? `id: ${event.id}\nevent: event\ndata: ${JSON.stringify(eventView(event))}\n\n`
        : undefined;
      yield { id: event.id, frame };
    }
    if (events.length < EVENTS_AT_ONCE) return;
  }
}

async function* appFrames(
  deps: ApiDeps,
  scope: WatchScope,
  seen: Map<AppKey, string>,
): AsyncGenerator<string> {
  const keys = (await deps.store.apps()).filter((key) => inScope(scope, key));
  for (const gone of [...seen.keys()].filter((key) => !keys.includes(key))) {
    seen.delete(gone);
    yield `event: gone\ndata: ${JSON.stringify(namesOf(gone))}\n\n`;
  }
  for (const key of keys) {
    const view = await unlessGone(currentView(deps, key));
    const text = JSON.stringify(view);
    if (view === undefined || seen.get(key) === text) continue;
    seen.set(key, text);
    yield `event: app\ndata: ${text}\n\n`;
  }
}

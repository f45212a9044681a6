import type { AppView } from '../../api/types.ts';
import type { AppState } from '../../core/model.ts';
import { renderApp } from '../../spec/index.ts';
import { messageOf } from './message.ts';
import { phaseOf, stableRevisionId } from './phase.ts';
import { releaseView } from './release.ts';
import { previewUrlOf, routeShares, urlOf } from './route.ts';
import { activeRelease, isoTime, lastRelease, revisionNumber, type Snapshot, seen } from './snapshot.ts';

/** The App as `get app -o json` shows it. */
export function appView(snapshot: Snapshot): AppView {
  const { object } = snapshot;
  const { name, namespace, labels, annotations } = object.spec.metadata;
  return {
    apiVersion: 'crossfade.dev/v1',
    kind: 'App',
    metadata: { name, namespace, generation: object.generation, labels, annotations },
    spec: (renderApp(object.spec) as { spec: unknown }).spec,
    status: statusOf(snapshot),
  };
}

function statusOf(snapshot: Snapshot): AppView['status'] {
  const { state } = snapshot;
  const running = (seen(snapshot.observed.replicas) ?? []).filter((replica) => replica.phase !== 'stopping');
  const release = activeRelease(state);
  const last = lastRelease(state);
  // What a release goes to, an undo too, which is not the revision of the App file.
  const wanted = release?.arms.candidate ?? state.stable;
  // Warm and retiring replicas are ready too, but nobody waits for them.
  const serving = new Set([state.stable, ...Object.values(release?.arms ?? {})]);
  const warmUntil = state.warm.map((entry) => entry.until);
  return {
    phase: phaseOf(snapshot),
    message: messageOf(snapshot),
    observedGeneration: state.generationSeen,
    url: urlOf(snapshot),
    previewUrl: previewUrlOf(snapshot),
    replicas: running.length,
    readyReplicas: running.filter((replica) => replica.ready && serving.has(replica.pool)).length,
    updatedReplicas: running.filter((replica) => replica.pool === wanted).length,
    ...named('stableRevision', state, stableRevisionId(state)),
    ...named('candidateRevision', state, candidateRevisionId(state)),
    liveColour: (state.stable === undefined ? undefined : state.pools[state.stable]?.colour) ?? null,
    route: routeShares(snapshot),
    warmUntil: warmUntil.length === 0 ? null : isoTime(Math.max(...warmUntil)),
    heldRevisions: state.held.map(({ revision, why }) => ({ revision, reason: why })),
    release: release ? releaseView(snapshot, release) : null,
    lastRelease: last ? releaseView(snapshot, last) : null,
  };
}

function candidateRevisionId(state: AppState): string | undefined {
  const pool = activeRelease(state)?.arms.candidate;
  return pool === undefined || pool === state.stable ? undefined : state.pools[pool]?.revision;
}

type Named<Field extends string> = Record<Field, string | null> & Record<`${Field}Number`, number | null>;

function named<Field extends string>(field: Field, state: AppState, id: string | undefined): Named<Field> {
  return {
    [field]: id ?? null,
    [`${field}Number`]: id === undefined ? null : revisionNumber(state, id),
  } as Named<Field>;
}

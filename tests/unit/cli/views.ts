import type {
  AppView,
  EventView,
  PlanView,
  ReleaseView,
  ReplicaView,
  RevisionView,
  StageView,
} from '../../../src/api/types.ts';

/** Views with fixed times, for pictures that can be compared letter by letter. */

export const NOW_MS = Date.parse('2026-03-01T12:10:00Z');
export const STABLE = 'v1-1111aaaa2222';
export const CANDIDATE = 'v1-3333bbbb4444';

export function stage(name: string, state: StageView['state'], more: Partial<StageView> = {}): StageView {
  return {
    name,
    state,
    askedPercent: null,
    measuredPercent: null,
    requests: null,
    gates: [],
    startedAt: null,
    endedAt: null,
    ...more,
  };
}

export function release(more: Partial<ReleaseView> = {}): ReleaseView {
  return {
    id: 'r4',
    cause: 'apply',
    strategy: 'canary',
    actor: 'alice',
    revision: CANDIDATE,
    revisionNumber: 4,
    fromRevision: STABLE,
    fromRevisionNumber: 3,
    startedAt: '2026-03-01T12:08:00Z',
    endedAt: null,
    verdict: null,
    reason: null,
    paused: false,
    stages: [
      stage('canary 8%', 'done', { askedPercent: 8, measuredPercent: 8, requests: 1000 }),
      stage('canary 50%', 'current', {
        askedPercent: 50,
        measuredPercent: 50.25,
        requests: 400,
        gates: [
          { kind: 'verify', state: 'passed', detail: '' },
          { kind: 'pause', state: 'waiting', detail: 'pause of 30s, 12s left' },
        ],
      }),
      stage('canary 100%', 'todo', { askedPercent: 100 }),
      stage('promoted', 'todo'),
    ],
    outageMs: null,
    refused: 0,
    held: 0,
    cutoverMs: null,
    ...more,
  };
}

export function app(
  status: Partial<AppView['status']> = {},
  more: Partial<AppView['metadata']> = {},
): AppView {
  return {
    apiVersion: 'crossfade.dev/v1',
    kind: 'App',
    metadata: {
      name: 'shop',
      namespace: 'default',
      generation: 5,
      labels: { team: 'web' },
      annotations: {},
      ...more,
    },
    spec: { replicas: 3, strategy: { canary: { steps: [] } } },
    status: {
      phase: 'Progressing',
      message: 'waits for a pause of 30s, 12s left',
      observedGeneration: 5,
      url: 'http://shop.localhost:8000',
      previewUrl: null,
      replicas: 5,
      readyReplicas: 5,
      updatedReplicas: 2,
      stableRevision: STABLE,
      stableRevisionNumber: 3,
      candidateRevision: CANDIDATE,
      candidateRevisionNumber: 4,
      liveColour: null,
      route: [
        {
          revision: STABLE,
          revisionNumber: 3,
          role: 'stable',
          weightPercent: 50,
          measuredPercent: 49.75,
          requests: 199,
          failed: 0,
          p50Ms: 2.14,
          p99Ms: 11.7,
        },
        {
          revision: CANDIDATE,
          revisionNumber: 4,
          role: 'candidate',
          weightPercent: 50,
          measuredPercent: 50.25,
          requests: 201,
          failed: 1,
          p50Ms: null,
          p99Ms: null,
        },
      ],
      warmUntil: null,
      heldRevisions: [],
      release: release(),
      lastRelease: null,
      ...status,
    },
  };
}

/** Nothing moves: the last release was promoted. */
export function settled(status: Partial<AppView['status']> = {}): AppView {
  const ended = release({
    verdict: 'promoted',
    endedAt: '2026-03-01T12:09:30Z',
    cutoverMs: 41,
    stages: release().stages.map((each) => ({ ...each, state: 'done' })),
  });
  return app({
    phase: 'Healthy',
    message: '',
    replicas: 3,
    readyReplicas: 3,
    updatedReplicas: 3,
    stableRevision: CANDIDATE,
    stableRevisionNumber: 4,
    candidateRevision: null,
    candidateRevisionNumber: null,
    release: null,
    lastRelease: ended,
    ...status,
  });
}

export function replica(id: string, more: Partial<ReplicaView> = {}): ReplicaView {
  return {
    id,
    revision: STABLE,
    revisionNumber: 3,
    role: 'stable',
    colour: null,
    address: '127.0.0.1:20001',
    phase: 'running',
    ready: true,
    inRoute: true,
    restarts: 0,
    inFlight: 2,
    startedAt: '2026-03-01T10:05:00Z',
    lastProbe: 'GET /healthz answered 200 in 3 ms',
    problem: null,
    ...more,
  };
}

export function revision(number: number, more: Partial<RevisionView> = {}): RevisionView {
  return {
    id: number === 4 ? CANDIDATE : STABLE,
    number,
    role: number === 4 ? 'candidate' : 'stable',
    held: null,
    createdAt: '2026-03-01T12:08:00Z',
    actor: 'alice',
    source: '/srv/shop',
    commit: '0123456789abcdef0123',
    command: ['node', 'server.js'],
    ...more,
  };
}

export function event(id: number, more: Partial<EventView> = {}): EventView {
  return {
    id,
    namespace: 'default',
    app: 'shop',
    at: '2026-03-01T12:08:00Z',
    type: 'Normal',
    reason: 'ReleaseStarted',
    message: 'release r4 of revision #4 began',
    release: 'r4',
    actor: 'alice',
    ...more,
  };
}

export function plan(more: Partial<PlanView> = {}): PlanView {
  return {
    app: 'shop',
    namespace: 'default',
    strategy: 'recreate',
    revision: CANDIDATE,
    comparedWith: { revision: STABLE, revisionNumber: 3, generation: 5 },
    change: 'release',
    differences: [
      { field: 'spec.run.env.GREETING', from: 'hello', to: 'hallo' },
      { field: 'spec.run.env.COLOUR', from: null, to: 'blue' },
    ],
    content: [],
    stages: [
      {
        name: 'refuse',
        replicas: { stable: 3, candidate: 0 },
        route: 'requests are refused with 503',
        gates: [],
        outage: 'refused',
        onAbort: 'one route change back to stable',
        commits: false,
      },
      {
        name: 'start',
        replicas: { stable: 0, candidate: 3 },
        route: 'candidate 100%',
        gates: ['ready'],
        outage: null,
        onAbort: 'stable is started again: an outage',
        commits: false,
      },
    ],
    peakReplicas: 3,
    declaresOutage: true,
    notes: ['a note'],
    ...more,
  };
}

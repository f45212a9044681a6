import assert from 'node:assert/strict';
import { test } from 'node:test';
import { coloured, plain, widthOf } from '../../../src/cli/output/colour.ts';
import { describeLines } from '../../../src/cli/output/describe.ts';
import { ASCII, UNICODE } from '../../../src/cli/output/glyphs.ts';
import { planLines } from '../../../src/cli/output/plan.ts';
import { statusLines } from '../../../src/cli/output/status.ts';
import { tableLines } from '../../../src/cli/output/table.ts';
import {
  appColumns,
  eventColumns,
  ownedColumns,
  releaseColumns,
  replicaColumns,
  revisionColumns,
} from '../../../src/cli/output/tables.ts';
import {
  app,
  CANDIDATE,
  event,
  NOW_MS,
  plan,
  release,
  replica,
  revision,
  STABLE,
  settled,
  stage,
} from './views.ts';

const PLAN_STYLE = { paint: plain, glyphs: UNICODE, columns: Number.POSITIVE_INFINITY };
const CONTEXT = { paint: plain, nowMs: NOW_MS };
const REPLICAS = [
  replica('shop-3-1-a'),
  replica('shop-3-1-b', { address: '127.0.0.1:20002' }),
  replica('shop-4-1-a', {
    revision: CANDIDATE,
    revisionNumber: 4,
    role: 'candidate',
    ready: false,
    phase: 'backoff',
    restarts: 2,
    inRoute: false,
    address: '127.0.0.1:20003',
    problem: 'exited with code 1: Error: no config',
  }),
];

function same(lines: readonly string[], golden: string): void {
  assert.equal(lines.join('\n'), golden.replace(/^\n/, '').trimEnd());
}

test('status during a release', () => {
  same(
    statusLines({ app: app(), replicas: REPLICAS, ...CONTEXT, glyphs: UNICODE }),
    `
shop  Progressing  waits for a pause of 30s, 12s left
├─ Address   http://shop.localhost:8000
├─ Route                            ASKED  MEASURED  REQUESTS  FAILED  P50    P99
│  ├─ stable #3 v1-1111aaaa2222     50%    49.75%    199       0       2.1ms  12ms
│  └─ candidate #4 v1-3333bbbb4444  50%    50.25%    201       1       -      -
├─ Revisions  3 replicas, 2 ready, 3 asked for
│  ├─ #4 (v1-3333bbbb4444)  candidate  0/1 ready
│  │  └─ ○ shop-4-1-a  backoff  127.0.0.1:20003  not in the route  2 restarts  2h5m
│  │          exited with code 1: Error: no config
│  └─ #3 (v1-1111aaaa2222)  stable  2/2 ready
│     ├─ ✓ shop-3-1-a  running  127.0.0.1:20001  in the route  0 restarts  2h5m
│     └─ ✓ shop-3-1-b  running  127.0.0.1:20002  in the route  0 restarts  2h5m
└─ Release r4  running  canary from #3 to #4 by alice, for 2m
   ├─ ✓ canary 8%    asked 8%, measured 8% of 1000 requests
   ├─ ▶ canary 50%   asked 50%, measured 50.25% of 400 requests; pause of 30s, 12s left
   ├─ ○ canary 100%  asked 100%
   └─ ○ promoted
`,
  );
});

test('status of colours while the old one is warm, in ASCII and in a namespace', () => {
  const warm = replica('shop-3-1-a', { role: 'warm', colour: 'blue', inRoute: false });
  const live = replica('shop-4-1-a', { revision: CANDIDATE, revisionNumber: 4, colour: 'green' });
  const view = settled({
    liveColour: 'green',
    warmUntil: '2026-03-01T12:19:30Z',
    previewUrl: 'http://preview.shop.localhost:8000',
    route: [],
    heldRevisions: [
      { revision: 'v1-dead', reason: { code: 'CandidateExited', message: 'exited with code 1' } },
    ],
  });
  view.metadata.namespace = 'prod';
  same(
    statusLines({ app: view, replicas: [warm, live], ...CONTEXT, glyphs: ASCII }),
    `
shop  Healthy  (namespace prod)
|- Address   http://shop.localhost:8000
|- Preview   http://preview.shop.localhost:8000
|- Revisions  2 replicas, 2 ready, 3 asked for
|  |- #4 (v1-3333bbbb4444)  stable  green (live)  1/1 ready
|  |  \`- + shop-4-1-a  running  127.0.0.1:20001  in the route  0 restarts  2h5m
|  |- #3 (v1-1111aaaa2222)  warm until 2026-03-01T12:19:30Z  blue  1/1 ready
|  |  \`- + shop-3-1-a  running  127.0.0.1:20001  not in the route  0 restarts  2h5m
|  \`- v1-dead  held: exited with code 1
\`- Release r4  promoted, 30s ago  canary from #3 to #4 by alice, took 1m30s
   |  cutover 41ms
   |- + canary 8%    asked 8%, measured 8% of 1000 requests
   |- + canary 50%   asked 50%, measured 50.25% of 400 requests
   |- + canary 100%  asked 100%
   \`- + promoted
`,
  );
});

test('status of an aborted recreate tells the reason and the outage', () => {
  const aborted = release({
    verdict: 'aborted',
    endedAt: '2026-03-01T12:09:00Z',
    reason: { code: 'CandidateNeverReady', message: 'GET /healthz answered 500' },
    outageMs: 2_345,
    refused: 17,
    stages: [stage('refuse', 'done'), stage('start', 'aborted'), stage('promoted', 'skipped')],
  });
  const lines = statusLines({
    app: settled({ phase: 'Degraded', route: [], lastRelease: aborted, url: null }),
    replicas: [],
    ...CONTEXT,
    glyphs: UNICODE,
  });
  same(
    lines,
    `
shop  Degraded
├─ Address   none: nothing is routed to this App
├─ Revisions  none runs
└─ Release r4  aborted, 1m ago  canary from #3 to #4 by alice, took 1m
   │  CandidateNeverReady: GET /healthz answered 500
   │  outage 2345ms: 17 refused, 0 held
   ├─ ✓ refuse
   ├─ ✗ start
   └─ – promoted
`,
  );
});

test('describe names the live colour, the endpoints and the events', () => {
  same(
    describeLines({
      app: app({ liveColour: 'blue' }),
      replicas: REPLICAS,
      revisions: [revision(3), revision(4)],
      events: [event(1), event(2, { type: 'Warning', reason: 'GateHeld', message: 'the split is wrong' })],
      ...CONTEXT,
    }),
    `
Name:         shop
Namespace:    default
Labels:       team=web
Annotations:  <none>
Phase:        Progressing
Message:      waits for a pause of 30s, 12s left
Address:      http://shop.localhost:8000
Preview:      <none>
Strategy:     canary
Replicas:     3 desired | 2 updated | 5 total | 5 ready
Stable:       #3 (v1-1111aaaa2222)
Candidate:    #4 (v1-3333bbbb4444)
Endpoints:    127.0.0.1:20001,127.0.0.1:20002
Generation:   5 (5 observed)
Live colour:  blue
Route:
  REVISION               ROLE        ASKED   MEASURED   REQUESTS   FAILED   P50     P99
  #3 (v1-1111aaaa2222)   stable      50%     49.75%     199        0        2.1ms   12ms
  #4 (v1-3333bbbb4444)   candidate   50%     50.25%     201        1        -       -
Release:
  Id:        r4
  Cause:     apply by alice
  Strategy:  canary
  Revision:  #4 (v1-3333bbbb4444)
  From:      #3 (v1-1111aaaa2222)
  Verdict:   running
  Started:   2026-03-01T12:08:00Z
  Ended:     -
  Stages:
    1  canary 8%    done     asked 8%, measured 8% of 1000 requests
    2  canary 50%   current  asked 50%, measured 50.25% of 400 requests; pause of 30s, 12s left
    3  canary 100%  todo     asked 100%
    4  promoted     todo
Revisions:
  REVISION   ID                ROLE        HELD   ACTOR   AGE
  3          v1-1111aaaa2222   stable      -      alice   2m
  4          v1-3333bbbb4444   candidate   -      alice   2m
Replicas:
  NAME         REVISION   ROLE        READY   PHASE     IN-ROUTE   RESTARTS   IN-FLIGHT   ADDRESS           AGE
  shop-3-1-a   #3         stable      yes     running   yes        0          2           127.0.0.1:20001   2h5m
  shop-3-1-b   #3         stable      yes     running   yes        0          2           127.0.0.1:20002   2h5m
  shop-4-1-a   #4         candidate   no      backoff   no         2          2           127.0.0.1:20003   2h5m
Problems:
  shop-4-1-a: exited with code 1: Error: no config
Spec:
  replicas: 3
  strategy:
    canary:
      steps: []
Events:
  AGE   TYPE      REASON           APP    MESSAGE
  2m    Normal    ReleaseStarted   shop   release r4 of revision #4 began
  2m    Warning   GateHeld         shop   the split is wrong
`,
  );
});

test('the tables of get, narrow and wide', () => {
  same(
    tableLines(appColumns(CONTEXT), [app(), settled({ url: null })]),
    `
NAME   READY   UP-TO-DATE   PHASE         REVISION   STAGE            ADDRESS
shop   5/3     2            Progressing   #3->#4     2/4 canary 50%   http://shop.localhost:8000
shop   3/3     3            Healthy       #4         -                -
`,
  );
  same(
    tableLines(releaseColumns(CONTEXT), [release(), settled().status.lastRelease ?? release()], {
      wide: true,
    }),
    `
RELEASE   CAUSE   STRATEGY   FROM   TO   VERDICT    STAGE   TOOK    ACTOR   AGE   CUTOVER   OUTAGE   REASON
r4        apply   canary     #3     #4   running    2/4     2m      alice   2m    -         -        -
r4        apply   canary     #3     #4   promoted   4/4     1m30s   alice   2m    41ms      -        -
`,
  );
  same(
    tableLines(revisionColumns(CONTEXT), [revision(3, { held: { code: 'Undone', message: 'x' } })], {
      wide: true,
    }),
    `
REVISION   ID                ROLE     HELD     ACTOR   AGE   COMMIT         SOURCE      COMMAND
3          v1-1111aaaa2222   stable   Undone   alice   2m    0123456789ab   /srv/shop   node server.js
`,
  );
  const replicas = [{ namespace: 'prod', app: 'shop', value: replica('shop-3-1-a') }];
  same(
    tableLines(ownedColumns(replicaColumns(CONTEXT), { namespace: true, app: true }), replicas),
    `
NAMESPACE   APP    NAME         REVISION   ROLE     READY   PHASE     IN-ROUTE   RESTARTS   IN-FLIGHT   ADDRESS           AGE
prod        shop   shop-3-1-a   #3         stable   yes     running   yes        0          2           127.0.0.1:20001   2h5m
`,
  );
  same(
    tableLines(eventColumns(CONTEXT), [event(3, { release: null })], { wide: true }),
    `
AGE   TYPE     REASON           APP    RELEASE   ACTOR   MESSAGE
2m    Normal   ReleaseStarted   shop   -         alice   release r4 of revision #4 began
`,
  );
});

test('a plan shows differences, stages, outages and the peak', () => {
  same(
    planLines(plan(), PLAN_STYLE),
    `
app/shop will be released (recreate)
Compared with revision #3 (${STABLE}), generation 5.

Differences:
  ~ spec.run.env.GREETING  hello → hallo
  + spec.run.env.COLOUR    blue

Stages (recreate):
  #  STAGE   STABLE  CANDIDATE  ROUTE                                            GATES  IF ABORTED
  1  refuse  3       0          requests are refused with 503 (outage: refused)  -      one route change back to stable
  2  start   0       3          candidate 100%                                   ready  stable is started again: an outage

At most 3 replicas at once. An outage is declared: see the stages whose requests are refused or held.
Note: a note
`,
  );
});

test('on a narrow terminal the stages of a plan become a list', () => {
  const [, second] = plan().stages;
  const narrow = planLines(plan({ stages: second === undefined ? [] : [second], differences: [] }), {
    ...PLAN_STYLE,
    columns: 60,
  });
  same(
    narrow.slice(3, -3),
    `
Stages (recreate):
  1  start
       replicas    stable 0, candidate 3
       route       candidate 100%
       gates       ready
       if aborted  stable is started again: an outage
`,
  );
});

test('a plan that compares with nothing says so', () => {
  const lines = planLines(
    plan({
      comparedWith: null,
      change: 'unknown',
      stages: [],
      differences: [],
      notes: [],
      declaresOutage: false,
    }),
    PLAN_STYLE,
  );
  same(
    lines,
    `
app/shop would go through these stages
Compared with nothing.

At most 3 replicas at once. No outage is declared.
`,
  );
});

test('colours take no room in a table', () => {
  const painted = tableLines(appColumns({ ...CONTEXT, paint: coloured }), [settled(), app()]);
  const bare = tableLines(appColumns(CONTEXT), [settled(), app()]);
  assert.notDeepEqual(painted, bare);
  assert.deepEqual(painted.map(widthOf), bare.map(widthOf));
});

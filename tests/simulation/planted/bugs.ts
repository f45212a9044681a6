/**
 * The checker is checked: bugs that releases have had, or could have, as changes of the source text. The simulation has to
 * find each of them. `shipped` names the field's tool that had it in the hands of users.
 */
import type { AppSpec } from '../../../src/spec/app.ts';
import type { WorldHappening } from '../life/profiles.ts';

export interface Edit {
  /** From the root of the repository. */
  file: string;
  /** Exactly once in the file: a bug whose place is gone fails, so that the list stays true. */
  find: string;
  put: string;
}

export interface Bug {
  name: string;
  shipped?: string;
  edits: Edit[];
  /** The core's own guard stays in: the bug is in it. */
  guarded?: true;
  /** Only lives that begin with this strategy: in the others it cannot show. */
  strategy?: AppSpec['spec']['strategy']['kind'];
  /** Per minute, where the world does it so rarely that it would take too many lives. */
  often?: Partial<Record<WorldHappening, number>>;
}

const core = (file: string, find: string, put: string): Edit => ({ file: `src/core/${file}`, find, put });
const decide = (file: string, find: string, put: string): Edit => core(`decide/${file}`, find, put);
const controller = (find: string, put: string): Edit => ({ file: 'src/controller/index.ts', find, put });
const store = (find: string, put: string): Edit => ({ file: 'src/store/memory/index.ts', find, put });

const NOBODY_NEEDED: Edit = decide(
  'table.ts',
  "if (route.admit.kind === 'open' && !(hasSomebody(route, members) && newOnesReady(draft, route)))",
  'if (Object.keys(members).length < 0)',
);
const NOT_WAITED_FOR: Edit = decide('advance.ts', 'if (blocked) return false;', '');

export const ROUTES: readonly Bug[] = [
  {
    name: 'weights over 100',
    shipped: 'argo-rollouts#4424',
    edits: [
      core(
        'strategies/parts.ts',
        '{ key: STABLE, weight: FULL_WEIGHT - candidateBp }',
        '{ key: STABLE, weight: FULL_WEIGHT }',
      ),
    ],
  },
  {
    name: 'preview switched before it is ready',
    shipped: 'argo-rollouts#2641',
    edits: [NOT_WAITED_FOR, NOBODY_NEEDED],
  },
  {
    name: 'a selector that names nobody',
    shipped: 'argo-rollouts#4750',
    edits: [
      NOBODY_NEEDED,
      decide(
        'table.ts',
        '.map((r) => ({ replica: r.id, address: r.address',
        '.slice(2).map((r) => ({ replica: r.id, address: r.address',
      ),
    ],
  },
  {
    name: 'requests to a revision without a ready replica',
    edits: [decide('table.ts', 'const ready = standing.filter((r) => r.ready);', 'const ready = standing;')],
  },
  {
    name: 'a version that users ask for by name without anybody to answer them',
    strategy: 'abTest',
    edits: [
      decide(
        'table.ts',
        'for (const pool of namedPools(wanted)) {',
        'for (const pool of namedPools({ ...wanted, matches: [] })) {',
      ),
    ],
  },
  {
    name: 'copies for a version that has nobody yet',
    strategy: 'canary',
    edits: [decide('abort.ts', 'if (route.mirror !== undefined) pools.add(route.mirror.to);', '')],
  },
  {
    name: 'a name that is forgotten on the way into the table',
    strategy: 'abTest',
    edits: [
      decide(
        'intent.ts',
        'matches: matches.map(({ when, to }) => ({ when, to: pool(to) })),',
        'matches: matches.slice(1).map(({ when, to }) => ({ when, to: pool(to) })),',
      ),
    ],
  },
  {
    name: 'a pool that is called by its revision alone',
    edits: [decide('release.ts', 'const incarnation = state.nextReleaseNumber;', 'const incarnation = 1;')],
  },
  {
    name: 'a name that leads to a version which is not ready yet',
    strategy: 'abTest',
    edits: [
      NOT_WAITED_FOR,
      decide(
        'table.ts',
        'return [...namedPools(route)].every(',
        'return [...namedPools({ ...route, matches: [] })].every(',
      ),
    ],
  },
  {
    name: 'everything to the candidate at one ready replica',
    shipped: 'argo-rollouts#3941',
    edits: [
      decide(
        'advance.ts',
        'draft.available(draft.pool(CANDIDATE)).length < wanted;',
        'draft.available(draft.pool(CANDIDATE)).length < Math.min(1, wanted);',
      ),
    ],
  },
  {
    name: 'going back at one ready replica of stable',
    strategy: 'canary',
    often: { replicaCrash: 40 },
    shipped: 'argo-rollouts#3941',
    edits: [decide('abort.ts', 'if (ready(STABLE) >= draft.spec.replicas ||', 'if (ready(STABLE) >= 1 ||')],
  },
  {
    name: 'stable scaled down while it has traffic',
    shipped: 'argo-rollouts#3681',
    edits: [
      decide(
        'intent.ts',
        'const wanted = armCount(draft, stage, arm);\n  if (mustWait',
        'const wanted = arm === STABLE ? Math.floor(armCount(draft, stage, arm) / 2) : armCount(draft, stage, arm);\n  if (mustWait',
      ),
    ],
  },
  {
    name: 'candidate not scaled with its weight',
    strategy: 'canary',
    edits: [
      core('scale.ts', 'return Math.max(1, Math.ceil((weightBp * replicas) / FULL_WEIGHT));', 'return 1;'),
    ],
  },
  {
    name: 'sticky users drawn anew at every stage',
    strategy: 'canary',
    edits: [
      core(
        'strategies/canary.ts',
        'route.sticky = { by: strategy.sticky, salt: input.salt };',
        'route.sticky = { by: strategy.sticky, salt: input.salt + stages.length };',
      ),
    ],
  },
  {
    name: 'sticky users spread anew when the weight changes',
    strategy: 'canary',
    edits: [
      {
        file: 'src/routers/embedded/data/sticky.ts',
        find: 'if (bucket * total < covered * BUCKETS) return choice;',
        put: 'if (((bucket + covered * 31) % BUCKETS) * total < covered * BUCKETS) return choice;',
      },
    ],
  },
  {
    name: 'an acknowledgement taken for granted',
    shipped: 'a 30 s timer instead (argo-rollouts)',
    edits: [
      decide('draft.ts', 'return this.router.ackedGeneration >= this.state.routeGeneration;', 'return true;'),
      decide('pools.ts', 'if (router.serving && names(router.serving, id)) return false;', ''),
      decide(
        'pools.ts',
        'if (state.table ? router.ackedGeneration < leaving.generation : router.ackedGeneration !== 0) return false;',
        '',
      ),
    ],
  },
  {
    name: 'an abort that goes forward again',
    often: { replicaCrash: 40 },
    edits: [
      decide(
        'abort.ts',
        'if (table && (isClosed || !namedPools(table.route).has(draft.pool(CANDIDATE)))) return true;',
        '',
      ),
    ],
  },
  {
    name: 'a router that came back empty is left so',
    edits: [
      decide(
        'table.ts',
        'if (router.ackedGeneration < state.routeGeneration && state.table) {',
        'if (!same && state.table) {',
      ),
    ],
  },
  {
    name: 'a route that is not wanted any more stays',
    edits: [
      decide(
        'table.ts',
        "if (state.table || (router?.serving && !comes)) draft.act('unroute', { kind: 'unroute' });",
        '',
      ),
    ],
  },
];

export const REPLICAS: readonly Bug[] = [
  {
    name: 'superseding scales the one before to 0 at once',
    shipped: 'argo-rollouts#4534',
    edits: [
      decide(
        'intent.ts',
        'intent.counts.set(candidate, draft.standing(candidate).length);',
        'intent.counts.set(candidate, 0);',
      ),
      NOBODY_NEEDED,
    ],
  },
  {
    name: 'stopped before the router has acknowledged',
    edits: [
      decide('pools.ts', 'if (router.serving && names(router.serving, id)) return false;', ''),
      decide(
        'pools.ts',
        'if (state.table ? router.ackedGeneration < leaving.generation : router.ackedGeneration !== 0) return false;',
        '',
      ),
    ],
  },
  {
    name: 'drain skipped',
    edits: [decide('pools.ts', 'if ((router.inFlight[id] ?? 0) === 0) return true;', 'return true;')],
  },
  {
    name: 'drain cut short',
    edits: [
      decide(
        'pools.ts',
        'leaving.deadline = draft.now + draft.spec.drainTimeoutMs;',
        'leaving.deadline = draft.now;',
      ),
    ],
  },
  {
    name: 'the ready ones leave first',
    strategy: 'rolling',
    edits: [decide('pools.ts', 'Number(a.ready) - Number(b.ready)', 'Number(b.ready) - Number(a.ready)')],
  },
  {
    name: 'chosen to leave, so taken for out of the route',
    edits: [
      decide(
        'pools.ts',
        'if (leaving.generation < 0 && !isNamed(draft, id)) leaving.generation',
        'if (leaving.generation < 0) leaving.generation',
      ),
      decide('pools.ts', 'if (isNamed(draft, id) || leaving.generation < 0) return false;', ''),
      decide('pools.ts', 'if (router.serving && names(router.serving, id)) return false;', ''),
    ],
  },
  {
    name: 'a roll takes one more than maxUnavailable',
    strategy: 'rolling',
    edits: [
      decide(
        'intent.ts',
        'oldCount + newCount - (replicas - unavailable) -',
        'oldCount + newCount - (replicas - unavailable - 1) -',
      ),
    ],
  },
  {
    name: 'a roll that goes beyond maxSurge',
    strategy: 'rolling',
    edits: [decide('intent.ts', 'replicas + surge - oldCount));', 'replicas + surge + 1 - oldCount));')],
  },
  {
    name: 'maxSurge and maxUnavailable both rounded to nothing',
    strategy: 'rolling',
    edits: [
      core(
        'scale.ts',
        'return surge === 0 && unavailable === 0 ? { surge, unavailable: 1 } : { surge, unavailable };',
        'return { surge, unavailable };',
      ),
    ],
  },
  {
    name: 'recreate starts the new ones beside the old ones',
    edits: [
      decide(
        'advance.ts',
        "if (stage.scale[arm]?.kind === 'zero' && draft.replicas.some((r) => r.pool === pool)) return false;",
        '',
      ),
      decide('intent.ts', 'if (mustWait(draft, release, arm)) return', 'if (draft.now < 0) return'),
    ],
  },
  {
    name: 'an aborted candidate goes on running',
    edits: [decide('abort.ts', 'if (candidate !== undefined) retire(draft, candidate);', '')],
  },
  {
    name: 'a pool gets the name of one that still runs',
    edits: [decide('release.ts', 'const id: PoolId =', "const id: PoolId = [known.number, 1].join('-') ||")],
  },
  {
    name: 'a warm pool is used and retired at once',
    strategy: 'blueGreen',
    edits: [
      decide(
        'release.ts',
        'if (warm) draft.state.warm = draft.state.warm.filter((entry) => entry !== warm);',
        '',
      ),
    ],
  },
  {
    name: 'what cannot be seen is taken for empty',
    edits: [
      decide('index.ts', "if (observed.replicas.kind === 'known') {", 'if (observed.replicas.kind) {'),
      decide(
        'pools.ts',
        "if (draft.observed.replicas.kind !== 'known') return;\n  for (const [pool, count] of intent.counts) {\n    if (draft.standing",
        'for (const [pool, count] of intent.counts) {\n    if (draft.standing',
      ),
      decide(
        'pools.ts',
        "if (draft.observed.replicas.kind !== 'known') return;\n  const present",
        'const present',
      ),
      decide(
        'pools.ts',
        "if (draft.observed.replicas.kind !== 'known') return;\n  for (const pool of state.retiring)",
        'for (const pool of state.retiring)',
      ),
    ],
  },
  {
    name: 'a router that cannot be seen has nobody on the line',
    edits: [decide('pools.ts', 'if (!router) return false;', 'if (!router) return true;')],
  },
];

const GATES: readonly Bug[] = [
  {
    name: 'no measurement counts as success',
    shipped: 'argo-rollouts#4479',
    edits: [
      decide(
        'gates.ts',
        'if (total < gate.minRequests) return collect(draft, gate, state, gate.minRequests - total);',
        '',
      ),
      decide(
        'gates.ts',
        'if (isAsked && answers.ok + (answers.probesOk ?? 0) === 0) return unanswered(draft, gate, state, answers);',
        '',
      ),
    ],
  },
  {
    name: 'a router that cannot be seen passes the gate',
    shipped: 'flagger: unreachable metrics',
    edits: [
      decide(
        'gates.ts',
        "return waiting(draft, state, 'the router cannot be seen: nothing is measured');",
        "return { kind: 'passed', at: draft.now };",
      ),
      decide(
        'draft.ts',
        'if (!this.tableIsCurrent || !this.router || this.router.trouble) return false;',
        'if (!this.router) return true;\n    if (!this.tableIsCurrent) return false;',
      ),
    ],
  },
  {
    name: 'weights are recorded, not measured',
    strategy: 'blueGreen',
    often: { secondWriter: 60 },
    shipped: 'argo-rollouts: ActualWeight is the desired one',
    edits: [decide('gates.ts', "if (verdict.kind === 'agrees') {", 'if (verdict.kind) {')],
  },
  {
    name: 'a candidate that only fails is promoted',
    edits: [
      decide(
        'gates.ts',
        'if (isAsked && answers.ok + (answers.probesOk ?? 0) === 0) return unanswered(draft, gate, state, answers);',
        '',
      ),
      decide(
        'health.ts',
        'const reason = noSuccess(draft, release, candidate, number);',
        'const reason = undefined as ReturnType<typeof noSuccess>;',
      ),
    ],
  },
  {
    name: 'a timed pause is over at once',
    edits: [
      decide(
        'gates.ts',
        "if (draft.now >= until) return { kind: 'passed', at: draft.now };",
        "if (draft.now >= begun) return { kind: 'passed', at: draft.now };",
      ),
    ],
  },
  {
    name: 'a pause that a jump of the clock shortens',
    edits: [
      {
        file: 'src/clock/index.ts',
        find: 'return anchor.wall + (clock.monotonic() - anchor.monotonic);',
        put: 'return Math.max(anchor.wall, clock.wall());',
      },
    ],
  },
  {
    name: 'promote --full gives an approval',
    strategy: 'abTest',
    edits: [
      decide(
        'gates.ts',
        "return waiting(draft, state, gate.message ?? 'waits for approval",
        "if (skips) return passedBy(draft, 'promote --full');\n      return waiting(draft, state, gate.message ?? 'waits for approval",
      ),
    ],
  },
  {
    name: 'promote --full skips the measurement',
    edits: [
      decide(
        'gates.ts',
        'return verify(draft, gate, state);',
        "return skips ? passedBy(draft, 'promote --full') : verify(draft, gate, state);",
      ),
    ],
  },
  {
    name: 'the gates of one stage pass the next',
    edits: [decide('advance.ts', 'release.gates = pendingGates(stage);', '')],
  },
  {
    name: 'a release that never gets on never ends',
    edits: [decide('advance.ts', 'beginAbort(draft, overdue(draft));', 'overdue(draft);')],
  },
];

const COMMANDS: readonly Bug[] = [
  {
    name: 'an abort that waits on a pause',
    edits: [
      decide(
        'advance.ts',
        "if (release.phase.kind === 'aborting') return backToStable(draft);",
        "if (release.phase.kind === 'aborting') return release.pausedBy === undefined && backToStable(draft);",
      ),
    ],
  },
  {
    name: 'a paused release goes on',
    edits: [decide('advance.ts', 'if (release.pausedBy !== undefined) return false;', '')],
  },
  {
    name: 'a paused roll goes on rolling',
    strategy: 'rolling',
    edits: [
      decide(
        'intent.ts',
        'const goesOn = release.pausedBy === undefined && hasProved(draft, release);',
        'const goesOn = hasProved(draft, release);',
      ),
    ],
  },
  {
    name: 'a held revision is started again by apply',
    edits: [
      decide('desired.ts', 'if (held && revision !== stable) {', 'if (held && revision === undefined) {'),
    ],
  },
  {
    name: 'a rejected revision is taken',
    edits: [
      decide(
        'desired.ts',
        'switch (draft.spec.onNewRevision) {',
        "switch ('supersede' as 'supersede' | 'queue' | 'reject') {",
      ),
    ],
  },
  {
    name: 'a queued revision is forgotten when the release ends',
    edits: [
      decide(
        'desired.ts',
        'if (!state.queued || draft.release) return;',
        'if (state.stable && !draft.release) delete state.queued;\n  if (!state.queued || draft.release) return;',
      ),
    ],
  },
  {
    name: 'a repeated command is carried out again',
    edits: [
      decide('commands.ts', 'if (Object.hasOwn(state.commandsDone, command.id)) continue;', ''),
      store("if (row.commands.has(command.id) || row.done.has(command.id)) return 'known';", ''),
    ],
  },
  {
    name: 'a command is lost when another one comes',
    edits: [
      store(
        'row.commands.set(command.id, keep(command));',
        'row.commands.clear();\n      row.commands.set(command.id, keep(command));',
      ),
    ],
  },
];

const LOOP: readonly Bug[] = [
  {
    name: 'two controllers commit side by side',
    edits: [
      store(
        'if (row?.version !== expectedVersion) throw versionConflict(app, expectedVersion, row?.version);',
        'if (!row) throw versionConflict(app, expectedVersion, row);',
      ),
    ],
  },
  {
    name: 'done before it is committed',
    edits: [
      controller(
        'const actions = await this.#commit(app, stored, observed, decision);',
        'await Promise.all(decision.actions.map((action) => perform(this.#deps, stored, decision.next, action)));\n    const actions = await this.#commit(app, stored, observed, decision);',
      ),
    ],
  },
  {
    name: 'a conflict is answered by doing it all the same',
    edits: [controller('CANNOT_WRITE.has(error.code)', 'error.code.length > 0')],
  },
  {
    name: 'a way back that cannot be stored is given again and again',
    edits: [controller('&& !isServed(router, action.table)', '')],
    often: { diskFull: 30, replicaFlap: 60 },
  },
  {
    name: 'a stale writer is let through',
    edits: [
      {
        file: 'src/controller/perform.ts',
        find: 'stateVersion: action.stateVersion };',
        put: 'stateVersion: Number.MAX_SAFE_INTEGER };',
      },
    ],
  },
  {
    name: 'what a crash interrupted is taken for done',
    edits: [controller("result: 'unknown' }));", "result: 'ok' }));")],
  },
  {
    name: 'what failed is taken for done',
    edits: [
      decide('outcomes.ts', "if (outcome.result === 'failed') {", "if (outcome.key === '') {"),
      decide('outcomes.ts', "if (outcome.result === 'ok') finish(draft, action);", 'finish(draft, action);'),
    ],
  },
  {
    name: 'what failed is never tried again',
    edits: [
      decide(
        'outcomes.ts',
        'const until = draft.now + Math.min(',
        'const until = draft.now + 1e12 + Math.min(',
      ),
    ],
  },
  {
    name: 'the guard sees a loss that the world has caused',
    guarded: true,
    edits: [core('invariants.ts', 'if (is >= was) return undefined;', '')],
  },
];

export const RULES: readonly Bug[] = [...GATES, ...COMMANDS, ...LOOP];

export const BUGS: readonly Bug[] = [...ROUTES, ...REPLICAS, ...RULES];

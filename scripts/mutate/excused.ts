/** Changes of the core that no test can notice, each with the reason. One that a test notices after all is reported. */
export interface Excuse {
  file: string;
  /** What stands there, and what instead. */
  from: string;
  to: string;
  /** Part of the line, where the same change may be made in several places. */
  line?: string;
  why: string;
}

/** What Stryker puts into a list that is empty. */
const GHOST = '["Stryker was here"]';

const BINOMIAL: readonly Excuse[] = [
  {
    file: 'src/core/binomial.ts',
    from: 'k > 0',
    to: 'true',
    why: 'the term of k = 0 is 0, and ends the loop',
  },
  {
    file: 'src/core/binomial.ts',
    from: 'k > 0',
    to: 'k >= 0',
    why: 'the term of k = 0 is 0, and adds nothing',
  },
  {
    file: 'src/core/binomial.ts',
    from: 'k > 0 && term > sum * NEGLIGIBLE',
    to: 'k > 0 || term > sum * NEGLIGIBLE',
    why: 'it adds what is left of the tail, which is less than a number of its size can show',
  },
  {
    file: 'src/core/binomial.ts',
    from: 'term > sum * NEGLIGIBLE',
    to: 'true',
    why: 'it adds what is left of the tail, which is less than a number of its size can show',
  },
  {
    file: 'src/core/binomial.ts',
    from: 'term > sum * NEGLIGIBLE',
    to: 'term >= sum * NEGLIGIBLE',
    why: 'a term is never exactly this part of the sum',
  },
  {
    file: 'src/core/binomial.ts',
    from: 'n < 10',
    to: 'n <= 10',
    why: 'at 10 the product and the series are equal to 1e-10, which is what is promised',
  },
  {
    file: 'src/core/binomial.ts',
    from: 'count > total * share',
    to: 'count >= total * share',
    why: 'on the mean itself both tails are more than half: twice that is cut to 1',
  },
];

const INVARIANTS: readonly Excuse[] = [
  {
    file: 'src/core/invariants.ts',
    from: '[]',
    to: GHOST,
    line: 'last.flatMap',
    why: 'a name more in a set that is asked for names of pools only',
  },
  {
    file: 'src/core/invariants.ts',
    from: '[]',
    to: GHOST,
    line: 'table.members[pool] ?? []',
    why: 'a member that is no replica is not a ready one',
  },
  {
    file: 'src/core/invariants.ts',
    from: "stage.via.kind === 'roll'",
    to: 'true',
    why: 'a release that rolls has its roll first, and the first stage of any other is looked at again',
  },
  {
    file: 'src/core/invariants-steps.ts',
    from: 'candidate === undefined',
    to: 'false',
    line: '!before.table',
    why: 'for the type checker: a release has a candidate, and nobody at all has a share of 0',
  },
  {
    file: 'src/core/invariants-steps.ts',
    from: 'stable === undefined',
    to: 'false',
    line: 'state.stable === stable',
    why: 'a first release that goes back leaves nobody stable, and has nobody to compare with',
  },
  {
    file: 'src/core/invariants-steps.ts',
    from: "next.split.kind !== 'weights'",
    to: 'false',
    why: 'for the type checker: in a split per replica no share is found, which says the same',
  },
  {
    file: 'src/core/invariants-steps.ts',
    from: 'candidate === undefined',
    to: 'false',
    line: '!namesInSplit',
    why: 'for the type checker: a release has a candidate, and nobody at all is not found',
  },
];

const SPLITS: readonly Excuse[] = [
  {
    file: 'src/core/verify.ts',
    from: 'p > HASH_ALPHA',
    to: 'p >= HASH_ALPHA',
    why: 'no P value of whole counts is exactly the limit',
  },
  {
    file: 'src/core/verify.ts',
    from: 'Math.abs(count - share * total) <= slack + ROUNDING',
    to: 'Math.abs(count - share * total) < slack + ROUNDING',
    why: 'the limit has a rounding error added, so that nothing is exactly on it',
  },
  {
    file: 'src/core/strategies/parts.ts',
    from: '[FULL_WEIGHT]',
    to: '[]',
    why: 'for the type checker: only splits by weight are measured, a roll as the one it ends with',
  },
  {
    file: 'src/core/strategies/parts.ts',
    from: "route.split.kind === 'weights'",
    to: 'true',
    why: 'for the type checker: only splits by weight are measured, a roll as the one it ends with',
  },
  {
    file: 'src/core/strategies/canary.ts',
    from: 'default:\n      return undefined;',
    to: 'default:',
    why: 'the end of the function says the same',
  },
  {
    file: 'src/core/strategies/canary.ts',
    from: `default:\n      throw new Error(\`a \${canaryStep.kind} step moves nothing\`);`,
    to: 'default:',
    why: 'for the type checker: steps that move nothing are taken as gates before',
  },
];

/** Changes of one file that have one reason: what stands there, what instead, and part of the line. */
function alike(
  file: string,
  why: string,
  ...changes: readonly (readonly [from: string, to: string, line?: string])[]
): Excuse[] {
  return changes.map(([from, to, line]) => ({
    file: `src/core/${file}`,
    from,
    to,
    ...(line === undefined ? {} : { line }),
    why,
  }));
}

const RUNNING = 'for the type checker: it is called for a release that runs';
const ENDED = 'for the type checker: a release that has ended is in the history, never in its place';
const ARMS = 'for the type checker: a release that is not the first has both versions';
const KNOWN = 'for the type checker: what a state names it has';

const DECIDE: readonly Excuse[] = [
  ...alike(
    'decide/abort.ts',
    ENDED,
    ["release.phase.kind === 'done'", 'false', '!release'],
    ["'done'", '""', '!release'],
  ),
  ...alike(
    'decide/abort.ts',
    ARMS,
    ['candidate !== undefined', 'true'],
    ['candidate === undefined', 'false'],
  ),
  ...alike(
    'decide/advance.ts',
    ENDED,
    ["release.phase.kind === 'done'", 'false', '!release'],
    ["'done'", '""', '!release'],
  ),
  ...alike(
    'decide/advance.ts',
    RUNNING,
    ['draft.release?.phase', 'draft.release.phase'],
    ['!release', 'false', 'if (!release) return false;'],
    ['!stage', 'false'],
    ["release.phase.kind !== 'advancing'", 'false'],
    ["stable === undefined || release.phase.kind !== 'aborting'", 'false'],
    [
      "stable === undefined || release.phase.kind !== 'aborting'",
      "stable === undefined && release.phase.kind !== 'aborting'",
    ],
    ["release.phase.kind !== 'aborting'", 'false'],
    ['draft.release?.arms', 'draft.release.arms'],
  ),
  ...alike(
    'decide/advance.ts',
    'for the type checker: an abort without a stable version is over when users are back',
    ['stable === undefined', 'false', "!== 'aborting'"],
    ['stable === undefined', 'false', "=== 'reroute'"],
  ),
  ...alike('decide/advance.ts', 'no replica is of a pool that is not there', [
    'stable === undefined',
    'false',
    'const old =',
  ]),
  ...alike(
    'decide/advance.ts',
    'a scale of zero, or none, wants nobody, and nobody is fewer than nobody',
    ["stage.scale[CANDIDATE]?.kind !== 'zero'", 'true'],
    ['stage.scale[CANDIDATE]?.kind', 'stage.scale[CANDIDATE].kind'],
    ["'zero'", '""', 'CANDIDATE'],
  ),
  ...alike(
    'decide/advance.ts',
    'for the type checker: a stage before the last has a scale for every version of its release',
    ['stage.scale[arm]?.kind', 'stage.scale[arm].kind'],
  ),
  ...alike('decide/advance.ts', 'a roll wants none of the old ones', ['arm === CANDIDATE', 'true']),
  ...alike(
    'decide/advance.ts',
    'for the type checker: there is a record of every stage, and what it was measured from was looked at before',
    ['record?.base', 'record.base'],
    ['record.base?.perPool', 'record.base.perPool'],
    ['failing.lastProbe?.detail', 'failing.lastProbe.detail'],
  ),
  ...alike('decide/advance.ts', 'what is in it asks again', [
    'mark !== release.progressMark || waitsForOthers',
    'true',
  ]),
  ...alike(
    'decide/advance.ts',
    'for the type checker: a drain that has no end yet is taken for one that ended in 1970',
    ['deadline !== undefined', 'true'],
  ),
  ...alike(
    'decide/adopt.ts',
    KNOWN,
    ['spec.kubernetes?.deployment', 'spec.kubernetes.deployment', 'const message'],
    ['state.revisions[revision]?.number', 'state.revisions[revision].number'],
  ),
  ...alike(
    'decide/catch-up.ts',
    'for the type checker: nothing has no name, and no name of Stryker either',
    ["''", '"Stryker was here!"', 'const number ='],
    ['state.stable !== undefined', 'true'],
  ),
  ...alike('decide/abort.ts', KNOWN, ['members[pool]?.length', 'members[pool].length']),
  ...alike(
    'decide/commands.ts',
    'with no more answers than are kept, none is left to forget',
    ['Object.keys(state.commandsDone).length <= COMMANDS_KEPT', 'false'],
    [
      'Object.keys(state.commandsDone).length <= COMMANDS_KEPT',
      'Object.keys(state.commandsDone).length < COMMANDS_KEPT',
    ],
  ),
  ...alike(
    'decide/commands.ts',
    KNOWN,
    ['stage.gates[waits]?.kind', 'stage.gates[waits].kind'],
    ['state.revisions[state.queued.revision]?.number', 'state.revisions[state.queued.revision].number'],
    ['state.revisions[revision]?.number', 'state.revisions[revision].number', 'restarting'],
    ['state.revisions[revision]?.number', 'state.revisions[revision].number', 'trying'],
  ),
  ...alike('decide/commands.ts', 'for the type checker: what is in the history has ended', [
    "r.phase.kind === 'done'",
    'true',
  ]),
  ...alike('decide/commands.ts', 'for the type checker: no revision is called undefined', [
    'id === undefined',
    'false',
  ]),
  ...alike('decide/desired.ts', KNOWN, [
    'state.revisions[revision]?.number',
    'state.revisions[revision].number',
  ]),
  ...alike(
    'decide/desired.ts',
    RUNNING,
    ['!release', 'false', 'if (!release) return;'],
    ['phase?.kind', 'phase.kind'],
    ["phase?.kind === 'aborting'", 'true'],
  ),
  ...alike(
    'decide/draft.ts',
    ENDED,
    ["release && release.phase.kind !== 'done'", 'true'],
    ["release.phase.kind !== 'done'", 'true'],
    ["'done'", '""'],
    ['this.release ?? this.state.release', 'this.release && this.state.release'],
  ),
  ...alike('decide/draft.ts', 'the stages themselves are put in its place', ['[]', GHOST, 'stages: []']),
  ...alike('decide/draft.ts', 'for the type checker: what is not known has no value', [
    "value.kind === 'known'",
    'true',
  ]),
  ...alike('decide/empty-stable.ts', 'for the type checker: in a split per replica no share is found', [
    "split.kind === 'weights'",
    'true',
  ]),
  ...alike(
    'decide/empty-stable.ts',
    'for the type checker: whoever was found has said something',
    ['said?.lastProbe?.detail', 'said?.lastProbe.detail'],
    ['said?.id', 'said.id'],
  ),
  ...alike(
    'decide/gates.ts',
    'what is not passed, does not wait and does not measure is pending, whatever it is called',
    ["{ kind: 'pending' }", '{}'],
    ["'pending'", '""'],
  ),
  ...alike('decide/gates.ts', RUNNING, ["release.phase.kind === 'advancing'", 'true', 'const skips']),
  ...alike(
    'decide/gates.ts',
    'for the type checker: only a measurement has an epoch, or a mismatch',
    ["state.kind !== 'measuring'", 'false'],
    ["before.kind === 'measuring'", 'true'],
  ),
  ...alike(
    'decide/gates.ts',
    'for the type checker: without a table, or counts, nothing is measured',
    ['draft.state.table?.route', 'draft.state.table.route'],
    ['draft.measured?.perPool', 'draft.measured.perPool'],
  ),
  ...alike(
    'decide/index.ts',
    'it counts only to stop what never ends, which no test can bring about',
    ['steps++', 'steps--'],
    ['steps > MOST_STEPS', 'false'],
    ['steps > MOST_STEPS', 'steps >= MOST_STEPS'],
  ),
  ...alike('decide/index.ts', 'what is to be done is pending in the state, which differs by that', [
    'draft.actions.length > 0',
    'false',
  ]),
  ...alike('decide/intent.ts', RUNNING, ["stage.via.kind !== 'roll'", 'false']),
  ...alike(
    'decide/intent.ts',
    'a roll grows and shrinks by replicas, not by weight',
    ["split.kind === 'perReadyReplica'", 'false'],
    ["'perReadyReplica'", '""'],
  ),
  ...alike('decide/intent.ts', RUNNING, ['release.stages[0]?.route', 'release.stages[0].route']),
  ...alike(
    'decide/mismatch.ts',
    'for the type checker: what has no name is told by its pool, either way',
    ['revision === undefined', 'false'],
    ['draft.state.revisions[revision]?.number', 'draft.state.revisions[revision].number'],
  ),
  ...alike('decide/pools.ts', 'no two replicas have one name', ['a.id < b.id', 'a.id <= b.id']),
  ...alike('decide/pools.ts', 'for the type checker: only who leaves is asked about', [
    '!leaving',
    'false',
    'if (!leaving) return false',
  ]),
  ...alike(
    'decide/release.ts',
    'for the type checker: a release has at least one stage',
    ['stage?.gates', 'stage.gates'],
    ['!stage', 'false'],
  ),
  ...alike('decide/release.ts', 'for the type checker: nothing that is warm is taken out for nothing', [
    'warm',
    'true',
    'if (warm)',
  ]),
  ...alike(
    'decide/release.ts',
    KNOWN,
    ['state.revisions[release.revision]?.number', 'state.revisions[release.revision].number'],
    ['state.pools[state.stable]?.colour', 'state.pools[state.stable].colour'],
    ['candidate === undefined', 'false'],
  ),
  ...alike('decide/release.ts', 'for the type checker: no pool is called undefined', [
    'state.stable === undefined',
    'false',
    'const live',
  ]),
  ...alike(
    'decide/still-served.ts',
    'for the type checker: the router was looked at before',
    ['draft.router?.inFlight', 'draft.router.inFlight'],
    ['draft.router?.connectionsUnseen', 'draft.router.connectionsUnseen'],
  ),
  ...alike('decide/table.ts', 'it becomes what it is', [
    'newest > state.routeGeneration',
    'newest >= state.routeGeneration',
  ]),
  ...alike(
    'decide/table.ts',
    'for the type checker: no table is equal to none',
    ['state.table !== undefined', 'true', 'const same'],
    ['state.table?.generation', 'state.table.generation'],
  ),
  ...alike(
    'decide/table.ts',
    'for the type checker: the router, the release and its members were looked at before',
    ['router?.serving', 'router.serving', 'measures &&'],
    ['release?.phase', 'release.phase', 'measures &&'],
    ['candidate === undefined', 'false'],
    ['members[pool]?.length', 'members[pool].length', 'const count'],
    ["roll?.kind !== 'roll'", 'false'],
    ["wanted.split.kind === 'perReadyReplica'", 'true'],
    ['!route', 'false', 'if (!route) throw'],
  ),
  ...alike('decide/table.ts', 'no replica is of a pool of this name', ['[]', GHOST, 'const others']),
  ...alike('decide/table.ts', 'no two replicas have one name', [
    'a.replica < b.replica',
    'a.replica <= b.replica',
  ]),
  ...alike('decide/table.ts', 'a stage names no share of 0', ['share.weight === 0', 'false']),
  ...alike(
    'decide/table.ts',
    'a release that rolls has its roll first, and the first stage of any other is looked at again',
    ["stage.via.kind === 'roll'", 'true'],
  ),
];

/** What no decision reaches: the type checker asks for it. */
const UNREACHED: readonly Excuse[] = [
  ...alike(
    'decide/intent.ts',
    RUNNING,
    ["{ kind: 'refuse' }", '{}', 'const closed'],
    ["'refuse'", '""', 'const closed'],
  ),
  ...alike('decide/advance.ts', RUNNING, ['false', 'true', 'if (!release) return false;']),
  ...alike('decide/pools.ts', 'only who leaves is asked about', ['false', 'true', 'if (!leaving)']),
  ...alike('decide/release.ts', 'a release has at least one stage', ['[]', GHOST, 'stage?.gates']),
  ...alike('decide/still-served.ts', ARMS, ["''", '"Stryker was here!"', 'draft.revisionOf']),
  ...alike('decide/table.ts', 'who has no address was left out before', [
    "''",
    '"Stryker was here!"',
    'r.address',
  ]),
];

const PLANS: readonly Excuse[] = [
  ...alike('plan.ts', 'a plan does not show by which salt users are split', [
    `\`\${spec.metadata.namespace}/\${spec.metadata.name}\``,
    '``',
  ]),
  ...alike(
    'plan.ts',
    KNOWN,
    ['stored?.state', 'stored.state', 'const stableRevision'],
    ['state.pools[state.stable]?.revision', 'state.pools[state.stable].revision'],
  ),
  ...alike('plan.ts', 'a roll grows and shrinks by replicas, not by weight', [
    "split.kind === 'weights'",
    'true',
  ]),
  ...alike('revision.ts', 'no two fields have one name', ['a < b', 'a <= b']),
  ...alike('plan.ts', 'an applied release, and any of no cause, go the way of the strategy', [
    "'apply'",
    '""',
  ]),
  ...alike(
    'capabilities.ts',
    'whose release it is does not change what a router has to be able to do',
    ["'apply'", '""'],
    ["''", '"Stryker was here!"'],
  ),
  ...alike('capabilities.ts', 'for the type checker: in a split per replica no share is found', [
    "route.split.kind === 'weights'",
    'true',
  ]),
  ...alike(
    'capabilities.ts',
    'a stage names no share of 0',
    ['weight > 0', 'true'],
    ['weight > 0', 'weight >= 0'],
  ),
];

export const EXCUSED: readonly Excuse[] = [
  ...BINOMIAL,
  ...INVARIANTS,
  ...SPLITS,
  ...DECIDE,
  ...UNREACHED,
  ...PLANS,
];

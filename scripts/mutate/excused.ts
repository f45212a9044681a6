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
    from: "next.split.kind !== 'weights' || candidate === undefined",
    to: 'false',
    why: 'for the type checker: in a split per replica no share is found, which says the same',
  },
  {
    file: 'src/core/invariants-steps.ts',
    from: "next.split.kind !== 'weights' || candidate === undefined",
    to: "next.split.kind !== 'weights' && candidate === undefined",
    why: 'for the type checker: in a split per replica no share is found, which says the same',
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
    line: "next.split.kind !== 'weights'",
    why: 'for the type checker: a release has a candidate, and nobody at all is not found',
  },
];

const SPLITS: readonly Excuse[] = [
  {
    file: 'src/core/verify.ts',
    from: 'binomialPValue(count, total, share) > HASH_ALPHA',
    to: 'binomialPValue(count, total, share) >= HASH_ALPHA',
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

export const EXCUSED: readonly Excuse[] = [...BINOMIAL, ...INVARIANTS, ...SPLITS];

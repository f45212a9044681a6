import { z } from 'zod';
import { expecting } from './expectation.ts';
import { nearest } from './nearest.ts';
import {
  duration,
  exactlyOne,
  mapping,
  optionalMapping,
  reserved,
  shortText,
  whole,
  wholeSeconds,
  yesNo,
} from './schema-base.ts';
import { matchList, userKey } from './schema-match.ts';
import { canarySteps, percent } from './schema-steps.ts';
import { suggestBoolean, suggestMapping } from './suggest.ts';

const DAY_SECONDS = 86_400;

const warmWindow = () =>
  wholeSeconds(0, 30 * DAY_SECONDS)
    .default(600)
    .describe('How long the previous version stays warm after promotion: while it does, undo is one switch.');

const replicasOr = (what: string) =>
  whole(1, 1_000).optional().describe(`${what} Absent: as many as spec.replicas.`);

const hold = mapping({
  maxRequests: whole(1, 100_000)
    .default(1_000)
    .describe('Requests that may wait at once. More are answered 503.'),
  maxWait: duration(100, 600_000)
    .default('30s')
    .describe('How long a request may wait. Then it is answered 503.'),
});

/** What `hold: true` means. */
export const HOLD_DEFAULTS = hold.parse({});

const recreate = optionalMapping(
  {
    hold: z
      .union([yesNo(), hold], { error: expecting('true, false or { maxRequests, maxWait }', suggestBoolean) })
      .default(false)
      .describe('Requests wait during the outage instead of being refused. true takes the defaults.'),
  },
  '{} or { hold: true }',
);

const COUNT_OR_PERCENT = 'a whole number from 0 to 1000, or a percentage such as "25%"';

const countOrPercent = (maxPercent: number) => {
  const error = expecting(
    maxPercent === 100 ? `${COUNT_OR_PERCENT} up to "100%"` : COUNT_OR_PERCENT,
    suggestCount,
  );
  return z.union(
    [
      z.number({ error }).int({ error }).min(0, { error }).max(1_000, { error }),
      z
        .string({ error })
        .regex(/^(0|[1-9]\d{0,3})%$/, { error })
        .refine((value) => Number(value.slice(0, -1)) <= maxPercent, { error }),
    ],
    { error },
  );
};

const rolling = optionalMapping({
  maxSurge: countOrPercent(1_000)
    .default('25%')
    .describe('Replicas above spec.replicas during the roll. A percentage is rounded up, as in Kubernetes.'),
  maxUnavailable: countOrPercent(100)
    .default('25%')
    .describe(
      'Replicas below spec.replicas during the roll. A percentage is rounded down, as in Kubernetes.',
    ),
});

const blueGreen = optionalMapping({
  autoPromotionEnabled: yesNo()
    .default(true)
    .describe('Switch by itself once the preview is ready. False: wait for `crossfade rollout promote`.'),
  autoPromotionSeconds: wholeSeconds(0, 365 * DAY_SECONDS)
    .optional()
    .describe('Wait at the preview for so many seconds, then switch. Absent or 0: switch at once.'),
  previewReplicaCount: replicasOr('Replicas of the new colour while it is only previewed.'),
  scaleDownDelaySeconds: warmWindow(),
});

const canary = mapping(
  {
    steps: canarySteps().describe('In order. After the last one everything goes to the new version.'),
    sticky: optionalMapping(
      { by: userKey().describe('What identifies a user. Default: a cookie of the router.') },
      '{} or { by: { cookie: name } }',
    )
      .optional()
      .describe(
        'Users stay on the version they got; as the weight rises they move only towards the new one.',
      ),
    scaleDownDelaySeconds: warmWindow(),
  },
  'a mapping such as { steps: [{ setWeight: 20 }, { pause: {} }] }',
);

const abTest = mapping(
  {
    match: matchList().default([]).describe('Requests that match one of these get the new version.'),
    split: mapping({
      percent: percent().describe('Per cent of users who get the new version.'),
      by: userKey().describe('What identifies a user. Default: a cookie of the router.'),
      salt: shortText('text of 1 to 200 characters', 200)
        .optional()
        .describe(
          'Mixed into the hash of the user. Absent: another for each release, so that not always the same users are first.',
        ),
    })
      .optional()
      .describe('A share of all other users, by a salted hash.'),
    replicas: replicasOr('Replicas of the new version during the experiment.'),
    scaleDownDelaySeconds: warmWindow(),
  },
  'a mapping such as { split: { percent: 20 } }',
);

export const STRATEGIES = ['recreate', 'rolling', 'blueGreen', 'canary', 'abTest'] as const;

export const strategy = exactlyOne(
  mapping(
    {
      recreate: recreate
        .optional()
        .describe('Stop the old version, then start the new one. A declared outage.'),
      rolling: rolling.optional().describe('Replica by replica. The default.'),
      blueGreen: blueGreen
        .optional()
        .describe('The new version beside the old one, then everything at once.'),
      canary: canary.optional().describe('A growing share of requests.'),
      abTest: abTest.optional().describe('Two versions for chosen users until a person decides.'),
      shadow: reserved(
        'the shadow strategy is not available yet',
        'use canary with a small setWeight, or abTest for chosen users',
      ).describe('Reserved: not available yet.'),
    },
    'one strategy, such as { rolling: {} }',
    suggestStrategy,
  ),
  STRATEGIES,
);

export type StrategyDocument = z.output<typeof strategy>;

function suggestCount(input: unknown): string | undefined {
  if (typeof input === 'string' && /^\d+$/.test(input)) return `remove the quotes: ${Number(input)}`;
  if (typeof input === 'string' && /^\d+ %$/.test(input)) return `write "${input.replace(' ', '')}"`;
  return undefined;
}

function suggestStrategy(input: unknown): string | undefined {
  const near = typeof input === 'string' ? nearest(input, STRATEGIES) : undefined;
  if (!near || near.distance > 1) return suggestMapping(input);
  return `write { ${near.word}: ${near.word === 'canary' ? '{ steps: [{ setWeight: 20 }] }' : '{}'} }`;
}

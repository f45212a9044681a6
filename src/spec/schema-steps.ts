import { z } from 'zod';
import { expecting } from './expectation.ts';
import { nearest } from './nearest.ts';
import {
  duration,
  exactlyOne,
  list,
  mapping,
  onlyTrue,
  optionalMapping,
  reserved,
  shortText,
  text,
  whole,
  wholeSeconds,
} from './schema-base.ts';
import { matchList } from './schema-match.ts';
import { suggestMapping, suggestWrapped } from './suggest.ts';
import { percentToBp } from './weight.ts';

const PERCENT = 'a number from 0 to 100 with at most two decimals';

/** Per cent of all requests. */
export const percent = () => {
  const error = expecting(PERCENT, suggestPercent);
  return z
    .number({ error })
    .min(0, { error })
    .max(100, { error })
    .refine((value) => percentToBp(value) !== undefined, { error });
};

const MAX_PAUSE_MS = 365 * 86_400_000;

const pause = optionalMapping(
  {
    duration: z
      .union([wholeSeconds(1, MAX_PAUSE_MS / 1_000), duration(1, MAX_PAUSE_MS)], {
        error: expecting('a duration such as 30s or 1h, or a whole number of seconds', suggestPause),
      })
      .optional()
      .describe('How long, as a duration or a number of seconds. Absent: until `crossfade rollout promote`.'),
  },
  '{} or { duration: 30s }',
  suggestWrapped('duration', 'string'),
);

const setCanaryScale = exactlyOne(
  mapping(
    {
      replicas: whole(0, 1_000).optional().describe('So many replicas of the new version.'),
      weight: whole(0, 100).optional().describe('So many per cent of spec.replicas, rounded up.'),
      matchTrafficWeight: onlyTrue()
        .optional()
        .describe('As many as its share of requests needs, as if nothing had been set.'),
    },
    '{ replicas: n }, { weight: percent } or { matchTrafficWeight: true }',
    suggestWrapped('replicas', 'number'),
  ),
  ['replicas', 'weight', 'matchTrafficWeight'],
);

const setHeaderRoute = mapping({
  name: text('a name, such as beta-users', /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/).describe(
    'Names the route, so that a later step can change or remove it.',
  ),
  match: matchList()
    .default([])
    .describe('Requests that match one of these go to the new version. Empty: the route is removed.'),
});

const STEP_KINDS = [
  'setWeight',
  'setCanaryScale',
  'pause',
  'approval',
  'setHeaderRoute',
  'setMirror',
  'verify',
] as const;

const canaryStep = exactlyOne(
  mapping(
    {
      setWeight: percent().optional().describe('Per cent of requests for the new version, down to 0.01.'),
      setCanaryScale: setCanaryScale
        .optional()
        .describe('Replicas of the new version, apart from its weight.'),
      pause: pause.optional().describe('Wait, for a time or until a person promotes.'),
      approval: optionalMapping(
        {
          message: shortText('text', 500).optional().describe('What the person should look at.'),
        },
        '{} or { message: text }',
        suggestWrapped('message', 'string'),
      )
        .optional()
        .describe('Wait until a person approves with `crossfade rollout promote`.'),
      setHeaderRoute: setHeaderRoute
        .optional()
        .describe('Send chosen users to the new version, whatever the weight.'),
      setMirror: percent()
        .optional()
        .describe(
          'Per cent of requests that the new version gets a copy of, before any are for it; nobody gets its answers. Ends with the first setWeight above 0.',
        ),
      verify: optionalMapping(
        { minRequests: minRequests() },
        '{} or { minRequests: n }',
        suggestWrapped('minRequests', 'number'),
      )
        .optional()
        .describe('Measure the split once more before going on.'),
      analysis: reserved(
        'the judge does not exist yet, so nothing could be analysed',
        'remove it, or use pause, approval or verify',
      ).describe('Reserved: the judge is not available yet.'),
    },
    'one step, such as { setWeight: 20 }',
    suggestStep,
  ),
  STEP_KINDS,
);

export type StepDocument = z.output<typeof canaryStep>;

export const canarySteps = () =>
  list(canaryStep, 'a list of 1 to 100 steps, such as [{ setWeight: 20 }, { pause: { duration: 30s } }]', {
    min: 1,
    max: 100,
  });

export function minRequests() {
  return whole(1, 1_000_000)
    .optional()
    .describe(
      'Requests to measure, never fewer than 1 / smallest share. Absent: as many as that, at least 100.',
    );
}

function suggestPercent(input: unknown): string | undefined {
  if (typeof input === 'string') {
    const number = /^(\d+(?:\.\d{1,2})?) ?%?$/.exec(input)?.[1];
    return number === undefined ? undefined : `write ${number}`;
  }
  if (typeof input !== 'number' || !(input > 0 && input < 100)) return undefined;
  return input < 0.01 ? 'the smallest share is 0.01' : `write ${Number(input.toFixed(2))}`;
}

function suggestPause(input: unknown): string | undefined {
  return typeof input === 'number' && !Number.isInteger(input)
    ? `write ${Math.round(input * 1_000)}ms`
    : undefined;
}

function suggestStep(input: unknown): string | undefined {
  const near = typeof input === 'string' ? nearest(input, STEP_KINDS) : undefined;
  return near && near.distance <= 1 ? `write { ${near.word}: {} }` : suggestMapping(input);
}

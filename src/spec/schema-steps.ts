import { z } from 'zod';
import { expecting } from './expectation.ts';
import {
  duration,
  exactlyOne,
  list,
  mapping,
  optionalMapping,
  reserved,
  text,
  whole,
} from './schema-base.ts';
import { matchList } from './schema-match.ts';
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
      .union([whole(1, MAX_PAUSE_MS / 1_000, 'seconds'), duration(1, MAX_PAUSE_MS)], {
        error: expecting('a duration such as 30s or 1h, or a whole number of seconds', suggestPause),
      })
      .optional()
      .describe('How long, as a duration or a number of seconds. Absent: until `crossfade rollout promote`.'),
  },
  '{} or { duration: 30s }',
);

const setCanaryScale = exactlyOne(
  mapping(
    {
      replicas: whole(0, 1_000).optional().describe('So many replicas of the new version.'),
      weight: whole(0, 100).optional().describe('So many per cent of spec.replicas, rounded up.'),
      matchTrafficWeight: z
        .literal(true, { error: expecting('true') })
        .optional()
        .describe('As many as its share of requests needs, as if nothing had been set.'),
    },
    '{ replicas: n }, { weight: percent } or { matchTrafficWeight: true }',
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

export const STEP_KINDS = [
  'setWeight',
  'setCanaryScale',
  'pause',
  'approval',
  'setHeaderRoute',
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
          message: text('text', /^.{1,500}$/s)
            .optional()
            .describe('What the person should look at.'),
        },
        '{} or { message: text }',
      )
        .optional()
        .describe('Wait until a person approves with `crossfade rollout promote`.'),
      setHeaderRoute: setHeaderRoute
        .optional()
        .describe('Send chosen users to the new version, whatever the weight.'),
      verify: optionalMapping({ minRequests: minRequests() }, '{} or { minRequests: n }')
        .optional()
        .describe('Measure the split once more before going on.'),
      analysis: reserved(
        'the judge does not exist yet, so nothing could be analysed',
        'remove it, or use pause, approval or verify',
      ).describe('Reserved: the judge is not available yet.'),
    },
    'one step, such as { setWeight: 20 }',
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
    .describe('Requests to measure. Absent: as many as the smallest share needs, at least 100.');
}

function suggestPercent(input: unknown): string | undefined {
  if (typeof input === 'string') {
    const number = /^(\d+(?:\.\d{1,2})?) ?%?$/.exec(input)?.[1];
    return number === undefined ? undefined : `write ${number}`;
  }
  return typeof input === 'number' && input > 0 && input < 0.01 ? 'the smallest share is 0.01' : undefined;
}

function suggestPause(input: unknown): string | undefined {
  return typeof input === 'number' && !Number.isInteger(input)
    ? `write ${Math.round(input * 1_000)}ms`
    : undefined;
}

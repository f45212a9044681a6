import { z } from 'zod';
import { expecting } from './expectation.ts';
import { headerName, headerValue } from './schema-atoms.ts';
import {
  exactlyOne,
  list,
  mapping,
  named,
  onlyTrue,
  refuse,
  refuseAbsence,
  reserved,
  text,
  wholeSeconds,
  yesNo,
} from './schema-base.ts';
import { suggestText } from './suggest.ts';

const COOKIE_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/;
const COOKIE_EXPECTED = 'a cookie name, such as crossfade-user';

/** Thirty days: long enough that an experiment of weeks keeps its users. */
export const COOKIE_MAX_AGE_SECONDS = 2_592_000;

const valueMatch = () =>
  z
    .union(
      [
        headerValue(),
        exactlyOne(
          mapping({
            exact: headerValue().optional().describe('The value is this.'),
            prefix: headerValue().optional().describe('The value begins with this.'),
            present: onlyTrue().optional().describe('It is there, whatever its value.'),
            regex: reserved('regular expressions are not available', 'use exact, prefix or present').describe(
              'Reserved: not available.',
            ),
          }),
          ['exact', 'prefix', 'present'],
        ),
      ],
      {
        error: expecting('text, { exact: text }, { prefix: text } or { present: true }', suggestText),
      },
    )
    .describe('Text is short for { exact: text }.');

const headerKey = () => z.string().regex(COOKIE_NAME, { error: expecting('a header name, such as x-user') });
const cookieKey = () => z.string().regex(COOKIE_NAME, { error: expecting(COOKIE_EXPECTED) });

/** One entry of a `match` list: all that it names must hold. */
const matchEntry = mapping(
  {
    headers: named(headerKey(), valueMatch(), 'a mapping of header names to values')
      .optional()
      .describe('Header name -> value. All must hold.'),
    cookies: named(cookieKey(), valueMatch(), 'a mapping of cookie names to values')
      .optional()
      .describe('Cookie name -> value. All must hold.'),
    headerName: headerName()
      .optional()
      .describe('As in Argo Rollouts, with headerValue: short for one entry of headers.'),
    headerValue: valueMatch().optional().describe('The value that headerName must have.'),
  },
  'a mapping such as { headers: { x-group: beta } }',
).superRefine((entry, ctx) => {
  if ((entry.headerName === undefined) !== (entry.headerValue === undefined)) {
    refuse(
      ctx,
      `headerName and headerValue belong together, found only ${entry.headerName === undefined ? 'headerValue' : 'headerName'}`,
    );
    return;
  }
  const headers = [
    ...Object.keys(entry.headers ?? {}),
    ...(entry.headerName === undefined ? [] : [entry.headerName]),
  ];
  const lower = headers.map((name) => name.toLowerCase());
  const twice = headers.find((_, index) => lower.indexOf(lower[index] ?? '') < index);
  if (twice !== undefined)
    refuse(ctx, `the header ${twice} is given twice: upper and lower case are the same`);
  const conditions = headers.length + Object.keys(entry.cookies ?? {}).length;
  if (conditions === 0) {
    refuseAbsence(
      ctx,
      'names no condition, so everybody would match',
      'give it headers or cookies, such as { headers: { x-group: beta } }',
    );
  }
});

export type MatchDocument = z.output<typeof matchEntry>;
export type ValueMatchDocument = z.output<ReturnType<typeof valueMatch>>;

export const matchList = () =>
  list(matchEntry, 'a list such as [{ headers: { x-group: beta } }]', { max: 100 });

const cookie = z.union(
  [
    text(COOKIE_EXPECTED, COOKIE_NAME),
    mapping({
      name: text(COOKIE_EXPECTED, COOKIE_NAME).describe('Name of the cookie.'),
      issue: yesNo()
        .default(true)
        .describe('Give one to users who have none. False: the application sets it.'),
      maxAgeSeconds: wholeSeconds(1, 34_560_000)
        .default(COOKIE_MAX_AGE_SECONDS)
        .describe('How long an issued cookie lives.'),
    }),
  ],
  { error: expecting('a cookie name, or { name, issue, maxAgeSeconds }') },
);

/** What identifies a user. */
export const userKey = () =>
  exactlyOne(
    mapping(
      {
        header: headerName()
          .optional()
          .describe('The value of this header. Requests without it are split by counting.'),
        cookie: cookie.optional().describe('The value of this cookie. A name is short for { name: ... }.'),
      },
      '{ cookie: name } or { header: name }',
    ),
    ['header', 'cookie'],
  ).prefault({ cookie: 'crossfade-user' });

export type UserKeyDocument = z.output<ReturnType<typeof userKey>>;

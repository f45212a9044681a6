import { z } from 'zod';
import { DURATION_PATTERN, formatDuration, parseDuration } from './duration.ts';
import { absence, expecting, sentence } from './expectation.ts';
import {
  type Suggest,
  suggestBoolean,
  suggestDuration,
  suggestList,
  suggestMapping,
  suggestNumber,
  suggestSeconds,
  suggestText,
  suggestTrue,
  suggestWord,
} from './suggest.ts';

/** Building blocks of the file format. Each says in words what it expects: that text is what users read in errors. */

type Shape = Record<string, z.ZodType>;

/** A mapping with exactly these fields. */
export function mapping<T extends Shape>(
  shape: T,
  expected = 'a mapping',
  suggest: Suggest = suggestMapping,
) {
  return z.strictObject(shape, { error: expecting(expected, suggest) });
}

/** As `mapping`, where nothing at all (`rolling:` with no value) means that every default is taken. */
export function optionalMapping<T extends Shape>(
  shape: T,
  expected = 'a mapping',
  suggest: Suggest = suggestMapping,
) {
  const schema = mapping(shape, expected, suggest);
  return schema.nullable().transform((value): z.output<typeof schema> => value ?? schema.parse({}));
}

/** Exactly one of these fields must be there. Checked also when another field of the mapping is wrong. */
export function exactlyOne<T extends z.ZodObject>(schema: T, fields: readonly string[]): T {
  const given = (value: unknown) => fields.filter((field) => hasField(value, field));
  return schema
    .refine((value) => given(value).length === 1, {
      when: (payload) => typeof payload.value === 'object' && payload.value !== null,
      error: (issue) => oneOfSentence(fields, given(issue.input)),
    })
    .meta({ oneOf: fields.map((field) => ({ required: [field] })) });
}

function hasField(value: unknown, field: string): boolean {
  return (
    typeof value === 'object' && value !== null && (value as Record<string, unknown>)[field] !== undefined
  );
}

function oneOfSentence(fields: readonly string[], given: string[]): string {
  const expected = `expected exactly one of ${listWords(fields, 'or')}`;
  if (given.length === 0) return absence(`${expected}, found none of them`);
  return sentence(`${expected}, found ${listWords(given, 'and')}`);
}

/** `a, b and c` */
export function listWords(words: readonly string[], last: 'and' | 'or'): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} ${last} ${words.at(-1)}`;
}

export function whole(min: number, max: number, suggest: Suggest = suggestNumber) {
  return wholeOf('a whole number', min, max, suggest);
}

export function wholeSeconds(min: number, max: number) {
  return wholeOf('a whole number of seconds', min, max, suggestSeconds);
}

function wholeOf(what: string, min: number, max: number, suggest: Suggest) {
  const error = expecting(`${what} from ${min} to ${max}`, suggest);
  return z.number({ error }).int({ error }).min(min, { error }).max(max, { error });
}

export function yesNo() {
  return z.boolean({ error: expecting('true or false', suggestBoolean) });
}

/** A field that says everything by being there. */
export function onlyTrue() {
  return z.literal(true, { error: expecting('true', suggestTrue) });
}

export function oneWordOf<const T extends readonly string[]>(words: T) {
  return z.enum(words, { error: expecting(listWords(words, 'or'), suggestWord(words)) });
}

/** Text that a pattern accepts; without one, any text. */
export function text(expected: string, pattern?: RegExp, suggest: Suggest = suggestText) {
  const error = expecting(expected, suggest);
  return pattern ? z.string({ error }).regex(pattern, { error }) : z.string({ error });
}

/** Any text of at least one and at most `max` characters. */
export function shortText(expected: string, max: number) {
  const error = expecting(expected, suggestText);
  return z.string({ error }).min(1, { error }).max(max, { error });
}

/** A duration of our own, as a string with a unit. Its output stays text: expand.ts makes milliseconds of it. */
export function duration(minMs: number, maxMs: number) {
  const range = `from ${formatDuration(minMs)} to ${formatDuration(maxMs)}`;
  const error = expecting(`a duration with a unit, such as 30s or 1m30s, ${range}`, suggestDuration);
  return z
    .string({ error })
    .regex(DURATION_PATTERN, { error })
    .refine((value) => inRange(parseDuration(value), minMs, maxMs), { error });
}

function inRange(value: number | undefined, min: number, max: number): boolean {
  return value !== undefined && value >= min && value <= max;
}

export function list<T extends z.ZodType>(
  item: T,
  expected: string,
  options: { min?: number; max?: number; suggest?: Suggest } = {},
) {
  const { min = 0, max = 1_000, suggest = suggestList } = options;
  const error = expecting(expected, suggest);
  return z.array(item, { error }).min(min, { error }).max(max, { error });
}

/** Names chosen by the user -> values. */
export function named<K extends z.ZodString, V extends z.ZodType>(
  key: K,
  value: V,
  expected: string,
  suggest?: Suggest,
) {
  return z.record(key, value, { error: expecting(expected, suggest) });
}

/** A field that has a place in the format and does not work yet: refused with this sentence. */
export function reserved(what: string, suggestion: string) {
  return z.never({ error: () => sentence(what, suggestion) }).optional();
}

/** Refuses a value of the right shape with a sentence of its own. */
export function refuse(
  ctx: z.RefinementCtx,
  what: string,
  suggestion?: string,
  path: PropertyKey[] = [],
): void {
  ctx.addIssue({ code: 'custom', message: sentence(what, suggestion), path });
}

/** As `refuse`, for something that is not there. Not said beside an unknown field of the same mapping: that is the cause. */
export function refuseAbsence(ctx: z.RefinementCtx, what: string, suggestion?: string): void {
  ctx.addIssue({ code: 'custom', message: absence(what, suggestion) });
}

import { z } from 'zod';
import { DURATION_PATTERN, formatDuration, parseDuration } from './duration.ts';
import { expecting, sentence } from './expectation.ts';

/** Building blocks of the file format. Each says in words what it expects: that text is what users read in errors. */

type Shape = Record<string, z.ZodType>;
type Suggest = (input: unknown) => string | undefined;

/** A mapping with exactly these fields. */
export function mapping<T extends Shape>(
  shape: T,
  expected = 'a mapping',
  suggest: Suggest = suggestMapping,
) {
  return z.strictObject(shape, { error: expecting(expected, suggest) });
}

/** As `mapping`, where nothing at all (`rolling:` with no value) means that every default is taken. */
export function optionalMapping<T extends Shape>(shape: T, expected = 'a mapping') {
  const schema = mapping(shape, expected);
  return schema.nullable().transform((value): z.output<typeof schema> => value ?? schema.parse({}));
}

/** Exactly one of these fields must be there. Checked also when another field of the mapping is wrong. */
export function exactlyOne<T extends z.ZodObject>(schema: T, fields: readonly string[]): T {
  const given = (value: unknown) => fields.filter((field) => hasField(value, field));
  return schema.refine((value) => given(value).length === 1, {
    when: (payload) => typeof payload.value === 'object' && payload.value !== null,
    error: (issue) => sentence(oneOfSentence(fields, given(issue.input))),
    params: { fields },
  });
}

function hasField(value: unknown, field: string): boolean {
  return (
    typeof value === 'object' && value !== null && (value as Record<string, unknown>)[field] !== undefined
  );
}

function oneOfSentence(fields: readonly string[], given: string[]): string {
  const found = given.length === 0 ? 'none of them' : listWords(given, 'and');
  return `expected exactly one of ${listWords(fields, 'or')}, found ${found}`;
}

/** `a, b and c` */
export function listWords(words: readonly string[], last: 'and' | 'or'): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} ${last} ${words.at(-1)}`;
}

export function whole(min: number, max: number, unit = '') {
  const error = expecting(`a whole number${unit && ` of ${unit}`} from ${min} to ${max}`, suggestNumber);
  return z.number({ error }).int({ error }).min(min, { error }).max(max, { error });
}

export function yesNo() {
  return z.boolean({ error: expecting('true or false', suggestBoolean) });
}

/** Text that a pattern accepts; without one, any text. */

export function text(expected: string, pattern: RegExp = /^.*$/s, suggest: Suggest = suggestText) {
  const error = expecting(expected, suggest);
  return z.string({ error }).regex(pattern, { error });
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

export function list<T extends z.ZodType>(
  item: T,
  expected: string,
  options: { min?: number; max?: number } = {},
) {
  const error = expecting(expected);
  const { min = 0, max = 1_000 } = options;
  return z.array(item, { error }).min(min, { error }).max(max, { error });
}

/** Names chosen by the user -> values. */
export function named<K extends z.ZodString, V extends z.ZodType>(key: K, value: V, expected: string) {
  return z.record(key, value, { error: expecting(expected) });
}

/** A field that has a place in the format and does not work yet: refused with this sentence. */
export function reserved(text: string, suggestion: string) {
  return z.never({ error: () => sentence(text, suggestion) }).optional();
}

/** Refuses a value of the right shape with a sentence of its own. */
export function refuse(
  ctx: z.RefinementCtx,
  text: string,
  suggestion?: string,
  path: PropertyKey[] = [],
): void {
  ctx.addIssue({ code: 'custom', message: sentence(text, suggestion), path });
}

function inRange(value: number | undefined, min: number, max: number): boolean {
  return value !== undefined && value >= min && value <= max;
}

export function suggestText(input: unknown): string | undefined {
  if (typeof input === 'number' || typeof input === 'boolean') return `put it in quotes: "${input}"`;
  if (input === null) return 'write "" for empty text, or remove the field';
  return undefined;
}

function suggestNumber(input: unknown): string | undefined {
  if (typeof input !== 'string') return undefined;
  if (/^[1-9]\d*$|^0$/.test(input)) return `remove the quotes: ${input}`;
  const digits = /^([1-9]\d*) ?(?:s|sec|seconds)$/.exec(input)?.[1];
  if (digits !== undefined) return `write the number alone: ${digits}`;
  const plain = input.replaceAll(/[_,' ]/g, '');
  return /^[1-9]\d*$/.test(plain) ? `write ${plain}` : undefined;
}

function suggestBoolean(input: unknown): string | undefined {
  if (typeof input === 'string') {
    if (/^(yes|on|y|true)$/i.test(input)) return 'write true: only true and false are booleans in YAML 1.2';
    if (/^(no|off|n|false)$/i.test(input)) return 'write false: only true and false are booleans in YAML 1.2';
  }
  if (input === 1 || input === 0) return `write ${input === 1}`;
  return undefined;
}

function suggestDuration(input: unknown): string | undefined {
  if (typeof input === 'number' && Number.isInteger(input) && input > 0) return `add a unit: ${input}s`;
  if (typeof input !== 'string') return undefined;
  if (/^[1-9]\d*$/.test(input)) return `add a unit: ${input}s`;
  const words = /^(\d+) ?(h|m|s|ms|hours?|min|minutes?|sec|seconds?)$/i.exec(input);
  if (words?.[1] !== undefined && words[2] !== undefined && parseDuration(input) === undefined) {
    return `write ${words[1]}${/^ms$/i.test(words[2]) ? 'ms' : words[2].slice(0, 1).toLowerCase()}`;
  }
  if (/^\d+d$/.test(input)) return `write it in hours: ${Number(input.slice(0, -1)) * 24}h`;
  const half = /^(\d*\.\d+)(h|m|s)$/.exec(input);
  return half ? suggestFraction(Number(half[1]), half[2] as 'h' | 'm' | 's') : undefined;
}

function suggestFraction(value: number, unit: 'h' | 'm' | 's'): string {
  const ms = { h: 3_600_000, m: 60_000, s: 1_000 }[unit];
  return `write whole numbers: ${formatDuration(Math.round(value * ms))}`;
}

export function suggestMapping(input: unknown): string | undefined {
  return input === null
    ? 'nothing is written below it: give it its fields, indented, or remove it'
    : undefined;
}

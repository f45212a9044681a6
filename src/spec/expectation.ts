import type { Suggest } from './suggest.ts';

/**
 * What a schema says when a value does not fit, and perhaps what to write instead. zod carries one string per issue, so
 * all of it travels in that string.
 */
export interface Expectation {
  /**
   * `expected`: what would fit; the value that was found is added by whoever reports it. `sentence`: all there is to
   * say. `absence`: a sentence about something that is not there.
   */
  kind: 'expected' | 'sentence' | 'absence';
  text: string;
  suggestion?: string;
}

const SEPARATOR = '\u0000';
const MARKS = { '\u0001': 'sentence', '\u0002': 'absence' } as const;

/** The `error` parameter of a zod schema or check. */
export function expecting(expected: string, suggest?: Suggest): (issue: { input?: unknown }) => string {
  return (issue) => encode(expected, suggest?.(issue.input));
}

export function sentence(text: string, suggestion?: string): string {
  return `\u0001${encode(text, suggestion)}`;
}

export function absence(text: string, suggestion?: string): string {
  return `\u0002${encode(text, suggestion)}`;
}

function encode(text: string, suggestion?: string): string {
  return suggestion === undefined ? text : `${text}${SEPARATOR}${suggestion}`;
}

export function decodeExpectation(message: string): Expectation {
  const mark = message.slice(0, 1);
  const kind = mark === '\u0001' || mark === '\u0002' ? MARKS[mark] : 'expected';
  const [text = '', suggestion] = (kind === 'expected' ? message : message.slice(1)).split(SEPARATOR);
  return suggestion === undefined ? { kind, text } : { kind, text, suggestion };
}

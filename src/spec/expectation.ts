/**
 * What a schema says when a value does not fit: either what it expected (the value that was found is added by whoever
 * reports it), or a whole sentence; and perhaps what to write instead. zod carries one string per issue, so all of it
 * travels in that string.
 */
export interface Expectation {
  kind: 'expected' | 'sentence';
  text: string;
  suggestion?: string;
}

type Suggest = (input: unknown) => string | undefined;

const SEPARATOR = '\u0000';
const SENTENCE = '\u0001';

/** The `error` parameter of a zod schema or check. */
export function expecting(expected: string, suggest?: Suggest): (issue: { input?: unknown }) => string {
  return (issue) => encode(expected, suggest?.(issue.input));
}

export function sentence(text: string, suggestion?: string): string {
  return SENTENCE + encode(text, suggestion);
}

function encode(text: string, suggestion?: string): string {
  return suggestion === undefined ? text : `${text}${SEPARATOR}${suggestion}`;
}

export function decodeExpectation(message: string): Expectation {
  const kind = message.startsWith(SENTENCE) ? 'sentence' : 'expected';
  const [text = '', suggestion] = (kind === 'sentence' ? message.slice(SENTENCE.length) : message).split(
    SEPARATOR,
  );
  return suggestion === undefined ? { kind, text } : { kind, text, suggestion };
}

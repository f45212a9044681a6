import type { SpecErrorCode } from './problem.ts';

/** One mistake in an App file, with its place. Lines and columns count from 1; absent: the document came as a value, not as text. */
export interface SpecError {
  file?: string;
  line?: number;
  column?: number;
  /** `spec.strategy.canary.steps[2].setWeight`; empty: the file as a whole. */
  path: string;
  code: SpecErrorCode;
  message: string;
  expected?: string;
  found?: string;
  suggestion?: string;
  /** The source line, and how many of its characters from `column` on are meant. */
  source?: { line: string; length: number };
}

/** What a file says must not be able to command the terminal that shows it. */
const CONTROL = /\p{Cc}/gu;

const RED = '\u001b[31m';
const BOLD = '\u001b[1m';
const CYAN = '\u001b[36m';
const PLAIN = '\u001b[0m';

/** As compilers print them: place, field, message, the line with a caret, what to write instead. Ends without a line break. */
export function formatSpecErrors(errors: readonly SpecError[], options: { color: boolean }): string {
  const paint: Paint = (style, text) => (options.color ? `${style}${text}${PLAIN}` : text);
  return errors.map((error) => formatError(error, paint)).join('\n');
}

type Paint = (style: string, text: string) => string;

function formatError(error: SpecError, paint: Paint): string {
  const { file, line, column, path, message, source, suggestion } = error;
  const place = [file, line, column].filter((part) => part !== undefined).join(':');
  const subject = [place, path]
    .filter((part) => part !== '')
    .map((part) => paint(BOLD, `${printable(part)}:`));
  const lines = [[...subject, printable(message)].join(' ')];
  if (source && column !== undefined && source.line.trim() !== '')
    lines.push(...excerpt(source, column, paint));
  if (suggestion !== undefined) lines.push(`  ${paint(CYAN, 'help:')} ${printable(suggestion)}`);
  return lines.join('\n');
}

function printable(text: string): string {
  return text.replaceAll(CONTROL, '\uFFFD');
}

const MAX_WIDTH = 100;

/** The part of the line around the column, tabs as one space so that the caret stands where it should. */
function excerpt(source: { line: string; length: number }, column: number, paint: Paint): string[] {
  const characters = [...printable(source.line.replaceAll('\t', ' '))];
  const from = characters.length > MAX_WIDTH ? Math.max(0, column - 1 - MAX_WIDTH / 2) : 0;
  const shown = characters.slice(from, from + MAX_WIDTH);
  const length = Math.max(1, Math.min(source.length, shown.length - (column - 1 - from)));
  return [`    ${shown.join('')}`, `    ${' '.repeat(column - 1 - from)}${paint(RED, '^'.repeat(length))}`];
}

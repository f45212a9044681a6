import { formatPath, type Problem } from './problem.ts';
import type { SpecError } from './spec-error.ts';

/** Part of a text, as offsets. */
export interface Span {
  from: number;
  to: number;
}

/** A text that errors can point into. */
export interface Source {
  file: string;
  text: string;
  /** Offset at which each line begins. */
  lineStarts: readonly number[];
}

export function sourceOf(file: string, text: string): Source {
  const lineStarts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) lineStarts.push(at + 1);
  return { file, text, lineStarts };
}

/** Line of an offset, from 1. */
export function lineAt(source: Source, offset: number): number {
  let low = 0;
  let high = source.lineStarts.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((source.lineStarts[middle] ?? 0) <= offset) low = middle;
    else high = middle;
  }
  return low + 1;
}

/** Columns count characters, so that an umlaut or an emoji before the place does not shift the caret. */
export function errorAt(source: Source, span: Span, problem: Omit<Problem, 'at'>): SpecError {
  const { path, ...rest } = problem;
  const line = lineAt(source, span.from);
  const start = source.lineStarts[line - 1] ?? 0;
  const end = source.lineStarts[line] ?? source.text.length;
  const whole = source.text.slice(start, end).replace(/\r?\n?$/, '');
  const meant = source.text.slice(span.from, Math.min(span.to, start + whole.length)).trimEnd();
  return {
    file: source.file,
    line,
    column: [...source.text.slice(start, span.from)].length + 1,
    path: formatPath(path),
    ...rest,
    source: { line: whole, length: Math.max(1, [...meant].length) },
  };
}

import type { Document } from 'yaml';
import type { AppSpec } from './app.ts';
import { checkDocument } from './check.ts';
import { plainProblems } from './plain-value.ts';
import { formatPath, MAX_PROBLEMS, type Problem } from './problem.ts';
import { errorAt, type Source, sourceOf } from './source.ts';
import type { SpecError } from './spec-error.ts';
import { appName, routeClash } from './together.ts';
import { emptyFile, locate, type ReadDocument, readDocument, readDocuments } from './yaml-read.ts';
import { checkText } from './yaml-text.ts';

export interface ParseOptions {
  /** As it is to be named in errors; `-` for standard input. */
  file: string;
  /** Absolute folder that relative paths in the file mean. */
  baseDir: string;
}

export interface Parsed {
  /** Only Apps without a mistake. Apply none of them when there are errors. */
  apps: AppSpec[];
  /** In the order of the file. */
  errors: SpecError[];
}

/** YAML or JSON text with one or several App documents. Never throws on what a user wrote. */
export function parseAppFile(text: string, options: ParseOptions): Parsed {
  const source = sourceOf(options.file, text.startsWith('\uFEFF') ? text.slice(1) : text);
  const refused = checkText(source);
  if (refused) return { apps: [], errors: [refused] };
  const documents = readDocuments(source.text);
  const [first] = documents;
  if (!first) return { apps: [], errors: [errorAt(source, { from: 0, to: 0 }, emptyFile(source))] };
  if (documents.length > MAX_DOCUMENTS) return { apps: [], errors: [tooManyDocuments(first, source)] };
  const read = documents.map((document) => readDocument(document, source, options.baseDir));
  const errors = [...read.flatMap((one) => one.errors), ...checkTogether(read, source)];
  return { apps: read.flatMap((one) => one.app ?? []), errors: limited(inFileOrder(errors)) };
}

/** One document that came as data, as the API does. `baseDir` absent: paths in it must be absolute. */
export function parseAppValue(
  value: unknown,
  options: { baseDir?: string },
): { app?: AppSpec; errors: SpecError[] } {
  const unfit = plainProblems(value);
  const { app, problems } = unfit.length > 0 ? { problems: unfit } : checkDocument(value, options.baseDir);
  const errors = problems.map(
    ({ path, at: _, ...problem }): SpecError => ({ path: formatPath(path), ...problem }),
  );
  return { ...(app && errors.length === 0 && { app }), errors: limited(errors) };
}

/** Apps of one file that cannot both exist. */
function checkTogether(read: readonly ReadDocument[], source: Source): SpecError[] {
  const errors: SpecError[] = [];
  for (const [index, later] of read.entries()) {
    for (const earlier of read.slice(0, index)) {
      const clash = later.app && earlier.app && clashOf(earlier.app, later.app);
      if (clash) errors.push(locate(clash, later.document, source));
    }
  }
  return errors;
}

function clashOf(earlier: AppSpec, later: AppSpec): Problem | undefined {
  if (appName(earlier) === appName(later)) {
    return {
      path: ['metadata', 'name'],
      at: 'value',
      code: 'E_SPEC_DUPLICATE',
      message: `another App of this file is called ${appName(later)} already`,
    };
  }
  const clash = routeClash(earlier, later);
  if (clash === undefined) return undefined;
  return {
    path: ['spec', 'route'],
    at: 'value',
    code: 'E_SPEC_CONFLICT',
    message: clash,
    suggestion: 'give one of them another host or port',
  };
}

const MAX_DOCUMENTS = 100;

function tooManyDocuments(first: Document, source: Source): SpecError {
  const message = `the file has more than ${MAX_DOCUMENTS} documents`;
  const problem: Problem = {
    path: [],
    at: 'value',
    code: 'E_YAML_TOO_LARGE',
    message,
    suggestion: 'use several files',
  };
  return locate(problem, first, source);
}

function limited(errors: SpecError[]): SpecError[] {
  if (errors.length <= MAX_PROBLEMS) return errors;
  const shown = errors.slice(0, MAX_PROBLEMS);
  const { file, line, column } = shown.at(-1) ?? {};
  const place = {
    ...(file !== undefined && { file }),
    ...(line !== undefined && { line }),
    ...(column !== undefined && { column }),
  };
  const message = `there are more than ${MAX_PROBLEMS} mistakes; those after this place are not shown`;
  return [...shown, { ...place, path: '', code: 'E_SPEC_TOO_MANY', message }];
}

function inFileOrder(errors: SpecError[]): SpecError[] {
  return errors.sort((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
}

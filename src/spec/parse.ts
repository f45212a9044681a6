import { type Document, LineCounter, parseAllDocuments } from 'yaml';
import type { AppSpec } from './app.ts';
import { checkDocument } from './check.ts';
import { formatPath, type Problem } from './problem.ts';
import { errorAt, type Source, sourceOf } from './source.ts';
import type { SpecError } from './spec-error.ts';
import { appName, routeClash } from './together.ts';
import { placeOf, writtenNumber } from './yaml-place.ts';
import { checkText, syntaxProblem } from './yaml-text.ts';
import { plainValue } from './yaml-value.ts';

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
  if (documents.length === 0)
    return { apps: [], errors: [errorAt(source, { from: 0, to: 0 }, emptyFile(source))] };
  const read = documents.map((document) => readDocument(document, source, options.baseDir));
  const errors = [...read.flatMap((one) => one.errors), ...checkTogether(read, source)];
  return { apps: read.flatMap((one) => one.app ?? []), errors: inFileOrder(errors) };
}

/** One document that came as data, as the API does. `baseDir` absent: paths in it must be absolute. */
export function parseAppValue(
  value: unknown,
  options: { baseDir?: string },
): { app?: AppSpec; errors: SpecError[] } {
  const { app, problems } = checkDocument(value, options.baseDir);
  const errors = problems.map(
    ({ path, at: _, ...problem }): SpecError => ({ path: formatPath(path), ...problem }),
  );
  return { ...(app && errors.length === 0 && { app }), errors };
}

interface ReadDocument {
  document: Document;
  app?: AppSpec;
  errors: SpecError[];
}

function readDocuments(text: string): Document[] {
  const documents = parseAllDocuments(text, {
    version: '1.2',
    schema: 'core',
    merge: false,
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'silent',
    lineCounter: new LineCounter(),
  });
  if (!Array.isArray(documents)) return [];
  return (documents as Document[]).filter(
    (document) => document.errors.length > 0 || document.contents !== null,
  );
}

function readDocument(document: Document, source: Source, baseDir: string): ReadDocument {
  const [syntaxError] = document.errors;
  if (syntaxError) {
    const [from, to] = syntaxError.pos;
    return { document, errors: [errorAt(source, { from, to }, syntaxProblem(syntaxError as never))] };
  }
  const { value, problems, refused } = plainValue(document, source);
  const checked = refused ? { problems: [] } : checkDocument(value, baseDir);
  const errors = [...problems, ...checked.problems].map((problem) => locate(problem, document, source));
  return { document, errors, ...('app' in checked && errors.length === 0 && { app: checked.app }) };
}

/** A number is shown as it was written: `1e3`, not 1000. */
function locate({ at, ...problem }: Problem, document: Document, source: Source): SpecError {
  const span = placeOf(document, problem.path, at);
  const written = problem.found === undefined ? undefined : writtenNumber(document, problem.path);
  if (written === undefined || problem.found === written) return errorAt(source, span, problem);
  const message = problem.message.replace(`found ${problem.found}`, `found ${written}`);
  return errorAt(source, span, { ...problem, message, found: written });
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

function emptyFile(source: Source): Omit<Problem, 'at'> {
  const what = source.text.trim() === '' ? 'the file is empty' : 'the file holds only comments';
  return {
    path: [],
    code: 'E_SPEC_EMPTY',
    message: `${what}: expected an App`,
    suggestion: 'begin with apiVersion: crossfade.dev/v1 and kind: App',
  };
}

function inFileOrder(errors: SpecError[]): SpecError[] {
  return errors.sort((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
}

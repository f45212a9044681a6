import { type Document, LineCounter, parseAllDocuments } from 'yaml';
import type { AppSpec } from './app.ts';
import { checkDocument } from './check.ts';
import { formatPath, type Problem } from './problem.ts';
import { errorAt, type Source } from './source.ts';
import type { SpecError } from './spec-error.ts';
import { isEmpty, placeOf, spanOf, writtenNumber } from './yaml-place.ts';
import { syntaxError } from './yaml-syntax.ts';
import { type Finding, plainValue } from './yaml-value.ts';

/** One document of a file, read as far as it could be. */
export interface ReadDocument {
  document: Document;
  app?: AppSpec;
  errors: SpecError[];
}

/** Documents in which there is something. */
export function readDocuments(text: string): Document[] {
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
    (document) => document.errors.length > 0 || (document.contents !== null && !isEmpty(document.contents)),
  );
}

export function readDocument(document: Document, source: Source, baseDir: string): ReadDocument {
  const [error] = document.errors;
  if (error) return { document, errors: [syntaxError(document, error, source)] };
  const { version, explicit } = document.directives?.yaml ?? {};
  if (explicit && version !== '1.2')
    return { document, errors: [errorAt(source, { from: 0, to: 5 }, oldYaml(version))] };
  const { value, findings, refused } = plainValue(document, source);
  const found = findings.map(({ what, node }) => errorAt(source, spanOf(node ?? document.contents), what));
  const checked = refused ? { problems: [] } : checkDocument(value, baseDir);
  const problems = checked.problems.filter(
    (problem) => !findings.some((finding) => explains(finding, problem)),
  );
  const errors = [...found, ...problems.map((problem) => locate(problem, document, source))];
  return { document, errors, ...('app' in checked && errors.length === 0 && { app: checked.app }) };
}

/** A value that was odd already needs no second error; neither does what is missing beside a field that was not read. */
function explains({ what }: Finding, problem: Problem): boolean {
  const isBeside = what.code === 'E_YAML_KEY' && problem.code === 'E_SPEC_MISSING';
  return formatPath(what.path) === formatPath(isBeside ? problem.path.slice(0, -1) : problem.path);
}

/** A number is shown as it was written: `1e3`, not 1000. */
export function locate({ at, ...problem }: Problem, document: Document, source: Source): SpecError {
  const span = placeOf(document, problem.path, at);
  const written = problem.found === undefined ? undefined : writtenNumber(document, problem.path);
  if (written === undefined || problem.found === written) return errorAt(source, span, problem);
  const message = problem.message.replace(`found ${problem.found}`, `found ${written}`);
  const suggestion = problem.suggestion?.replace(`"${problem.found}"`, `"${written}"`);
  return errorAt(source, span, {
    ...problem,
    message,
    found: written,
    ...(suggestion !== undefined && { suggestion }),
  });
}

export function emptyFile(source: Source): Omit<Problem, 'at'> {
  const what = source.text.trim() === '' ? 'the file is empty' : 'the file holds nothing but comments';
  return {
    path: [],
    code: 'E_SPEC_EMPTY',
    message: `${what}: expected an App`,
    suggestion: 'begin with apiVersion: crossfade.dev/v1 and kind: App',
  };
}

function oldYaml(version: string | undefined): Omit<Problem, 'at'> {
  return {
    path: [],
    code: 'E_YAML_SYNTAX',
    message: `the file asks for YAML ${version}, in which yes, on and 010 mean other things: expected YAML 1.2`,
    suggestion: 'remove the %YAML line',
  };
}

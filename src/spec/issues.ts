import type { z } from 'zod';
import { decodeExpectation } from './expectation.ts';
import { describeValue, MAX_PROBLEMS, type Problem, valueAt } from './problem.ts';
import { unknownField } from './unknown-field.ts';

type Issue = z.core.$ZodIssue;

/** What zod says about a document, in our words. No more than one above MAX_PROBLEMS. */
export function problemsOf(issues: readonly Issue[], document: unknown): Problem[] {
  const problems: Problem[] = [];
  for (const issue of issues) {
    if (problems.length > MAX_PROBLEMS) break;
    problems.push(...translate(issue, [], document));
  }
  return problems.slice(0, MAX_PROBLEMS + 1);
}

/** @param prefix path of the value that the issue's own path begins at */
function translate(issue: Issue, prefix: PropertyKey[], document: unknown): Problem[] {
  const path = [...prefix, ...issue.path];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.slice(0, MAX_PROBLEMS + 1).map((key) => unknownField(path, key));
    case 'invalid_union':
      return translateUnion(issue, path, document);
    case 'invalid_key':
      return issue.issues.slice(0, 1).map((inner) => wrongKey(inner, path));
    default:
      return [wrongValue(issue, path, document)];
  }
}

/**
 * A value that could have had several shapes is judged by the shape that it has: of the branches, the one that does
 * not already refuse the kind of value. Where none is left, or the value is a plain one, the union says what it expects.
 */
function translateUnion(
  issue: z.core.$ZodIssueInvalidUnion,
  path: PropertyKey[],
  document: unknown,
): Problem[] {
  const fitting = issue.errors.filter(
    (branch) => !branch.some((inner) => inner.path.length === 0 && inner.code === 'invalid_type'),
  );
  const [branch] = fitting;
  const value = valueAt(document, path);
  if (branch && fitting.length === 1 && typeof value === 'object' && value !== null) {
    return branch.flatMap((inner) => translate(inner, path, document));
  }
  return [wrongValue(issue, path, document)];
}

function wrongKey(inner: Issue, path: PropertyKey[]): Problem {
  const { text, suggestion } = decodeExpectation(inner.message);
  const found = JSON.stringify(String(path.at(-1)));
  const message = `expected ${text}, found ${found}`;
  return { path, at: 'key', code: 'E_SPEC_VALUE', message, expected: text, found, ...hint(suggestion) };
}

function wrongValue(issue: Issue, path: PropertyKey[], document: unknown): Problem {
  const { kind, text, suggestion } = decodeExpectation(issue.message);
  if (kind === 'absence') {
    return {
      path,
      at: 'value',
      code: 'E_SPEC_CONFLICT',
      message: text,
      isAbsence: true,
      ...hint(suggestion),
    };
  }
  if (kind === 'sentence') {
    const isReserved = issue.code === 'invalid_type';
    const code = isReserved ? 'E_SPEC_NOT_AVAILABLE' : 'E_SPEC_CONFLICT';
    return { path, at: isReserved ? 'key' : 'value', code, message: text, ...hint(suggestion) };
  }
  const value = valueAt(document, path);
  if (value === undefined) {
    return {
      path,
      at: 'value',
      code: 'E_SPEC_MISSING',
      message: `missing: expected ${text}`,
      expected: text,
    };
  }
  const found = describeValue(value);
  const message = `expected ${text}, found ${found}`;
  const help = suggestion ?? (value === null ? 'give it a value, or remove it' : undefined);
  return { path, at: 'value', code: 'E_SPEC_VALUE', message, expected: text, found, ...hint(help) };
}

function hint(suggestion: string | undefined): { suggestion?: string } {
  return suggestion === undefined ? {} : { suggestion };
}

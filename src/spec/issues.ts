import type { z } from 'zod';
import { decodeExpectation } from './expectation.ts';
import { describeValue, formatPath, type Problem, valueAt } from './problem.ts';
import { unknownField } from './unknown-field.ts';

type Issue = z.core.$ZodIssue;

/** What zod says about a document, in our words: one problem per mistake, also where a value could have had several shapes. */
export function problemsOf(issues: readonly Issue[], document: unknown): Problem[] {
  const problems = issues.flatMap((issue) => translate(issue, [], document));
  return dropEchoes(problems);
}

/** @param prefix path of the value that the issue's own path begins at */
function translate(issue: Issue, prefix: PropertyKey[], document: unknown): Problem[] {
  const path = [...prefix, ...issue.path];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownField(path, key));
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
  if (branch && fitting.length === 1 && isStructured(valueAt(document, path))) {
    return branch.flatMap((inner) => translate(inner, path, document));
  }
  return [wrongValue(issue, path, document)];
}

function isStructured(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

function wrongKey(inner: Issue, path: PropertyKey[]): Problem {
  const { text, suggestion } = decodeExpectation(inner.message);
  const found = JSON.stringify(String(path.at(-1)));
  return {
    path,
    at: 'key',
    code: 'E_SPEC_VALUE',
    message: `expected ${text}, found ${found}`,
    expected: text,
    found,
    ...(suggestion !== undefined && { suggestion }),
  };
}

function wrongValue(issue: Issue, path: PropertyKey[], document: unknown): Problem {
  const { kind, text, suggestion } = decodeExpectation(issue.message);
  const hint = suggestion === undefined ? {} : { suggestion };
  if (kind === 'sentence') {
    const isReserved = issue.code === 'invalid_type';
    const code = isReserved ? 'E_SPEC_NOT_AVAILABLE' : 'E_SPEC_CONFLICT';
    return { path, at: isReserved ? 'key' : 'value', code, message: text, ...hint };
  }
  const value = valueAt(document, path);
  if (value === undefined) {
    return {
      path,
      at: 'value',
      code: 'E_SPEC_MISSING',
      message: `is missing: expected ${text}`,
      expected: text,
    };
  }
  const found = describeValue(value);
  return {
    path,
    at: 'value',
    code: 'E_SPEC_VALUE',
    message: `expected ${text}, found ${found}`,
    expected: text,
    found,
    ...hint,
  };
}

/**
 * One mistake, one error: a value that several checks refuse is reported once, and a mapping with an unknown or
 * reserved field is not also told that none of its fields is one of those it could have.
 */
function dropEchoes(problems: Problem[]): Problem[] {
  const places = new Set<string>();
  return problems.filter((problem) => {
    const place = `${formatPath(problem.path)} ${problem.at} ${problem.message}`;
    if (places.has(place)) return false;
    places.add(place);
    return !(
      problem.message.endsWith('found none of them') && problems.some((other) => explains(other, problem))
    );
  });
}

function explains(other: Problem, problem: Problem): boolean {
  return other.at === 'key' && formatPath(other.path.slice(0, -1)) === formatPath(problem.path);
}

import type { Problem } from './problem.ts';

/** Deeper than any App; without a limit a document could exhaust the stack. */
export const MAX_DEPTH = 40;

/** What JSON allows but an App does not. Looks at no more than the first such thing. */
export function plainProblems(value: unknown, path: PropertyKey[] = []): Problem[] {
  if (path.length > MAX_DEPTH) return [tooDeep(path)];
  if (typeof value === 'string') return brokenText(value, path);
  if (typeof value !== 'object' || value === null) return [];
  if (Object.hasOwn(value, '__proto__')) return [forbiddenName(path)];
  const entries = Array.isArray(value) ? value.entries() : Object.entries(value);
  for (const [key, child] of entries) {
    const problems = [...brokenText(String(key), path), ...plainProblems(child, [...path, key])];
    if (problems.length > 0) return problems;
  }
  return [];
}

export function tooDeep(path: PropertyKey[]): Problem {
  const message = `is nested more than ${MAX_DEPTH} levels deep`;
  return { path: path.slice(0, 3), at: 'value', code: 'E_YAML_TOO_DEEP', message };
}

/** Text that no program can be given, or that is already damaged: U+FFFD is what decoders put for broken UTF-8. */
export function brokenText(text: string, path: PropertyKey[]): Problem[] {
  const isBroken = !text.isWellFormed() || text.includes('\uFFFD');
  const what = text.includes('\u0000') ? 'a NUL character' : isBroken ? 'a broken character' : undefined;
  if (what === undefined) return [];
  return [{ path, at: 'value', code: 'E_SPEC_VALUE', message: `text must not contain ${what}` }];
}

export function forbiddenName(path: PropertyKey[]): Problem {
  return { path, at: 'value', code: 'E_YAML_KEY', message: 'the name __proto__ is not allowed' };
}

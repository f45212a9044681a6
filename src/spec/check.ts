import type { AppSpec } from './app.ts';
import { dropEchoes } from './echoes.ts';
import { expandApp } from './expand.ts';
import { problemsOf } from './issues.ts';
import { editDistance } from './nearest.ts';
import { describeValue, type Problem, valueAt } from './problem.ts';
import { checkRules } from './rules.ts';
import { API_VERSION, appFile } from './schema.ts';

export interface Checked {
  app?: AppSpec;
  problems: Problem[];
}

/** One document as plain data -> the App, or everything that is wrong with it. */
export function checkDocument(document: unknown, baseDir: string | undefined): Checked {
  const foreign = foreignDocument(document);
  if (foreign.length > 0) return { problems: foreign };
  const parsed = appFile.safeParse(document);
  const problems = dropEchoes([
    ...(parsed.success ? [] : problemsOf(parsed.error.issues, document)),
    ...checkRules(document, baseDir),
  ]);
  if (problems.length > 0 || !parsed.success) return { problems };
  return { app: expandApp(parsed.data, baseDir), problems };
}

/** A document of another tool: that is the one thing to say, not that none of its fields is known. */
function foreignDocument(document: unknown): Problem[] {
  const kind = valueAt(document, ['kind']);
  const apiVersion = valueAt(document, ['apiVersion']);
  const isForeign =
    (typeof kind === 'string' && editDistance(kind.toLowerCase(), 'app') > 1) ||
    (typeof apiVersion === 'string' && !apiVersion.toLowerCase().startsWith('crossfade'));
  if (!isForeign) return [];
  return [wrongWord(document, 'apiVersion', API_VERSION), wrongWord(document, 'kind', 'App')].flat();
}

function wrongWord(document: unknown, field: string, expected: string): Problem[] {
  const value = valueAt(document, [field]);
  if (value === expected) return [];
  const place = { path: [field], at: 'value' as const, expected };
  if (value === undefined)
    return [{ ...place, code: 'E_SPEC_MISSING', message: `missing: expected ${expected}` }];
  const found = describeValue(value);
  const message = `expected ${expected}, found ${found}`;
  const suggestion = `write ${field}: ${expected}; documents of other programs are not read`;
  return [{ ...place, code: 'E_SPEC_VALUE', message, found, suggestion }];
}

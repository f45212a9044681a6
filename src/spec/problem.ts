/** What is wrong in a value, before it is known where in which file the value stands. */
export interface Problem {
  /** Keys and list positions from the root of the document. */
  path: PropertyKey[];
  /** What the place is: the value, or the key of it (an unknown field). */
  at: 'value' | 'key';
  code: SpecErrorCode;
  /** A sentence without subject: the field path stands before it. */
  message: string;
  expected?: string;
  found?: string;
  suggestion?: string;
  /** Said about something that is not there: an unknown field beside it is the likelier mistake. */
  isAbsence?: true;
}

/** More mistakes than anybody reads at once; looking for what was meant by each of 60,000 names takes minutes. */
export const MAX_PROBLEMS = 100;

/** Stable; listed with meanings in docs/reference/app-file.md. */
export type SpecErrorCode =
  | 'E_YAML_SYNTAX'
  | 'E_YAML_ENCODING'
  | 'E_YAML_TOO_LARGE'
  | 'E_YAML_TOO_DEEP'
  | 'E_YAML_ALIAS'
  | 'E_YAML_TAG'
  | 'E_YAML_KEY'
  | 'E_YAML_AMBIGUOUS'
  | 'E_SPEC_EMPTY'
  | 'E_SPEC_DUPLICATE'
  | 'E_SPEC_UNKNOWN_FIELD'
  | 'E_SPEC_MISSING'
  | 'E_SPEC_VALUE'
  | 'E_SPEC_CONFLICT'
  | 'E_SPEC_NOT_AVAILABLE'
  | 'E_SPEC_TOO_MANY';

/** `spec.run.configFiles["conf/app.json"]`, `spec.strategy.canary.steps[2].setWeight` */
export function formatPath(path: readonly PropertyKey[]): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (/^[A-Za-z_][\w-]*$/.test(String(part))) text += text === '' ? String(part) : `.${String(part)}`;
    else text += `[${JSON.stringify(String(part))}]`;
  }
  return text;
}

const SHOWN_CHARACTERS = 60;

/** A value in the words of an error message. */
export function describeValue(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return 'a mapping';
  if (typeof value !== 'string') return String(value);
  return JSON.stringify(value.length > SHOWN_CHARACTERS ? `${value.slice(0, SHOWN_CHARACTERS)}...` : value);
}

/** The value at a path; undefined when there is none. */
export function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let current = value;
  for (const part of path) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, part)) return undefined;
    current = (current as Record<PropertyKey, unknown>)[part];
  }
  return current;
}

import { parseDuration } from './duration.ts';

/** Milliseconds of a duration that the schema accepted. */
export function ms(text: string): number {
  return must(parseDuration(text), text);
}

/** Absent fields are left out, not undefined: the App is stored and compared as JSON. */
export function defined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as never;
}

export function must<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`accepted by the schema, but cannot be expanded: ${what}`);
  return value;
}

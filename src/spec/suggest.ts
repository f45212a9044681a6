import { formatDuration, parseDuration } from './duration.ts';
import { nearest } from './nearest.ts';

/** What to write instead of a value that does not fit; undefined: nothing better comes to mind. */
export type Suggest = (input: unknown) => string | undefined;

export const suggestText: Suggest = (input) => {
  if (typeof input === 'number' || typeof input === 'boolean') return `put it in quotes: "${input}"`;
  return input === null ? 'write "" for empty text, or remove the field' : undefined;
};

export const suggestNumber: Suggest = (input) => {
  if (typeof input !== 'string') return undefined;
  if (/^[1-9]\d*$|^0$/.test(input)) return `remove the quotes: ${input}`;
  if (/^\d+#/.test(input)) return 'put a blank before # to begin a comment';
  const plain = input.replaceAll(/[_,' ]/g, '');
  return /^[1-9]\d*$/.test(plain) ? `write ${plain}` : undefined;
};

/** Fields whose name ends in Seconds take a number, as in Kubernetes. */
export const suggestSeconds: Suggest = (input) => {
  const ms = typeof input === 'string' ? parseDuration(input) : undefined;
  return ms !== undefined && ms % 1_000 === 0
    ? `write the number of seconds: ${ms / 1_000}`
    : suggestNumber(input);
};

export const suggestBoolean: Suggest = (input) => {
  const meant = meantBoolean(input);
  return meant === undefined ? undefined : `write ${meant}: only true and false are booleans in YAML 1.2`;
};

export const suggestTrue: Suggest = (input) => {
  if (input === false) return 'remove it instead';
  return meantBoolean(input) ? suggestBoolean(input) : undefined;
};

function meantBoolean(input: unknown): boolean | undefined {
  if (input === 1 || input === 0) return input === 1;
  if (typeof input !== 'string') return undefined;
  if (/^(yes|on|y|true)$/i.test(input)) return true;
  return /^(no|off|n|false)$/i.test(input) ? false : undefined;
}

export const suggestDuration: Suggest = (input) => {
  if (typeof input === 'number' && Number.isInteger(input) && input > 0) return `add a unit: ${input}s`;
  if (typeof input !== 'string') return undefined;
  if (/^[1-9]\d*$/.test(input)) return `add a unit: ${input}s`;
  if (/^\d+d$/.test(input)) return `write it in hours: ${Number(input.slice(0, -1)) * 24}h`;
  const [, count, unit] = /^(\d*\.?\d+) ?(ms|h|m|s|hours?|min|minutes?|sec|seconds?)$/i.exec(input) ?? [];
  if (count === undefined || unit === undefined || parseDuration(input) !== undefined) return undefined;
  return `write ${formatDuration(Math.round(Number(count) * unitMs(unit)))}`;
};

function unitMs(unit: string): number {
  if (/^ms$/i.test(unit)) return 1;
  return { h: 3_600_000, m: 60_000, s: 1_000 }[unit.slice(0, 1).toLowerCase()] ?? 1;
}

export const suggestMapping: Suggest = (input) =>
  input === null ? 'nothing is written below it: give it its fields, indented, or remove it' : undefined;

export const suggestList: Suggest = (input) => {
  if (typeof input === 'string' && /^[\w./:=@%+-]+$/.test(input)) return `write a list: [${input}]`;
  return isMapping(input) ? 'begin each item of the list with "- "' : undefined;
};

/** Only where splitting at blanks is certainly what a shell would do. */
export const suggestCommand: Suggest = (input) => {
  if (typeof input !== 'string') return undefined;
  return `write a list: ${commandList(input)}`;
};

export function commandList(text: string): string {
  const words = text.split(' ');
  if (!words.every((word) => /^[\w./:=@%+{}-]+$/.test(word))) return `[sh, -c, ${JSON.stringify(text)}]`;
  const items = words.map((word) => (/^[A-Za-z/.-][\w./:=@%+-]*$/.test(word) ? word : JSON.stringify(word)));
  return `[${items.join(', ')}]`;
}

/** @param words what is allowed */
export function suggestWord(words: readonly string[]): Suggest {
  return (input) => {
    const near = typeof input === 'string' ? nearest(input, words) : undefined;
    return near && near.distance <= 2 ? `write ${near.word}` : undefined;
  };
}

/** Wraps a plain value into the mapping that it is the main field of: `8000` -> `{ listen: 8000 }`. */
export function suggestWrapped(field: string, kind: 'string' | 'number'): Suggest {
  return (input) => (typeof input === kind ? `write { ${field}: ${input} }` : suggestMapping(input));
}

function isMapping(input: unknown): boolean {
  return typeof input === 'object' && input !== null && !Array.isArray(input);
}

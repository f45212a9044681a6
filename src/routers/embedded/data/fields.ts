/** Slow-path readers of a parsed head: values of fields and cookies as strings, for matches and user keys. */
import { COLON, CR, LF } from './bytes.ts';

/** Values of every field of this name (lower case) in the head whose first field is at `from`. */
export function fieldValues(b: Buffer, from: number, name: string): string[] {
  const values: string[] = [];
  for (let i = from; b[i] !== CR; ) {
    const colon = b.indexOf(COLON, i);
    const next = b.indexOf(LF, colon) + 1;
    if (colon - i === name.length && b.toString('latin1', i, colon).toLowerCase() === name) {
      values.push(b.toString('latin1', colon + 1, next - 2).trim());
    }
    i = next;
  }
  return values;
}

/** Value of a cookie, or undefined; the first one wins, as in servers. */
export function cookieValue(b: Buffer, from: number, name: string): string | undefined {
  for (const line of fieldValues(b, from, 'cookie')) {
    for (const pair of line.split(';')) {
      const equals = pair.indexOf('=');
      if (equals > 0 && pair.slice(0, equals).trim() === name) return unquote(pair.slice(equals + 1).trim());
    }
  }
  return undefined;
}

function unquote(value: string): string {
  return value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
}

/** Whether an answer's head sets this cookie itself. */
export function setsCookie(b: Buffer, from: number, name: string): boolean {
  return fieldValues(b, from, 'set-cookie').some(
    (value) => value.slice(0, value.indexOf('=')).trim() === name,
  );
}

/** Character classes and byte comparison for the parser: tables instead of strings, so that parsing allocates nothing. */

/** 1 where the byte may be part of a token (method, field name): RFC 9110 section 5.6.2. */
export const TOKEN = new Uint8Array(256);
/** 1 where the byte may be part of a field value: everything but control bytes, tab allowed. */
export const VALUE = new Uint8Array(256);
/** 1 where the byte may be part of a request target: visible ASCII. */
export const TARGET = new Uint8Array(256);

for (const c of "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
  TOKEN[c.charCodeAt(0)] = 1;
}
for (let c = 32; c < 256; c++) if (c !== 127) VALUE[c] = 1;
VALUE[9] = 1;
for (let c = 33; c < 127; c++) TARGET[c] = 1;

export const CR = 13;
export const LF = 10;
export const SPACE = 32;
export const TAB = 9;
export const COLON = 58;

/** A lower-case word as bytes, for `matches`. */
export function word(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'latin1'));
}

/**
 * The bytes from `start` spell `lower`, in any case. Only for bytes already known to be token characters:
 * setting bit 5 would otherwise take a control byte for punctuation.
 */
export function matches(bytes: Uint8Array, start: number, lower: Uint8Array): boolean {
  for (let k = 0; k < lower.length; k++) {
    if (((bytes[start + k] as number) | 32) !== lower[k]) return false;
  }
  return true;
}

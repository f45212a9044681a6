/** Who a request belongs to: matches by header and cookie, and the user key of a sticky split. */
import type { Match, StringMatch, UserKey } from '../../../spec/app.ts';
import { cookieValue, fieldValues } from './fields.ts';

/** Tests the head in `b` whose first field is at `from`. */
export type Test = (b: Buffer, from: number) => boolean;

/** Heads are read as latin1; what the user wrote is UTF-8: compare bytes with bytes. */
function asWire(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

function stringTest(match: StringMatch): (value: string) => boolean {
  switch (match.kind) {
    case 'present':
      return () => true;
    case 'exact': {
      const wanted = asWire(match.value);
      return (value) => value === wanted;
    }
    case 'prefix': {
      const wanted = asWire(match.value);
      return (value) => value.startsWith(wanted);
    }
  }
}

/** All that are given must hold; a match without conditions matches nobody. */
export function compileMatch(match: Match): Test {
  const tests: Test[] = [];
  for (const header of match.headers) {
    const name = header.name.toLowerCase();
    const test = stringTest(header.value);
    tests.push((b, from) => fieldValues(b, from, name).some(test));
  }
  for (const cookie of match.cookies) {
    const test = stringTest(cookie.value);
    tests.push((b, from) => {
      const value = cookieValue(b, from, cookie.name);
      return value !== undefined && test(value);
    });
  }
  if (tests.length === 0) return () => false;
  return (b, from) => tests.every((test) => test(b, from));
}

/** The user's key, or undefined when the request carries none. */
export function userKey(by: UserKey, b: Buffer, from: number): string | undefined {
  const value =
    by.kind === 'header' ? fieldValues(b, from, by.name.toLowerCase())[0] : cookieValue(b, from, by.name);
  return value === '' ? undefined : value;
}

/** `Set-Cookie` line that gives a user the key that the router made for them. */
export function issueCookie(by: UserKey & { kind: 'cookie' }, value: string): Buffer {
  const attributes = `Path=/; Max-Age=${by.maxAgeSeconds}; HttpOnly; SameSite=Lax`;
  return Buffer.from(`Set-Cookie: ${by.name}=${value}; ${attributes}\r\n`, 'latin1');
}

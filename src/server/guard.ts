import { isIP } from 'node:net';
import { OperatingError } from '../core/errors.ts';
import type { Peer } from './deps.ts';
import type { TokenStore } from './tokens.ts';

export interface TcpGuard {
  tokens: TokenStore;
  /** Names, without ports, under which the API may be asked for. */
  allowedHosts: ReadonlySet<string>;
  /** The listener is on every address: any of them may be asked for. A page cannot make an address its own name. */
  anyAddress?: boolean;
}

/**
 * Lets a TCP request in, or says why not. Loopback is no exception: any web page that a user opens can reach it, by a
 * form, by fetch, or under a name of its own that it makes resolve to 127.0.0.1 (DNS rebinding).
 * @throws OperatingError E_FOREIGN_HOST, E_FOREIGN_ORIGIN, E_UNAUTHORIZED
 */
export function admit(headers: Headers, guard: TcpGuard): Peer {
  const host = headers.get('host') ?? '';
  const name = hostName(host);
  const known =
    name !== undefined && (guard.allowedHosts.has(name) || (guard.anyAddress && isIP(name) !== 0));
  if (!known) {
    throw new OperatingError(
      'E_FOREIGN_HOST',
      `The API is not served under the name ${JSON.stringify(host)}.`,
      {
        hint: 'Use the address that the daemon listens on, or allow the name: `crossfade daemon --listen ... --allow-host NAME`.',
      },
    );
  }
  const origin = headers.get('origin');
  const site = headers.get('sec-fetch-site');
  const foreign = origin !== null && !isSameOrigin(origin, host);
  if (foreign || (site !== null && site !== 'same-origin' && site !== 'none')) {
    throw new OperatingError(
      'E_FOREIGN_ORIGIN',
      `A page of ${origin ?? 'another site'} may not use the API.`,
      {
        hint: 'Only pages that the daemon serves itself, and programs that are no browser, may.',
      },
    );
  }
  const [, token] = /^Bearer +(\S+)$/i.exec(headers.get('authorization') ?? '') ?? [];
  const holder = token === undefined ? undefined : guard.tokens.verify(token);
  if (token === undefined || !holder) {
    throw new OperatingError(
      'E_UNAUTHORIZED',
      token ? 'The token is not valid.' : 'The request carries no token.',
      {
        hint: 'Send `Authorization: Bearer <token>`; an admin makes one with `crossfade token create`.',
      },
    );
  }
  return { kind: 'tcp', ...holder, ended: guard.tokens.ended(token) };
}

/** The name of a Host header, lower case, without port and brackets. */
export function hostName(host: string): string | undefined {
  const [, bracketed, plain] = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/i.exec(host) ?? [];
  return (bracketed ?? plain)?.toLowerCase();
}

function isSameOrigin(origin: string, host: string): boolean {
  return origin.toLowerCase() === `http://${host.toLowerCase()}`;
}

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { MiddlewareHandler } from 'hono';
import type { Role } from '../api/types.ts';
import { OperatingError } from '../core/errors.ts';
import type { AppKey, Ms } from '../core/model.ts';
import type { AuditEntry } from '../ports/store.ts';
import type { Peer } from './deps.ts';

/** What a listener hands over with each request. */
export interface ApiBindings {
  peer: Peer;
  /** Aborted when the listener closes, or the token that was shown is no longer valid: streams end then. */
  closing: AbortSignal;
  incoming: IncomingMessage;
  outgoing: ServerResponse;
}

/** Who asks, and why. */
export interface Caller {
  actor: string;
  /** Proved by a token; over the Unix socket it is only claimed. */
  verified: boolean;
  role: Role;
  /** On this machine: paths in a request mean the same folder here. */
  local: boolean;
  reason?: string;
}

export interface ApiEnv {
  Bindings: ApiBindings;
  Variables: { caller: Caller };
}

const RANK: Record<Role, number> = { viewer: 0, deployer: 1, admin: 2 };
const ADMIN_PATHS = /^\/v1\/(tokens|daemon)(\/|$)/;

/** Reading needs a viewer, changing a deployer, the daemon itself and its tokens an admin. */
export function requiredRole(method: string, path: string): Role {
  if (ADMIN_PATHS.test(path)) return 'admin';
  return method === 'GET' || method === 'HEAD' ? 'viewer' : 'deployer';
}

/** Puts the caller into the context, and refuses what the caller's role does not allow. */
export function access(): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const { peer } = c.env;
    const caller = callerOf(peer, c.req.header('x-crossfade-actor'), c.req.header('x-crossfade-reason'));
    const needed = requiredRole(c.req.method, c.req.path);
    if (RANK[caller.role] < RANK[needed]) {
      throw new OperatingError(
        'E_FORBIDDEN',
        `${caller.actor} has the role ${caller.role}; ${c.req.method} ${c.req.path} needs ${needed}.`,
        { hint: 'Ask an admin for a token with that role: `crossfade token create`.' },
      );
    }
    c.set('caller', caller);
    await next();
  };
}

function callerOf(peer: Peer, claimed: string | undefined, reason: string | undefined): Caller {
  const why = headerText(reason);
  const because = why === undefined ? {} : { reason: why };
  if (peer.kind === 'tcp') {
    return { actor: peer.user, verified: true, role: peer.role, local: false, ...because };
  }
  const actor = headerText(claimed) ?? 'unknown';
  return { actor, verified: false, role: 'admin', local: true, ...because };
}

/** Clients send what is not plain ASCII percent-encoded. Control characters would forge lines in a log. */
function headerText(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  let text = value;
  try {
    text = decodeURIComponent(value);
  } catch {
    // A bare per cent sign: taken as it is.
  }
  const clean = text.replace(/\p{Cc}/gu, ' ').trim();
  return clean === '' ? undefined : clean.slice(0, 500);
}

export function auditOf(
  caller: Caller,
  at: Ms,
  action: string,
  app?: AppKey,
  reason = caller.reason,
): AuditEntry {
  return {
    at,
    ...(app === undefined ? {} : { app }),
    actor: caller.actor,
    verified: caller.verified,
    action,
    ...(reason === undefined ? {} : { reason }),
  };
}

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import path from 'node:path';
import type { Role, TokenCreated, TokenView } from '../api/types.ts';
import { OperatingError } from '../core/errors.ts';
import type { Ms } from '../core/model.ts';

/** Who may do what over TCP: one token per user and purpose, kept as hashes. */
export interface TokenStore {
  list(): TokenView[];
  /** The only moment at which the token itself can be seen. */
  create(request: { user: string; role: Role; expiresInMs?: number | undefined }): TokenCreated;
  /** Resolves with whether there was one. */
  revoke(id: string): boolean;
  /** Who a presented token belongs to; undefined for one that is unknown, revoked or expired. */
  verify(token: string): { user: string; role: Role } | undefined;
  /** Aborted when this token is revoked or expires: an answer that goes on must not outlive the right to it. */
  ended(token: string): AbortSignal;
}

interface StoredToken {
  id: string;
  user: string;
  role: Role;
  createdAt: Ms;
  expiresAt?: Ms;
  /** SHA-256 of the secret part. It has 256 random bits, so that a slow hash would protect nothing. */
  hash: string;
}

const SECRET_BYTES = 32;
/** Longest that setTimeout counts. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
const SHAPE = /^xf_([0-9a-f]{12})_([A-Za-z0-9_-]{43})$/;

/**
 * Keeps `tokens.json` in the state folder: mode 0600, replaced as a whole.
 * @throws OperatingError E_TOKENS_CORRUPT
 */
export function createTokenStore(stateDir: string, now: () => Ms = Date.now): TokenStore {
  const file = path.join(stateDir, 'tokens.json');
  let tokens = load(file);
  const lastUsed = new Map<string, Ms>();
  const endings = new Map<string, AbortController>();
  const view = ({ hash: _, createdAt, expiresAt, ...token }: StoredToken): TokenView => ({
    ...token,
    createdAt: new Date(createdAt).toISOString(),
    expiresAt: expiresAt === undefined ? null : new Date(expiresAt).toISOString(),
    lastUsedAt: isoOrNull(lastUsed.get(token.id)),
  });

  return {
    list: () => tokens.map(view),
    create({ user, role, expiresInMs }) {
      const secret = randomBytes(SECRET_BYTES).toString('base64url');
      const stored: StoredToken = {
        id: randomBytes(6).toString('hex'),
        user,
        role,
        createdAt: now(),
        ...(expiresInMs === undefined ? {} : { expiresAt: now() + expiresInMs }),
        hash: hashOf(secret).toString('hex'),
      };
      const next = [...tokens, stored];
      save(file, next);
      tokens = next;
      return { ...view(stored), token: `xf_${stored.id}_${secret}` };
    },
    revoke(id) {
      const next = tokens.filter((token) => token.id !== id);
      if (next.length === tokens.length) return false;
      save(file, next);
      tokens = next;
      endings.get(id)?.abort();
      endings.delete(id);
      return true;
    },
    verify(presented) {
      const [, id, secret] = SHAPE.exec(presented) ?? [];
      if (id === undefined || secret === undefined) return undefined;
      const token = tokens.find((candidate) => candidate.id === id);
      // An unknown id costs the same comparison: its absence is not to be learnt from the time.
      const matches = timingSafeEqual(hashOf(secret), Buffer.from(token?.hash ?? '00'.repeat(32), 'hex'));
      if (!token || !matches || (token.expiresAt !== undefined && token.expiresAt <= now())) return undefined;
      lastUsed.set(token.id, now());
      return { user: token.user, role: token.role };
    },
    ended(presented) {
      const token = tokens.find(({ id }) => id === SHAPE.exec(presented)?.[1]);
      if (!token) return AbortSignal.abort();
      const known = endings.get(token.id);
      if (known) return known.signal;
      const ending = new AbortController();
      endings.set(token.id, ending);
      if (token.expiresAt !== undefined) abortAt(ending, token.expiresAt, now);
      return ending.signal;
    },
  };
}

function abortAt(ending: AbortController, at: Ms, now: () => Ms): void {
  const leftMs = at - now();
  if (leftMs <= 0) ending.abort();
  else setTimeout(() => abortAt(ending, at, now), Math.min(leftMs, LONGEST_TIMER_MS)).unref();
}

function hashOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

function isoOrNull(at: Ms | undefined): string | null {
  return at === undefined ? null : new Date(at).toISOString();
}

function load(file: string): StoredToken[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  try {
    const { tokens } = JSON.parse(text) as { tokens: StoredToken[] };
    if (tokens.every((token) => /^[0-9a-f]{64}$/.test(token.hash))) return tokens;
  } catch (cause) {
    throw corrupt(file, cause);
  }
  throw corrupt(file);
}

function corrupt(file: string, cause?: unknown): OperatingError {
  return new OperatingError('E_TOKENS_CORRUPT', `The tokens in ${file} cannot be read.`, {
    hint: 'Restore the file from a backup, or remove it and create new tokens; no token is accepted meanwhile.',
    details: { file },
    cause,
  });
}

/** Written beside and renamed over: a crash leaves the old file or the new one. */
function save(file: string, tokens: readonly StoredToken[]): void {
  const beside = `${file}.new`;
  const fd = openSync(beside, 'w', 0o600);
  try {
    writeSync(fd, JSON.stringify({ version: 1, tokens }, null, 2));
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(beside, file);
}

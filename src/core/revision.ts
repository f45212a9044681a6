import { createHash } from 'node:crypto';
import type { RevisionId, RunSpec } from './model.ts';

/**
 * Version of the canonical form below. It is part of every revision id, so that a change of the form gives ids that
 * are visibly of another version instead of silently releasing every App again (argo-rollouts#4696).
 */
export const HASH_VERSION = 1;

/**
 * JSON with sorted keys and without absent fields: two equal values give the same text whatever library or order made
 * them. @throws TypeError for what JSON cannot say exactly (functions, NaN, infinities)
 */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new TypeError(`canonical JSON has no ${value}`);
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object') throw new TypeError(`canonical JSON has no ${typeof value}`);
  const fields = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, field]) => `${JSON.stringify(key)}:${canonicalJson(field)}`);
  return `{${fields.join(',')}}`;
}

/** The content hash of a run configuration: `v1-` and 12 hex digits of SHA-256 over its canonical JSON. */
export function revisionIdOf(run: RunSpec): RevisionId {
  const digest = createHash('sha256')
    .update(canonicalJson({ hashVersion: HASH_VERSION, run }))
    .digest('hex');
  return `v${HASH_VERSION}-${digest.slice(0, 12)}`;
}

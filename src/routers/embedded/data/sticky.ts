/**
 * Which pool a user belongs to: a salted hash gives each user a bucket from 0 to 9999; the pools take the buckets from 0 up,
 * the last of the split first. So while the last pool's weight rises, users only move towards it, and only back when it falls.
 */
import { xxh32 } from './hash.ts';

export const BUCKETS = 10_000;

/** Length-prefixed salt: ("ab", "c") and ("a", "bc") must not be the same user. */
export function bucketOf(salt: string, userKey: string): number {
  const bytes = Buffer.from(`${salt.length}:${salt}${userKey}`, 'utf8');
  return xxh32(bytes) % BUCKETS;
}

/** Null when no choice has a weight. */
export function pickByBucket<T extends { readonly weight: number }>(
  choices: readonly T[],
  bucket: number,
): T | null {
  let total = 0;
  for (const choice of choices) total += choice.weight;
  let covered = 0;
  for (let k = choices.length - 1; k >= 0; k--) {
    const choice = choices[k] as T;
    if (choice.weight <= 0) continue;
    covered += choice.weight;
    if (bucket * total < covered * BUCKETS) return choice;
  }
  return null;
}

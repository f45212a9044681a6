import { createHash } from 'node:crypto';
import type { AppKey } from '../core/model.ts';

/** Which of `shards` shares an App belongs to: the same for every controller, whatever its version. */
export function shardOf(app: AppKey, shards: number): number {
  return createHash('sha256').update(app).digest().readUInt32BE(0) % shards;
}

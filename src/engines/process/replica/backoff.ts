import type { Ms } from '../../../core/model.ts';

const FIRST_MS = 100;
const LONGEST_MS = 30_000;
/** A replica that was healthy for so long begins again with the shortest pause. */
export const HEALTHY_AGAIN_MS = 60_000;

/** 0.1 s, doubling, at most 30 s. @param failuresInRow from 1 */
export function backoffMs(failuresInRow: number): Ms {
  return Math.min(FIRST_MS * 2 ** Math.min(failuresInRow - 1, 20), LONGEST_MS);
}

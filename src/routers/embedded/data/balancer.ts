/**
 * Smooth weighted round robin: exact over every cycle, no randomness. With two choices, any window of n picks is within one
 * of n x weight; the sum of `current` over all choices is always 0.
 */

export interface Weighted {
  /** Share; only the ratio to the others matters. 0: never picked. */
  readonly weight: number;
  /** The balancer's own state. */
  current: number;
}

/** Null when no choice has a weight. */
export function pickWeighted<T extends Weighted>(choices: readonly T[]): T | null {
  let best: T | null = null;
  let total = 0;
  for (const choice of choices) {
    if (choice.weight <= 0) continue;
    choice.current += choice.weight;
    total += choice.weight;
    if (best === null || choice.current > best.current) best = choice;
  }
  if (best !== null) best.current -= total;
  return best;
}

/** The exact binomial test, for splits that are decided by chance. */

/**
 * Two-sided P value of `count` successes in `total` trials of chance `share`: twice the smaller tail, at most 1.
 * @param count integer, 0 to total
 * @param share 0 to 1; at 0 and 1 anything else than certainty is impossible
 */
export function binomialPValue(count: number, total: number, share: number): number {
  if (share <= 0) return count === 0 ? 1 : 0;
  if (share >= 1) return count === total ? 1 : 0;
  // From the count outwards: the tail that the mean is not in.
  const upper = count > total * share;
  const tail = upper ? tailFrom(total - count, total, 1 - share) : tailFrom(count, total, share);
  return Math.min(1, 2 * tail);
}

/** Beyond this part of the sum the rest of a tail changes nothing. */
const NEGLIGIBLE = 1e-12;

/** P(X <= count), summed downwards from the largest term, each made of the one before. */
function tailFrom(count: number, total: number, share: number): number {
  let term = Math.exp(
    logFactorial(total) -
      logFactorial(count) -
      logFactorial(total - count) +
      count * Math.log(share) +
      (total - count) * Math.log1p(-share),
  );
  let sum = term;
  for (let k = count; k > 0 && term > sum * NEGLIGIBLE; k--) {
    term *= (k / (total - k + 1)) * ((1 - share) / share);
    sum += term;
  }
  return sum;
}

/** ln n!, by Stirling's series with three terms: exact to 1e-10 from 10 on; below, the product itself. */
function logFactorial(n: number): number {
  if (n < 10) {
    let product = 1;
    for (let k = 2; k <= n; k++) product *= k;
    return Math.log(product);
  }
  const series = 1 / (12 * n) - 1 / (360 * n ** 3) + 1 / (1260 * n ** 5);
  return n * Math.log(n) - n + Math.log(2 * Math.PI * n) / 2 + series;
}

/** Times, shares and durations in words, as kubectl writes them. */

const STEPS: [name: string, ms: number][] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
];

/** How long ago, in at most two units: `45s`, `3m12s`, `2h5m`, `8d`. */
export function ageText(at: string | null, nowMs: number): string {
  if (at === null) return '-';
  const agoMs = Math.max(0, nowMs - Date.parse(at));
  return durationText(agoMs - (agoMs % 1_000));
}

/** Two units below ten of the larger, one from there on; below a second in milliseconds. */
export function durationText(ms: number): string {
  if (ms < 1_000) return ms < 1 ? '0s' : `${Math.round(ms)}ms`;
  const index = STEPS.findIndex(([, size]) => ms >= size);
  const [name, size] = STEPS[index] ?? ['s', 1_000];
  const whole = Math.floor(ms / size);
  const next = STEPS[index + 1];
  if (next === undefined || whole >= 10) return `${whole}${name}`;
  const rest = Math.floor((ms % size) / next[1]);
  return rest === 0 ? `${whole}${name}` : `${whole}${name}${rest}${next[0]}`;
}

export function millisText(ms: number | null): string {
  if (ms === null) return '-';
  return ms < 10 ? `${trimZeros(ms.toFixed(1))}ms` : `${Math.round(ms)}ms`;
}

/** Up to two decimals, never more than were meant: `8%`, `0.01%`, `33.33%`. */
export function percentText(percent: number | null): string {
  return percent === null ? '-' : `${trimZeros(percent.toFixed(2))}%`;
}

function trimZeros(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

const UNIT_MS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `90s`, `1m30s`, `500ms`, `2h`; undefined when it is none. A bare number is none: its unit would be a guess. */
export function parseDurationMs(text: string): number | undefined {
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(text)) return text === '0' ? 0 : undefined;
  let totalMs = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
    totalMs += Number(amount) * (UNIT_MS[unit ?? ''] ?? 0);
  }
  return totalMs;
}

/** Milliseconds. */
type Ms = number;

const UNITS: readonly [unit: string, ms: number][] = [
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
];

/** As a JSON Schema pattern: units from large to small, each at most once, at least one of them. */
export const DURATION_PATTERN = /^(?=\d)(\d{1,9}h)?(\d{1,9}m(?!s))?(\d{1,9}s)?(\d{1,9}ms)?$/;

/** `1h30m`, `30s`, `500ms` -> milliseconds. Undefined: not a duration. Whole numbers only, so that nothing is rounded. */
export function parseDuration(text: string): Ms | undefined {
  const match = DURATION_PATTERN.exec(text);
  if (!match) return undefined;
  let total = 0;
  for (const [index, [unit, ms]] of UNITS.entries()) {
    const part = match[index + 1];
    if (part !== undefined) total += Number(part.slice(0, -unit.length)) * ms;
  }
  return total;
}

/** The shortest text that parseDuration reads back as the same number. @throws when ms is not a whole number >= 0 */
export function formatDuration(ms: Ms): string {
  if (!Number.isSafeInteger(ms) || ms < 0) throw new Error(`not a duration in whole milliseconds: ${ms}`);
  if (ms === 0) return '0s';
  let rest = ms;
  let text = '';
  for (const [unit, size] of UNITS) {
    const count = Math.floor(rest / size);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * size;
  }
  return text;
}

/** Which combinations of a matrix are tested: every one, or a sample in which every pair of values occurs. */
import { isFullTest } from '../../support/full.ts';

/** Name of a dimension -> its values. */
export type Dimensions = Readonly<Record<string, readonly string[]>>;
export type Cell<D extends Dimensions> = { readonly [Name in keyof D]: D[Name][number] };

const DEFAULT_SEED = 2024;

/** CROSSFADE_TEST_SEED, or a fixed one: the same cells everywhere until somebody asks for others. */
export function seedOfTest(): number {
  const given = process.env.CROSSFADE_TEST_SEED;
  if (given === undefined || given === '') return DEFAULT_SEED;
  const seed = Number(given);
  if (!Number.isSafeInteger(seed)) throw new Error(`CROSSFADE_TEST_SEED=${given} is not a whole number`);
  return seed;
}

/** The cells that this run tests, in an order of their own for each seed; printed, so that a failure can be repeated. */
export function chosenCells<T extends Readonly<Record<string, string>>>(
  what: string,
  all: readonly T[],
  options: SampleOptions = { strength: 2 },
): readonly T[] {
  const seed = seedOfTest();
  const chosen = isFullTest() ? all : coveringSample(all, options, seed);
  const how = isFullTest() ? 'every cell' : `CROSSFADE_TEST_SEED=${seed}`;
  console.log(`${what}: ${chosen.length} of ${all.length} cells (${how})`);
  for (const cell of chosen) console.log(`  ${nameOf(cell)}`);
  return chosen;
}

/** `canary, after2s, fresh`: a cell in a test's name. */
export const nameOf = (cell: Readonly<Record<string, string>>): string => Object.values(cell).join(', ');

export function allCells<D extends Dimensions>(dimensions: D): Cell<D>[] {
  const cells = Object.entries(dimensions).reduce<Record<string, string>[]>(
    (some, [name, values]) => some.flatMap((cell) => values.map((value) => ({ ...cell, [name]: value }))),
    [{}],
  );
  return cells as Cell<D>[];
}

export interface SampleOptions {
  /** 1: every value occurs. 2: every pair of values. */
  strength: 1 | 2;
  /** So many times, by other cells each time. Default 1. */
  times?: number;
}

/** The greedy algorithm: takes the cell with most that is new; the seed decides between equals. */
export function coveringSample<T extends Readonly<Record<string, string>>>(
  cells: readonly T[],
  { strength, times = 1 }: SampleOptions,
  seed: number,
): T[] {
  const order = shuffled(cells, seed);
  const sample = new Set<T>();
  for (let time = 1; time <= times; time += 1) {
    const rest = order.filter((cell) => !sample.has(cell));
    for (const cell of cover(rest, strength)) sample.add(cell);
  }
  return [...sample];
}

function cover<T extends Readonly<Record<string, string>>>(cells: readonly T[], strength: 1 | 2): T[] {
  const candidates = cells.map((cell) => ({ cell, covers: coveredBy(cell, strength) }));
  const missing = new Set(candidates.flatMap(({ covers }) => covers));
  const chosen: T[] = [];
  const gain = (covers: readonly string[]) => covers.filter((one) => missing.has(one)).length;
  while (missing.size > 0) {
    const best = candidates.reduce((a, b) => (gain(b.covers) > gain(a.covers) ? b : a));
    for (const one of best.covers) missing.delete(one);
    chosen.push(best.cell);
  }
  return chosen;
}

export function coveredBy(cell: Readonly<Record<string, string>>, strength: 1 | 2): string[] {
  const values = Object.entries(cell).map(([name, value]) => `${name}=${value}`);
  if (strength === 1) return values;
  return values.flatMap((a, index) => values.slice(index + 1).map((b) => `${a} ${b}`));
}

/** Fisher and Yates, with mulberry32: the same order for the same seed on every machine. */
function shuffled<T>(items: readonly T[], seed: number): T[] {
  const order = [...items];
  const random = mulberry32(seed);
  for (let last = order.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    [order[last], order[other]] = [order[other] as T, order[last] as T];
  }
  return order;
}

export interface Random {
  /** One of them; none of none. */
  pick<T>(items: readonly T[]): T[];
}

/** The same choices for the same seed. */
export function randomFrom(seed: number): Random {
  const random = mulberry32(seed);
  return { pick: (items) => items.slice(Math.floor(random() * items.length)).slice(0, 1) };
}

function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

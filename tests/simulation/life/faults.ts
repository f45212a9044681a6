/** What goes wrong at a call: drawn by name and count, so that leaving one out leaves the others as they were. */
import { hashOf, type Random, randomFor } from '../random.ts';
import type { CallFault } from './profiles.ts';

const HASHES = new Map<string, number>();

function hashed(name: string): number {
  const known = HASHES.get(name);
  if (known !== undefined) return known;
  const hash = hashOf(name);
  HASHES.set(name, hash);
  return hash;
}

export class Faults {
  /** Off: nothing goes wrong any more. */
  active = true;
  /** Ids of what was hit, in order: `crashInCommit#12`. */
  readonly happened: string[] = [];
  readonly #seed: number;
  readonly #rates: Record<CallFault, number>;
  readonly #only: ReadonlySet<string> | undefined;
  readonly #counts = new Map<string, number>();
  readonly #noted: (fault: CallFault) => void;

  /** @param only absent: what the rates give; present: exactly these */
  constructor(
    seed: number,
    rates: Record<CallFault, number>,
    only: ReadonlySet<string> | undefined,
    noted: (fault: CallFault) => void,
  ) {
    this.#seed = seed;
    this.#rates = rates;
    this.#only = only;
    this.#noted = noted;
  }

  /** @returns numbers for how it goes wrong, or undefined: it does not */
  hits(fault: CallFault): Random | undefined {
    const n = this.#next(fault);
    const random = randomFor(this.#seed, hashed(fault), n);
    const drawn = random.next() < this.#rates[fault];
    if (!this.active) return undefined;
    if (this.#only ? !this.#only.has(`${fault}#${n}`) : !drawn) return undefined;
    this.happened.push(`${fault}#${n}`);
    this.#noted(fault);
    return random;
  }

  /** Something that always happens, and takes a number. from <= n <= to */
  int(name: string, from: number, to: number): number {
    return randomFor(this.#seed, hashed(name), this.#next(name)).int(from, to);
  }

  chance(name: string, probability: number): boolean {
    return randomFor(this.#seed, hashed(name), this.#next(name)).chance(probability);
  }

  #next(name: string): number {
    const n = this.#counts.get(name) ?? 0;
    this.#counts.set(name, n + 1);
    return n;
  }
}

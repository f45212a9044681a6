import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

export type Verdict =
  | { status: 'survived'; nrOfTests: number }
  | { status: 'killed'; killedBy: string[]; failureMessage: string; nrOfTests: number }
  | { status: 'timeout'; reason: string };

export interface Mutant {
  id: string;
  fileName: string;
  mutatorName: string;
  location: object;
  replacement: string;
}

/**
 * What was tried, a line each, so that a run that is interrupted goes on where it was, and one after a change tries what
 * may have changed: a mutant that a test noticed when its file or that test did, one that nobody noticed when any test did.
 */
export class Tried {
  readonly #file: string;
  readonly #known: ReadonlyMap<string, Verdict>;
  readonly #hashes = new Map<string, string>();
  readonly #allTests: string;

  /** @param tests all test files @param effort part of the key of what was not noticed: `quick` or `all` */
  constructor(file: string, tests: readonly string[], effort: string) {
    this.#file = file;
    this.#known = readAll(file);
    this.#allTests = [effort, ...tests.map((test) => this.#hash(test))].join();
  }

  find(mutant: Mutant, testFiles: ReadonlyMap<string, string>): Verdict | undefined {
    const verdict = this.#known.get(this.#key(mutant, this.#allTests));
    if (verdict) return verdict;
    const noticed = this.#known.get(this.#key(mutant, 'noticed'));
    const by = noticed?.status === 'killed' ? testFiles.get(noticed.killedBy[0] ?? '') : undefined;
    return by === undefined ? undefined : this.#known.get(this.#key(mutant, this.#hash(by)));
  }

  keep(mutant: Mutant, verdict: Verdict, testFiles: ReadonlyMap<string, string>): void {
    const by = verdict.status === 'killed' ? testFiles.get(verdict.killedBy[0] ?? '') : undefined;
    const keys = by === undefined ? [this.#allTests] : ['noticed', this.#hash(by)];
    for (const under of keys)
      appendFileSync(this.#file, `${JSON.stringify({ key: this.#key(mutant, under), mutant, verdict })}\n`);
  }

  #key({ fileName, mutatorName, location, replacement }: Mutant, under: string): string {
    const file = [path.basename(fileName), this.#hash(fileName)];
    return sha256(JSON.stringify([file, mutatorName, location, replacement, under]));
  }

  #hash(file: string): string {
    const known = this.#hashes.get(file);
    if (known !== undefined) return known;
    const hash = sha256(readFileSync(file, 'utf8'));
    this.#hashes.set(file, hash);
    return hash;
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

function readAll(file: string): Map<string, Verdict> {
  if (!existsSync(file)) return new Map();
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
  return new Map(lines.map((line) => JSON.parse(line)).map(({ key, verdict }) => [key, verdict]));
}

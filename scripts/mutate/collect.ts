/**
 * Stands in for `node:test` where mutants are tried: a test that was registered once is run as often as wanted, alone, in
 * the same process. A process for each mutant would load the core and its tests anew some thousand times.
 */
import path from 'node:path';

export interface Context {
  after(undo: () => unknown): void;
  diagnostic(): void;
}

type Body = (t: Context) => unknown;

export interface Collected {
  /** File and name. */
  id: string;
  file: string;
  run(): Promise<void>;
}

const collected: Collected[] = [];
let loading = '';

/** Imports a test file. @returns what it registered */
export async function collectFrom(file: string): Promise<Collected[]> {
  const before = collected.length;
  loading = file;
  await import(file);
  const found = collected.slice(before);
  if (found.length === 0) throw new Error(`${file} has no test`);
  return found;
}

export function test(name: string, ...rest: unknown[]): void {
  const body = rest.at(-1);
  if (typeof body !== 'function' || rest.length > 2)
    throw new Error(`"${name}": a test is a name and a body`);
  const id = `${path.relative(process.cwd(), loading)}: ${name}`;
  if (collected.some((other) => other.id === id)) throw new Error(`two tests are called ${id}`);
  collected.push({ id, file: loading, run: () => runAlone(body as Body) });
}

export { test as it };

async function runAlone(body: Body): Promise<void> {
  const undos: (() => unknown)[] = [];
  try {
    await body({ after: (undo) => undos.push(undo), diagnostic: () => undefined });
  } finally {
    for (const undo of undos.reverse()) await undo();
  }
}

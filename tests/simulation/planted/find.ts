import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { tempDir } from '../../support/temp-dir.ts';
import { BUGS, type Bug } from './bugs.ts';
import { editsOf } from './edits.ts';
import type { Found } from './hunt.ts';

const ROOT = path.resolve(import.meta.dirname, '../../..');
/** Seeds from here on; where a bug can only show in some strategy, those that begin with it. */
const FIRST_SEED = 1;
const MOST_LIVES = 120;
/** A bug that hangs is not found by that. */
const LIMIT_MS = 240_000;

/** Tests that each of them is found within so many lives, and that its text is still in the source. */
export function findAll(bugs: readonly Bug[]): void {
  test('every planted bug is still a change of the source', () => {
    assert.equal(new Set(BUGS.map(({ name }) => name)).size, BUGS.length, 'each has a name of its own');
    for (const { name } of bugs) {
      for (const { file, find, put } of editsOf(name)) {
        const times = readFileSync(path.join(ROOT, file), 'utf8').split(find).length - 1;
        assert.equal(times, 1, `"${name}": its text is ${times} times in ${file}: ${find}`);
        assert.notEqual(find, put, name);
      }
    }
  });

  test(`every planted bug is found within ${MOST_LIVES} lives`, async (t) => {
    const compiled = await tempDir(t);
    const names = bugs.map(({ name }) => name);
    const missed: string[] = [];
    let last = { name: '', life: 0 };
    const inTurn = async () => {
      for (let name = names.shift(); name !== undefined; name = names.shift()) {
        const { lives, seed } = await hunt(name, MOST_LIVES, compiled);
        if (seed === undefined) missed.push(name);
        else if (lives > last.life) last = { name, life: lives };
      }
    };
    await Promise.all([inTurn(), inTurn()]);
    t.diagnostic(`${bugs.length} bugs; found last: ${last.name}, in life ${last.life}`);
    assert.deepEqual(missed, []);
  });
}

/** @param compiled folder for what Node has compiled: most of a short hunt is loading */
export async function hunt(name: string, lives: number, compiled: string): Promise<Found> {
  const here = import.meta.dirname;
  const script = [path.join(here, 'hunt.ts'), String(FIRST_SEED), String(lives)];
  const child = spawn(process.execPath, ['--import', path.join(here, 'plant.ts'), ...script], {
    cwd: ROOT,
    env: { ...process.env, CROSSFADE_PLANTED: name, NODE_COMPILE_CACHE: compiled },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: LIMIT_MS,
  });
  const [out, err, [code]] = await Promise.all([
    textOf(child, 'stdout'),
    textOf(child, 'stderr'),
    once(child, 'close'),
  ]);
  assert.equal(code, 0, `hunting "${name}" ended with ${code}\n${err}`);
  return JSON.parse(out) as Found;
}

async function textOf(child: ChildProcess, stream: 'stdout' | 'stderr'): Promise<string> {
  const chunks = (await child[stream]?.setEncoding('utf8').toArray()) as string[];
  return chunks.join('');
}

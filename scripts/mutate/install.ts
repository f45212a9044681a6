import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync } from 'node:fs';
import path from 'node:path';
import { cacheFolder } from '../system-packages.ts';

const WANTED = path.join(import.meta.dirname, 'stryker');
const FILES = ['package.json', 'package-lock.json'];

/**
 * Stryker is 180 packages and 60 MB, and wanted rarely: it is kept in the cache of the tests, at the versions and checksums
 * of its own lock file. @returns the script to run
 */
export function stryker(): string {
  const hash = createHash('sha256');
  for (const file of FILES) hash.update(readFileSync(path.join(WANTED, file)));
  const folder = path.join(cacheFolder(), `stryker-${hash.digest('hex').slice(0, 12)}`);
  if (!existsSync(folder)) install(folder);
  return path.join(folder, 'node_modules', '@stryker-mutator', 'core', 'bin', 'stryker.js');
}

function install(folder: string): void {
  console.log('mutate: installing Stryker ...');
  mkdirSync(path.dirname(folder), { recursive: true });
  const work = mkdtempSync(path.join(path.dirname(folder), '.stryker-'));
  for (const file of FILES) copyFileSync(path.join(WANTED, file), path.join(work, file));
  const { status, error } = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: work,
    stdio: 'inherit',
  });
  if (error || status !== 0) throw new Error(`npm ci of Stryker failed: ${error?.message ?? status}`);
  renameSync(work, folder);
}

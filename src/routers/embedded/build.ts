/** Which program this is, by the version of the package and the content of this folder as it was when the process started. */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { findPackageJSON } from 'node:module';
import path from 'node:path';

const HASH_CHARACTERS = 12;

/** The same for two processes that do the same; an installation may be replaced in its place while they run. */
export const BUILD = `${packageVersion()}+${contentHash()}`;

function packageVersion(): string {
  const file = findPackageJSON('..', import.meta.url);
  if (file === undefined) return 'unknown';
  return (JSON.parse(fs.readFileSync(file, 'utf8')) as { version?: string }).version ?? 'unknown';
}

function contentHash(): string {
  const folder = import.meta.dirname;
  const extension = path.extname(import.meta.filename);
  const names = fs.readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const hash = createHash('sha256');
  for (const name of names.filter((n) => n.endsWith(extension)).sort()) {
    hash
      .update(`${name}\0`)
      .update(fs.readFileSync(path.join(folder, name)))
      .update('\0');
  }
  return hash.digest('hex').slice(0, HASH_CHARACTERS);
}

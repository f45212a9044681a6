import { readFileSync } from 'node:fs';
import path from 'node:path';

/** From the package.json of the package this file is in, however deep the build put it. */
export function programVersion(): string {
  for (let folder = import.meta.dirname; folder !== path.dirname(folder); folder = path.dirname(folder)) {
    try {
      const manifest = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
      if (typeof manifest.version === 'string') return manifest.version;
    } catch {
      // Not in this folder.
    }
  }
  throw new Error('no package.json above the program');
}

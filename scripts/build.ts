/**
 * `npm run build`: compiles src/ to JavaScript in dist/, for the published package: Node runs no TypeScript below
 * node_modules. `npm pack` and `npm publish` do it by themselves. The checkout needs no build.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, globSync, rmSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from './testing/files.ts';

const source = path.join(ROOT, 'src');
const output = path.join(ROOT, 'dist');

// A file that is gone from src/ would otherwise stay in the package.
rmSync(output, { recursive: true, force: true });
const tsc = path.join(ROOT, 'node_modules', '.bin', 'tsc');
const { status } = spawnSync(tsc, ['-p', 'tsconfig.build.json'], { cwd: ROOT, stdio: 'inherit' });
// The compiler has said why.
if (status !== 0) process.exit(1);
// What is not TypeScript is read at run time from beside the file that needs it.
for (const entry of globSync('**/*', { cwd: source, withFileTypes: true })) {
  if (!entry.isFile() || entry.name.endsWith('.ts')) continue;
  const file = path.join(entry.parentPath, entry.name);
  cpSync(file, path.join(output, path.relative(source, file)));
}

import { spawnSync } from 'node:child_process';
import { cpSync, globSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from './testing/files.ts';

/** Compiles src/ to JavaScript in `output`: Node runs no TypeScript below node_modules. @returns whether it could */
export function compileTo(output: string): boolean {
  const source = path.join(ROOT, 'src');
  const tsc = path.join(ROOT, 'node_modules', '.bin', 'tsc');
  const args = ['-p', 'tsconfig.build.json', '--outDir', output];
  const { status } = spawnSync(tsc, args, { cwd: ROOT, stdio: 'inherit' });
  // The compiler has said why.
  if (status !== 0) return false;
  // What is not TypeScript is read at run time from beside the file that needs it.
  for (const entry of globSync('**/*', { cwd: source, withFileTypes: true })) {
    if (!entry.isFile() || entry.name.endsWith('.ts')) continue;
    const file = path.join(entry.parentPath, entry.name);
    cpSync(file, path.join(output, path.relative(source, file)));
  }
  return true;
}

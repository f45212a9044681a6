/** Which packages of node_modules the program needs at run time. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

interface Manifest {
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  peerDependenciesMeta?: Record<string, { optional?: boolean }>;
}

/** Their folders, relative to `root`, as Node would find them from there. @throws Error when one is not installed */
export function runtimePackages(root: string): string[] {
  const found = new Set<string>();
  const visit = (from: string, name: string, isNeeded: boolean) => {
    const folder = resolve(root, from, name);
    if (folder === undefined) {
      if (isNeeded) throw new Error(`${name}, which ${from} needs, is not installed: npm ci`);
      return;
    }
    if (found.has(folder)) return;
    found.add(folder);
    visitAll(folder);
  };
  const visitAll = (folder: string) => {
    const manifest = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as Manifest;
    const { dependencies = {}, optionalDependencies = {}, peerDependencies = {} } = manifest;
    const peers = Object.keys(peerDependencies).filter(
      (name) => manifest.peerDependenciesMeta?.[name]?.optional !== true,
    );
    for (const name of [...Object.keys(dependencies), ...peers]) visit(folder, name, true);
    for (const name of Object.keys(optionalDependencies)) visit(folder, name, false);
  };
  visitAll(root);
  return [...found].map((folder) => path.relative(root, folder)).sort();
}

function resolve(root: string, from: string, name: string): string | undefined {
  for (let folder = from; ; folder = path.dirname(folder)) {
    const candidate = path.join(folder, 'node_modules', name);
    if (existsSync(path.join(candidate, 'package.json'))) return candidate;
    if (folder === root || folder === path.dirname(folder)) return undefined;
  }
}

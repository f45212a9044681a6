import { posix } from 'node:path';

/** Normalized relative path that stays inside the folder it is relative to. Undefined: it leaves it, or is the folder itself. */
export function insideFolder(path: string): string | undefined {
  if (path === '' || path.includes('\u0000') || posix.isAbsolute(path)) return undefined;
  if (path.split('/').includes('..')) return undefined;
  const normal = posix.normalize(path).replace(/\/$/, '');
  return normal === '.' || normal === '' ? undefined : normal;
}

/** Normalized absolute path. Undefined: it is none. */
export function absoluteFolder(path: string): string | undefined {
  return posix.isAbsolute(path) && !path.includes('\u0000') ? trimSlash(posix.normalize(path)) : undefined;
}

/** A path as the App file means it: relative to the file's folder. `baseDir` absent: only an absolute one means anything. */
export function resolvePath(path: string, baseDir: string | undefined): string | undefined {
  if (posix.isAbsolute(path)) return trimSlash(posix.normalize(path));
  if (baseDir === undefined) return undefined;
  if (!posix.isAbsolute(baseDir)) throw new Error(`baseDir must be absolute: ${baseDir}`);
  return trimSlash(posix.join(baseDir, path));
}

function trimSlash(path: string): string {
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}

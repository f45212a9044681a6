import path from 'node:path';
import { OperatingError } from '../../../core/errors.ts';
import type { AppSpec } from '../../../spec/app.ts';
import { exists, makeFolders, writeDurable } from '../durable.ts';
import { digestName, type Layout } from '../layout.ts';
import { sha256 } from './digest.ts';
import { readNamedBytes } from './environment.ts';

export interface ConfigFile {
  /** Inside the working folder. */
  path: string;
  digest: string;
  content: Buffer;
}

/** @throws OperatingError E_CONFIG_FILE_PATH, E_FILE_* */
export async function readConfigFiles(spec: AppSpec): Promise<ConfigFile[]> {
  const files: ConfigFile[] = [];
  for (const [name, given] of Object.entries(spec.spec.run.configFiles)) {
    const relative = insideWorkingFolder(name, `spec.run.configFiles`);
    const content =
      'content' in given
        ? Buffer.from(given.content)
        : await readNamedBytes(given.fromFile, `spec.run.configFiles.${name}`);
    files.push({ path: relative, digest: `sha256:${sha256(content)}`, content });
  }
  return files;
}

export async function storeConfigFiles(layout: Layout, files: readonly ConfigFile[]): Promise<void> {
  if (files.length > 0) await makeFolders(layout.files);
  for (const { digest, content } of files) {
    const target = path.join(layout.files, digestName(digest));
    if (!(await exists(target))) await writeDurable(target, content);
  }
}

/** @throws OperatingError E_CONFIG_FILE_PATH when the path leaves the folder or names it */
export function insideWorkingFolder(name: string, field: string): string {
  const normal = path.posix.normalize(name).replace(/\/$/, '');
  if (
    !path.posix.isAbsolute(normal) &&
    normal !== '.' &&
    normal !== '..' &&
    !normal.startsWith('../') &&
    !normal.includes('\0')
  ) {
    return normal;
  }
  throw new OperatingError(
    'E_CONFIG_FILE_PATH',
    `${JSON.stringify(name)} in ${field} is not a path inside the working folder`,
    {
      hint: 'write a relative path without "..", such as config/app.json',
    },
  );
}

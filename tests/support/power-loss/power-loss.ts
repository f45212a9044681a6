/** A disk that forgets: what a program has written and not synced is gone after losePower(). See recorder.c. */
import { execFile } from 'node:child_process';
import type { BigIntStats } from 'node:fs';
import { chmod, lstat, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import { findProgram } from '../../../scripts/system-packages.ts';
import { systemPackages } from '../system-packages.ts';
import { tempDir } from '../temp-dir.ts';

const run = promisify(execFile);
const SOURCE = path.join(import.meta.dirname, 'recorder.c');
/** Half of a page of SQLite's: a page can be torn. */
const SECTOR = 2048;

export interface Disk {
  /** Real path of the folder that is watched. */
  root: string;
  /** Where its durable content is recorded: another folder. */
  record: string;
  /** For the program that works on it, and all that inherits its environment. */
  env: { LD_PRELOAD: string; CROSSFADE_POWER_ROOT: string; CROSSFADE_POWER_DISK: string };
}

/** Compiles the recorder; undefined, and the test is skipped, where there is no compiler. */
export async function compileRecorder(t: TestContext): Promise<string | undefined> {
  const library = path.join(await tempDir(t), 'recorder.so');
  const flags = ['-shared', '-o', library, SOURCE];
  try {
    await run('cc', ['-fPIC', '-O1', ...flags]);
    return library;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const packages = await systemPackages(t, ['tcc', 'libc6-dev']);
  if (packages === undefined) return undefined;
  const include = ['usr/include', 'usr/include/x86_64-linux-gnu', 'usr/include/aarch64-linux-gnu'];
  const folders = include.map((folder) => `-I${path.join(packages.root, folder)}`);
  const tcc = await findProgram(packages, 'tcc');
  await run(tcc, ['-nostdlib', ...folders, ...flags], { env: { ...process.env, ...packages.env } });
  return library;
}

/** Everything that is there already counts as durable. */
export async function openDisk(library: string, root: string, record: string): Promise<Disk> {
  await mkdir(record, { recursive: true });
  const env = { LD_PRELOAD: library, CROSSFADE_POWER_ROOT: root, CROSSFADE_POWER_DISK: record };
  await recordAll(root, record);
  return { root, record, env };
}

/**
 * The watched folder becomes what the disk has of it. Nothing may have it open any more.
 * @param survives asked for each sector that differs: whether the new one had reached the disk all the same
 */
export async function losePower(disk: Disk, survives: () => boolean = () => false): Promise<void> {
  const { root, record } = disk;
  const before = `${root}.before`;
  await rename(root, before);
  await restore(record, identityOf(await statOf(before)), before, root, survives);
  await chmod(root, (await lstat(before)).mode & 0o7777);
  await rm(before, { recursive: true, force: true });
  await rm(record, { recursive: true });
  await mkdir(record);
  await recordAll(root, record);
}

async function restore(
  record: string,
  folder: string,
  live: string,
  target: string,
  survives: () => boolean,
): Promise<void> {
  await mkdir(target);
  for (const { type, mode, id, name } of await namesOf(path.join(record, `d${folder}`))) {
    const [from, to] = [path.join(live, name), path.join(target, name)];
    if (type === 'd') await restore(record, id, from, to, survives);
    if (type === 'f') {
      const durable = await orNothing(readFile(path.join(record, `f${id}`)));
      const isSame = identityOf(await statOf(from).catch(() => undefined)) === id;
      const written = isSame ? await readFile(from) : durable;
      await writeFile(to, mixed(durable, written, survives));
    }
    if (type !== '-') await chmod(to, mode);
  }
}

/** Sectors reach the disk in any order, and not all of them do. */
function mixed(durable: Buffer, written: Buffer, survives: () => boolean): Buffer {
  const sectors: Buffer[] = [];
  for (let at = 0; at < Math.max(durable.length, written.length); at += SECTOR) {
    const [old, fresh] = [durable.subarray(at, at + SECTOR), written.subarray(at, at + SECTOR)];
    if (old.equals(fresh) || !survives()) {
      // The file never got longer: nothing behind can be there.
      if (old.length === 0) break;
      sectors.push(old);
    } else sectors.push(fresh);
  }
  return Buffer.concat(sectors);
}

interface Name {
  type: string;
  mode: number;
  id: string;
  name: string;
}

async function namesOf(file: string): Promise<Name[]> {
  const lines = (await orNothing(readFile(file))).toString().split('\n').slice(0, -1);
  return lines.map((line) => {
    const [type = '', mode = '', id = '', ...name] = line.split(' ');
    return { type, mode: Number.parseInt(mode, 8), id, name: name.join(' ') };
  });
}

async function recordAll(folder: string, record: string): Promise<void> {
  const lines: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const file = path.join(folder, entry.name);
    const stat = await statOf(file);
    const id = identityOf(stat);
    const type = entry.isDirectory() ? 'd' : entry.isFile() ? 'f' : '-';
    if (type === 'd') await recordAll(file, record);
    if (type === 'f') await writeFile(path.join(record, `f${id}`), await readFile(file));
    lines.push(`${type} ${(stat.mode & 0o7777n).toString(8)} ${id} ${entry.name}\n`);
  }
  await writeFile(path.join(record, `d${identityOf(await statOf(folder))}`), lines.join(''));
}

const statOf = (file: string): Promise<BigIntStats> => lstat(file, { bigint: true });

/** As recorder.c has it. */
function identityOf(stat: BigIntStats | undefined): string {
  if (stat === undefined) return 'none';
  return `${stat.ino}-${stat.birthtimeNs / 1_000_000_000n}.${stat.birthtimeNs % 1_000_000_000n}`;
}

async function orNothing(content: Promise<Buffer>): Promise<Buffer> {
  return content.catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  });
}

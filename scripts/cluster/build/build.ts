/** Builds the parts of a cluster, each once, into the cache that the tests share. */
import { createHash } from 'node:crypto';
import { globSync } from 'node:fs';
import { access, cp, mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { cacheFolder, unpackDebian } from '../../system-packages.ts';
import { whileClaimed } from './claim.ts';
import { fetchEnvoy } from './envoy.ts';
import { findGo, type Go } from './go.ts';
import { CRD_SETS, type CrdSet, linkerFlags, PARTS, type Part, SYSTEM_PACKAGES } from './parts.ts';

const SOURCES = path.join(path.dirname(import.meta.dirname), 'go');

export interface Programs {
  /** To run the programs with: finds them and their libraries. */
  env: { PATH: string; LD_LIBRARY_PATH: string };
  /** The folder of a part's programs. */
  folder: (part: string) => string;
  /** Folders of the custom resources that the routers need. */
  crds: readonly string[];
}

/** What a cluster may have beside what every cluster has. */
export interface Extras {
  /** Traefik, for routes and ingresses. */
  router: boolean;
  /** What plays nodes and pods that do not exist. */
  fakeNodes: boolean;
  /** Contour and Envoy, as a second implementation of the Gateway API: it mirrors requests. */
  envoy: boolean;
}

/** What a cluster has that nobody asks for something else. */
export const USUAL_EXTRAS: Extras = { router: true, fakeNodes: false, envoy: false };

export interface BuildOptions {
  extras: Partial<Extras>;
  tell: (line: string) => void;
}

/**
 * Every program of a cluster. What is in the cache is used; another process that builds is waited for.
 * @throws ClusterUnavailable, SystemPackagesUnavailable
 */
export async function buildPrograms({ extras: asked, tell }: BuildOptions): Promise<Programs> {
  const cache = cacheFolder();
  const extras = { ...USUAL_EXTRAS, ...asked };
  const parts = PARTS.filter(({ onlyFor }) => onlyFor === undefined || extras[onlyFor]);
  const folders = new Map<string, string>();
  for (const part of parts) folders.set(part.name, path.join(cache, 'cluster', await keyOf(part)));
  const sets = CRD_SETS.filter(({ onlyFor }) => onlyFor === undefined || extras[onlyFor]);
  const crds = new Map<CrdSet, string>();
  for (const set of sets) crds.set(set, path.join(cache, 'cluster', await keyOfCrds(set)));
  await buildMissing({ parts, folders, crds, cache, tell });
  const fetched = extras.envoy ? [await fetchEnvoy(cache)] : [];
  const system = await unpackDebian(SYSTEM_PACKAGES);
  const folder = (name: string) => path.join(folders.get(name) ?? fail(`no part ${name} was built`), 'bin');
  const own = parts.map(({ name }) => folder(name));
  const env = { ...system.env, PATH: [...own, ...fetched, system.env.PATH].join(path.delimiter) };
  return { env, folder, crds: [...crds.values()] };
}

interface Plan {
  parts: readonly Part[];
  folders: ReadonlyMap<string, string>;
  crds: ReadonlyMap<CrdSet, string>;
  cache: string;
  tell: (line: string) => void;
}

async function buildMissing({ parts, folders, crds, cache, tell }: Plan): Promise<void> {
  await mkdir(path.join(cache, 'cluster'), { recursive: true });
  for (const [index, part] of parts.entries()) {
    const folder = folders.get(part.name) ?? fail(`no folder for ${part.name}`);
    await unlessThere(folder, tell, async (work) => {
      const of = `${index + 1} of ${parts.length}`;
      tell(`building ${part.name} (${of}, once; about ${part.aboutMinutes} min on two cores) ...`);
      const startedAt = performance.now();
      await buildPart(await findGo(cache), part, work);
      tell(`built ${part.name} in ${Math.round((performance.now() - startedAt) / 1000)} s`);
    });
  }
  for (const [set, folder] of crds)
    await unlessThere(folder, tell, async (work) => copyCrds(await findGo(cache), set, work));
}

async function buildPart(go: Go, part: Part, work: string): Promise<void> {
  const source = path.join(SOURCES, part.name);
  const flags = linkerFlags(part, await readFile(path.join(source, 'go.mod'), 'utf8'));
  const [bin, own] = [path.join(work, 'bin'), path.join(work, 'own')];
  await mkdir(bin);
  await mkdir(own);
  const modules = part.instead ? await moduleInstead(go, source, part.instead, own) : [];
  const fixed = ['-mod=readonly', '-trimpath', ...modules, '-ldflags', flags, '-o', `${bin}/`];
  await go(source, ['build', ...fixed, part.packages]);
  await rm(own, { recursive: true });
  for (const link of part.links) await symlink(part.name, path.join(bin, link));
}

/** A copy of the module with our file in it, and a go.mod that names the copy: Go lets nothing stand in for files of its cache. */
async function moduleInstead(
  go: Go,
  source: string,
  { module, file, ours }: NonNullable<Part['instead']>,
  work: string,
): Promise<string[]> {
  const copy = path.join(work, 'module');
  await cp(await moduleFolder(go, source, module), copy, { recursive: true });
  const theirs = path.join(copy, file);
  if (!(await exists(theirs))) throw new Error(`${module} has no ${file} that ${ours} could stand in for`);
  await cp(path.join(source, ours), theirs);
  const goMod = await readFile(path.join(source, 'go.mod'), 'utf8');
  await writeFile(path.join(work, 'go.mod'), `${goMod}\nreplace ${module} => ${copy}\n`);
  await cp(path.join(source, 'go.sum'), path.join(work, 'go.sum'));
  return ['-modfile', path.join(work, 'go.mod')];
}

async function moduleFolder(go: Go, source: string, module: string): Promise<string> {
  const { Dir: folder } = JSON.parse(await go(source, ['mod', 'download', '-json', module])) as {
    Dir: string;
  };
  return folder;
}

/** The module may not be compiled, and then nothing else brings it here; go.sum covers it all the same. */
async function copyCrds(go: Go, { of, module, files }: CrdSet, work: string): Promise<void> {
  const folder = await moduleFolder(go, path.join(SOURCES, of), module);
  const found = globSync(files, { cwd: folder });
  if (found.length === 0) throw new Error(`${module} has no custom resources in ${files}`);
  for (const file of found) await cp(path.join(folder, file), path.join(work, path.basename(file)));
}

/** One process fills a folder, others wait for it. Half a result is never seen: it appears when it is complete. */
async function unlessThere(
  folder: string,
  tell: (line: string) => void,
  fill: (work: string) => Promise<void>,
): Promise<void> {
  if (await exists(folder)) return;
  await whileClaimed(`crossfade-${path.basename(folder)}`, tell, async () => {
    if (!(await exists(folder))) await into(folder, fill);
  });
}

async function into(folder: string, fill: (work: string) => Promise<void>): Promise<void> {
  const work = path.join(path.dirname(folder), `.building-${path.basename(folder)}`);
  // Of a build that was killed.
  await rm(work, { recursive: true, force: true });
  await mkdir(work);
  try {
    await fill(work);
    await rename(work, folder);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function keyOf(part: Part): Promise<string> {
  const files = globSync(`${part.name}/**/*.{go,mod,sum}`, { cwd: SOURCES }).sort();
  if (files.length === 0) throw new Error(`no sources of ${part.name} in ${SOURCES}`);
  return `${part.name}-${await hashOf(files, JSON.stringify(part))}`;
}

async function keyOfCrds({ name, of }: CrdSet): Promise<string> {
  return `${name}-${await hashOf([`${of}/go.mod`, `${of}/go.sum`])}`;
}

async function hashOf(files: readonly string[], more = ''): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify([process.arch, more]));
  for (const file of files) hash.update(await readFile(path.join(SOURCES, file)));
  return hash.digest('hex').slice(0, 12);
}

async function exists(file: string): Promise<boolean> {
  return await access(file).then(
    () => true,
    () => false,
  );
}

function fail(why: string): never {
  throw new Error(why);
}

/**
 * Installs what this checkout needs; silent when nothing is to do. It is the pre-script of demo, test and check, so it
 * runs on whatever Node the machine has (20 and later) and before any dependency exists: plain JavaScript, built-ins only.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const WANTED_MAJOR = 26;
const LOCK_WAIT_MS = 10 * 60_000;
const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const binFolder = path.join(root, 'node_modules', '.bin');
const bundledNode = `node-${process.platform}-${process.arch}`;
const lockFile = path.join(root, '.cache', 'setup.lock');

class SetupError extends Error {}

async function main() {
  if (!isInstalled()) await whileLocked(install);
  linkNode();
  requireNode();
}

/** npm keeps a lock file of what it really installed, and writes it last: compared with the one that is wanted. */
function isInstalled() {
  const wanted = readPackages(path.join(root, 'package-lock.json'));
  if (wanted === undefined)
    throw new SetupError('package-lock.json is missing or is not JSON. Restore it from git.');
  const installed = readPackages(path.join(root, 'node_modules', '.package-lock.json'));
  if (installed === undefined) return false;
  const upToDate = Object.entries(wanted).every(
    ([name, entry]) =>
      name === '' || installed[name]?.version === entry.version || mayLack(name, entry, installed),
  );
  return upToDate && Object.keys(installed).every((name) => name in wanted);
}

/** Optional packages are mostly those of other platforms; but what brings Node to this one is not optional here. */
function mayLack(name, entry, installed) {
  return entry.optional === true && !(name in installed) && name !== `node_modules/${bundledNode}`;
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages;
  } catch {
    return undefined;
  }
}

function install() {
  // Another run may have installed while this one waited.
  if (isInstalled()) return;
  console.log('setup: installing dependencies (npm ci) ...');
  const startedAt = Date.now();
  const [command, ...first] = npmCommand();
  const flags = ['ci', '--ignore-scripts', '--include=dev', '--include=optional', '--no-audit', '--no-fund'];
  const result = spawnSync(command, [...first, ...flags, '--loglevel=error'], {
    cwd: root,
    env: { ...process.env, PATH: pathWithoutCheckout() },
    encoding: 'utf8',
  });
  if (result.error || result.status !== 0) {
    const said = result.error?.message ?? `${result.stdout}${result.stderr}`.trim();
    throw new SetupError(`npm ci failed:\n${said}\n\nRun \`npm ci\` in ${root} to see it again.`);
  }
  console.log(`setup: installed in ${Math.round((Date.now() - startedAt) / 1000)} s`);
}

/** The npm that runs this script, else the one in PATH. */
function npmCommand() {
  const { npm_execpath: cli, npm_node_execpath: node } = process.env;
  // npm ci removes node_modules: a Node from there would lose its own files halfway.
  if (cli?.endsWith('npm-cli.js') && node && !node.startsWith(root)) return [node, cli];
  return ['npm'];
}

function pathWithoutCheckout() {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  return folders.filter((folder) => path.resolve(folder) !== binFolder).join(path.delimiter);
}

/**
 * Scripts find Node as node_modules/.bin/node. npm 10 removes that link again when it drops the same command of the
 * package for the other platform.
 */
function linkNode() {
  const link = path.join(binFolder, 'node');
  const target = path.join('..', bundledNode, 'bin', 'node');
  if (existsSync(link) || !existsSync(path.join(binFolder, target))) return;
  const made = `${link}.${process.pid}`;
  symlinkSync(target, made);
  renameSync(made, link);
}

/** The package for this platform brings Node; where there is none, the machine's own has to do. */
function requireNode() {
  const candidates = [path.join(binFolder, 'node'), 'node'];
  const found = [];
  for (const command of candidates) {
    const version = spawnSync(command, ['--version'], { encoding: 'utf8' }).stdout?.trim();
    if (version && Number.parseInt(version.slice(1), 10) >= WANTED_MAJOR) return;
    found.push(`  ${command}: ${version || 'does not run'}`);
  }
  const isBundled = `node_modules/${bundledNode}` in readPackages(path.join(root, 'package-lock.json'));
  throw new SetupError(
    `Crossfade needs Node ${WANTED_MAJOR} or later. Found:\n${found.join('\n')}\n${
      isBundled
        ? `The package ${bundledNode} should have brought it: run \`npm ci --include=optional\` and look at what it says.`
        : `No package brings Node for ${process.platform}-${process.arch}: install Node ${WANTED_MAJOR} (https://nodejs.org/) and put it first in PATH.`
    }`,
  );
}

/** One installation at a time in a checkout: two of them would remove each other's files. */
async function whileLocked(work) {
  mkdirSync(path.dirname(lockFile), { recursive: true });
  const giveUpAt = Date.now() + LOCK_WAIT_MS;
  for (let waited = false; !takeLock(); waited = true) {
    if (!waited && isAlive(lockOwner(lockFile)))
      console.log('setup: another run is installing, waiting for it ...');
    if (Date.now() > giveUpAt)
      throw new SetupError(`${lockFile} is still held by process ${lockOwner(lockFile)}.`);
    await sleep(200);
  }
  try {
    work();
  } finally {
    rmSync(lockFile, { force: true });
  }
}

function takeLock() {
  try {
    writeFileSync(lockFile, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    removeLockOfTheDead();
    return false;
  }
}

function removeLockOfTheDead() {
  const owner = lockOwner(lockFile);
  if (owner === undefined || isAlive(owner)) return;
  // Moved away rather than removed: between the look and the act it may have become the lock of a live process.
  const aside = `${lockFile}.${process.pid}`;
  try {
    renameSync(lockFile, aside);
    if (lockOwner(aside) === owner) rmSync(aside);
    else renameSync(aside, lockFile);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
}

function lockOwner(file) {
  try {
    return Number.parseInt(readFileSync(file, 'utf8'), 10) || undefined;
  } catch {
    return undefined;
  }
}

function isAlive(pid) {
  if (pid === undefined) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

try {
  await main();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`setup: ${error.message}`);
  process.exitCode = 1;
}

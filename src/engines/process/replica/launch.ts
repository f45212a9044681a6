import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import { chown, stat } from 'node:fs/promises';
import path from 'node:path';
import { OperatingError } from '../../../core/errors.ts';
import type { EngineContext } from '../context.ts';
import { makeFolders } from '../durable.ts';
import { appDataFolder, splitKey } from '../layout.ts';
import { openTheWay } from './access.ts';
import { checkCommand, withPort } from './command.ts';
import { OWNER_VARIABLE } from './members.ts';
import { type Intent, STATUS_FILE } from './records.ts';
import { SHIM } from './shim.ts';
import { type UserIds, userIds } from './user.ts';

/** What surrounds a replica's processes, its exec probes too. */
export interface Place {
  cwd: string;
  env: Record<string, string>;
  user: UserIds | undefined;
}

/** @throws OperatingError E_USER_*, E_WORKING_DIR, E_SNAPSHOT_LOST, E_CONFIG_FILE_LOST, E_DISK_FULL */
export async function preparePlace(
  context: EngineContext,
  intent: Intent,
  port: number | undefined,
  secrets: Record<string, string>,
): Promise<Place> {
  const { run } = intent;
  const tree = await context.trees.ensure(intent.revision.id, run);
  const cwd = path.join(tree, run.workingDir ?? '');
  await checkFolder(cwd, run.workingDir);
  const user = run.user === undefined ? undefined : userIds(run.user);
  const data = await dataFolder(context, intent, user);
  if (user) await openTheWay(cwd, context.layout.root, user);
  return { cwd, env: replicaEnvironment(context, intent, { port, data, secrets }), user };
}

/** What the shim is to start, checked. @throws OperatingError E_COMMAND_* */
export async function commandLine(intent: Intent, port: number | undefined, place: Place): Promise<string[]> {
  const command = withPort(intent.run.command, port);
  await checkCommand(command[0] ?? '', place.cwd, place.env.PATH ?? '');
  return [...argumentsForOddNames(place.env), ...command];
}

async function checkFolder(cwd: string, workingDir: string | undefined): Promise<void> {
  const found = await stat(cwd).catch(() => undefined);
  if (found?.isDirectory()) return;
  throw new OperatingError(
    'E_WORKING_DIR',
    `the working folder ${workingDir} ${found ? 'is not a folder' : 'does not exist'} in the source`,
    {
      hint: 'correct spec.run.workingDir; it is relative to spec.source',
    },
  );
}

async function dataFolder(
  context: EngineContext,
  intent: Intent,
  user: UserIds | undefined,
): Promise<string> {
  const folder = appDataFolder(context.layout, intent.app);
  await makeFolders(folder);
  if (user) {
    await openTheWay(path.dirname(folder), context.layout.root, user);
    if ((await stat(folder)).uid !== user.uid) await chown(folder, user.uid, user.gid);
  }
  return folder;
}

/** Nothing of the daemon's own environment; the names that Crossfade gives win over the App's. */
function replicaEnvironment(
  context: EngineContext,
  intent: Intent,
  given: { port: number | undefined; data: string; secrets: Record<string, string> },
): Record<string, string> {
  const { port, data, secrets } = given;
  const [namespace, name] = splitKey(intent.app);
  return {
    PATH: context.limits.path,
    HOME: data,
    LANG: 'C.UTF-8',
    ...intent.run.env,
    ...secrets,
    ...(port === undefined ? {} : { PORT: String(port) }),
    CROSSFADE_APP: name,
    CROSSFADE_NAMESPACE: namespace,
    CROSSFADE_REVISION: intent.revision.id,
    CROSSFADE_REPLICA: intent.replica,
    CROSSFADE_DATA: data,
    [OWNER_VARIABLE]: context.ownerOf(intent),
  };
}

/** A shell passes on only variables that it could have itself; env(1) sets the others (`Logging.Level`). */
function argumentsForOddNames(env: Record<string, string>): string[] {
  const odd = Object.entries(env).filter(([name]) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name));
  return odd.length === 0 ? [] : ['env', ...odd.map(([name, value]) => `${name}=${value}`)];
}

/**
 * Starts the shim in a session of its own. Its output goes to files that are appended to, not to pipes: a pipe would
 * end, and block the replica, when the daemon does. Synchronous: nothing can come between the last check and the start.
 */
export function startShim(
  folder: string,
  attempt: number,
  command: readonly string[],
  place: Place,
): ChildProcess {
  const open = (name: string) => fs.openSync(path.join(folder, name), 'a', 0o600);
  const files: number[] = [];
  try {
    for (const name of ['stdout.log', STATUS_FILE(attempt), 'stderr.log']) files.push(open(name));
    files.push(fs.openSync('/dev/null', 'r'));
    const [stdout, status, stderr, nothing] = files as [number, number, number, number];
    const child = spawn('/bin/sh', ['-c', SHIM, 'crossfade', ...command], {
      cwd: place.cwd,
      env: place.env,
      detached: true,
      stdio: covered(['ignore', stdout, 'ignore', status, stderr], nothing),
      ...place.user,
    });
    child.unref();
    return child;
  } finally {
    for (const file of files) fs.closeSync(file);
  }
}

/**
 * Node closes what it opened itself. What the daemon was given by whoever started it passes to every child, when its
 * number is high; neither Node nor a small shell can close it there, so something empty is put in its place.
 */
function covered(stdio: (number | 'ignore')[], nothing: number): (number | 'ignore')[] {
  const all = [...stdio];
  for (const fd of inheritable()) {
    while (all.length < fd) all.push('ignore');
    if (fd >= stdio.length) all[fd] = nothing;
  }
  return all;
}

const CLOSE_ON_EXEC = 0o2000000;

function inheritable(): number[] {
  const found: number[] = [];
  for (const name of fs.readdirSync('/proc/self/fdinfo')) {
    const flags = /^flags:\s*(\d+)/m.exec(readIfOpen(`/proc/self/fdinfo/${name}`))?.[1];
    if (flags !== undefined && (Number.parseInt(flags, 8) & CLOSE_ON_EXEC) === 0) found.push(Number(name));
  }
  return found.sort((a, b) => a - b);
}

/** The list names the file through which it was read too, which is closed by now. */
function readIfOpen(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

import fs from 'node:fs';
import { OperatingError } from '../../../core/errors.ts';

export interface UserIds {
  uid: number;
  gid: number;
}

/**
 * `name`, `uid`, `name:group` or `uid:gid`. Undefined: it is the user of the daemon, nothing to change.
 * @throws OperatingError E_USER_UNKNOWN, E_USER_NOT_ALLOWED
 */
export function userIds(wanted: string): UserIds | undefined {
  const [name = '', group] = wanted.split(':');
  const user = readUser(name);
  if (!user) throw unknown('user', name);
  const gid = group === undefined ? user.gid : readGroup(group);
  if (gid === undefined) throw unknown('group', group ?? '');
  const self = process.getuid?.();
  if (self === user.uid && (self !== 0 ? group === undefined || gid === process.getgid?.() : gid === 0))
    return undefined;
  if (self === 0) return { uid: user.uid, gid };
  throw new OperatingError(
    'E_USER_NOT_ALLOWED',
    `the daemon runs as user ${self} and cannot start replicas as ${wanted}`,
    {
      hint: 'run the daemon as root to use spec.run.user, or leave the field out',
    },
  );
}

function readUser(name: string): UserIds | undefined {
  const entry = entryOf('/etc/passwd', name);
  if (entry) return { uid: Number(entry[2]), gid: Number(entry[3]) };
  return /^\d+$/.test(name) ? { uid: Number(name), gid: Number(name) } : undefined;
}

function readGroup(name: string): number | undefined {
  const entry = entryOf('/etc/group', name);
  if (entry) return Number(entry[2]);
  return /^\d+$/.test(name) ? Number(name) : undefined;
}

/** By name, or by number: a number that has an entry gets its group. */
function entryOf(file: string, name: string): string[] | undefined {
  const entries = fs
    .readFileSync(file, 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  return entries.find((entry) => entry[0] === name) ?? entries.find((entry) => entry[2] === name);
}

function unknown(what: 'user' | 'group', name: string): OperatingError {
  return new OperatingError(
    'E_USER_UNKNOWN',
    `there is no ${what} ${JSON.stringify(name)} on this machine (spec.run.user)`,
    {
      hint: `create it, or correct spec.run.user`,
    },
  );
}

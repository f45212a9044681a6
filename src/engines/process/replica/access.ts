import fs from 'node:fs/promises';
import path from 'node:path';
import { OperatingError } from '../../../core/errors.ts';
import { isWithin } from '../prepare/scan.ts';
import type { UserIds } from './user.ts';

/**
 * A replica with a user of its own must be able to enter the folders above its own. Those of Crossfade are opened for
 * passing through, never for listing; those of others are not touched. @throws OperatingError E_USER_NO_ACCESS
 */
export async function openTheWay(target: string, stateDir: string, user: UserIds): Promise<void> {
  const folder = path.dirname(target);
  if (folder !== target) await openTheWay(folder, stateDir, user);
  const stat = await fs.stat(target);
  if (mayEnter(stat, user)) return;
  if (isWithin(stateDir, target)) {
    await fs.chmod(target, (stat.mode & 0o7777) | 0o011);
    return;
  }
  throw new OperatingError(
    'E_USER_NO_ACCESS',
    `the user of the replica (uid ${user.uid}) may not enter ${target}, which is above its working folder`,
    {
      hint: 'move the state folder to a place that it may enter, such as /var/lib/crossfade, with --state-dir',
    },
  );
}

function mayEnter(stat: { uid: number; gid: number; mode: number }, user: UserIds): boolean {
  if (stat.uid === user.uid) return (stat.mode & 0o100) !== 0;
  if (stat.gid === user.gid) return (stat.mode & 0o010) !== 0;
  return (stat.mode & 0o001) !== 0;
}

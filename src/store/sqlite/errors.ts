import { accessSync, constants, statfsSync } from 'node:fs';
import path from 'node:path';
import { OperatingError } from '../../core/errors.ts';

/** Primary result codes of SQLite: the low byte of an extended code. */
const BUSY = 5;
const READONLY = 8;
const IOERR = 10;
const CORRUPT = 11;
const FULL = 13;
const CANTOPEN = 14;
const NOTADB = 26;

/** The primary SQLite result code of an error that node:sqlite threw; undefined for anything else. */
function resultCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number')
    return undefined;
  return error.errcode & 0xff;
}

export function isBusy(error: unknown): boolean {
  return resultCode(error) === BUSY;
}

/** A system call failed because the disk, or the user's share of it, is full. */
export function isNoRoom(error: unknown): boolean {
  return hasErrno(error, 'ENOSPC') || hasErrno(error, 'EDQUOT');
}

/** The write failed because there is no room. An I/O error says nothing by itself: then the file system is asked. */
export function isDiskFull(error: unknown, file: string): boolean {
  if (isNoRoom(error)) return true;
  const code = resultCode(error);
  if (code === FULL) return true;
  return (code === IOERR || code === CANTOPEN) && hasNoRoom(path.dirname(file));
}

/** Turns what SQLite or the file system says into what an operator can do about it; passes on what is neither. */
export function asOperatingError(error: unknown, file: string): unknown {
  if (error instanceof OperatingError) return error;
  if (isDiskFull(error, file)) return diskFull(file, error);
  const code = resultCode(error);
  if (code === CORRUPT || code === NOTADB) return storeCorrupt(file, (error as Error).message, error);
  const onDisk = code === READONLY || code === IOERR || code === CANTOPEN;
  // Node's recursive mkdir answers ENOENT on a read-only file system.
  const onFolder = ['EROFS', 'EACCES', 'EPERM', 'ENOENT'].some((errno) => hasErrno(error, errno));
  if ((onDisk || onFolder) && !isWritable(path.dirname(file))) {
    return readOnly(file, error);
  }
  if (onDisk || code === BUSY) return ioFailed(file, error as Error);
  return error;
}

export function storeCorrupt(file: string, what: string, cause?: unknown): OperatingError {
  return new OperatingError('E_STORE_CORRUPT', `The state in ${file} is damaged: ${what}.`, {
    hint:
      'Nothing was changed in it. Running replicas and the router go on as they are. Restore the state folder from a ' +
      'backup, or move it away and apply the Apps again with an empty one.',
    details: { file },
    cause,
  });
}

function diskFull(file: string, cause: unknown): OperatingError {
  return new OperatingError('E_DISK_FULL', `There is no room left on the disk for the state in ${file}.`, {
    hint: 'Nothing was changed. Free some space on that disk and try again.',
    details: { file },
    cause,
  });
}

function readOnly(file: string, cause: unknown): OperatingError {
  return new OperatingError('E_READ_ONLY', `The state folder ${path.dirname(file)} cannot be written to.`, {
    hint: 'Mount it writable, check its owner and mode, or name another folder with --state-dir.',
    details: { file },
    cause,
  });
}

function ioFailed(file: string, cause: Error): OperatingError {
  return new OperatingError(
    'E_STORE_IO',
    `The state in ${file} could not be read or written: ${cause.message}.`,
    {
      hint: 'Nothing was changed. Look at the system log for disk errors, and at who else has the file open.',
      details: { file },
      cause,
    },
  );
}

function hasErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

/** Of a folder that is not there yet: whether it could be made. */
function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch (error) {
    const parent = path.dirname(folder);
    return hasErrno(error, 'ENOENT') && parent !== folder && isWritable(parent);
  }
}

function hasNoRoom(folder: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize < 64 * 1024;
  } catch {
    return false;
  }
}

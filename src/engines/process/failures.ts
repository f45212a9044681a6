import { OperatingError } from '../../core/errors.ts';

/** The system's error code (ENOENT ...) of something that was thrown. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

export function isMissing(error: unknown): boolean {
  return systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR';
}

/**
 * What the machine refuses whatever is being done, in words. Everything else comes back as it is.
 * `doing` completes "while ...".
 */
export function explained(error: unknown, doing: string, stateDir: string): unknown {
  if (error instanceof OperatingError) return error;
  const cause = { cause: error, details: { stateDir } };
  switch (systemCode(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new OperatingError('E_DISK_FULL', `no space left below ${stateDir} while ${doing}`, {
        hint: 'free some space there and try again; nothing was changed',
        ...cause,
      });
    case 'EROFS':
      return new OperatingError(
        'E_STATE_READ_ONLY',
        `${stateDir} is on a read-only file system (while ${doing})`,
        {
          hint: 'mount it writable, or choose another folder with --state-dir',
          ...cause,
        },
      );
    case 'EMFILE':
    case 'ENFILE':
      return new OperatingError('E_TOO_MANY_FILES', `no more files can be opened while ${doing}`, {
        hint: 'raise the limit of open files (ulimit -n, LimitNOFILE=) of the daemon',
        ...cause,
      });
    default:
      return error;
  }
}

/** One sentence for people out of anything that was thrown. */
export function sentence(error: unknown): string {
  if (error instanceof OperatingError) return error.hint ? `${error.message}: ${error.hint}` : error.message;
  return error instanceof Error ? error.message : String(error);
}

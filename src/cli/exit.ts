import { OperatingError } from '../core/errors.ts';

/** What the program answers its caller with; docs/reference/cli.md lists them. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  badFile: 3,
  notFound: 4,
  refused: 5,
  aborted: 6,
  timeout: 7,
  unreachable: 8,
  /** Ctrl-C, as shells report it. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export const EXIT_MEANING: Record<ExitCode, string> = {
  0: 'All is well.',
  1: 'Something failed that has no number of its own. `diff`: there are differences. `doctor`: a check failed.',
  2: 'The command line is wrong: unknown command or flag, missing argument, a value that cannot be read.',
  3: 'An App file is wrong or cannot be read. Nothing was changed.',
  4: 'No such App, revision, release, secret or token.',
  5: 'Refused: a conflict, a held revision, a source that cannot be built, a verb that makes no sense now, no permission.',
  6: 'The release was aborted or superseded. Users are on the stable revision.',
  7: 'Time is up, or the release ended inconclusive. `--timeout` ends the waiting, never the release.',
  8: 'The daemon cannot be reached, could not be started, or went away before it had answered.',
  130: 'Ctrl-C ended the watching. The release goes on.',
};

/** Ends the program with this code; everything worth saying has been printed. */
export class Exit extends Error {
  readonly code: ExitCode;

  constructor(code: ExitCode) {
    super(`exit ${code}`);
    this.name = 'Exit';
    this.code = code;
  }
}

const BY_CODE: Record<string, ExitCode> = {
  E_USAGE: EXIT.usage,
  E_APP_FILE: EXIT.badFile,
  E_TIMEOUT: EXIT.timeout,
  E_DAEMON_UNREACHABLE: EXIT.unreachable,
  E_DAEMON_GONE: EXIT.unreachable,
  E_DAEMON_START: EXIT.unreachable,
  E_DAEMON_FORBIDDEN: EXIT.unreachable,
  E_DAEMON_RUNNING: EXIT.refused,
};

const BY_STATUS: Record<number, ExitCode> = {
  400: EXIT.usage,
  401: EXIT.refused,
  403: EXIT.refused,
  404: EXIT.notFound,
  409: EXIT.refused,
  412: EXIT.refused,
  422: EXIT.refused,
};

/** By the error's own code first, by its family next, by the HTTP status it came with last. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof Exit) return error.code;
  if (!(error instanceof OperatingError)) return EXIT.failed;
  const own = BY_CODE[error.code];
  if (own !== undefined) return own;
  if (/^E_(SPEC|FILE|YAML|FIELD)/.test(error.code)) return EXIT.badFile;
  if (isNotFound(error)) return EXIT.notFound;
  if (/^E_(ADOPTION_REFUSED|RELEASE_REFUSED|CONFLICT|REFUSED|HELD|FORBIDDEN|UNAUTHORIZED)/.test(error.code))
    return EXIT.refused;
  if ('status' in error && typeof error.status === 'number') return BY_STATUS[error.status] ?? EXIT.failed;
  return EXIT.failed;
}

/** There is no such App, revision, secret ...; not a command or file that an App file names. */
export function isNotFound(error: unknown): boolean {
  return (
    error instanceof OperatingError &&
    /^E_(APP_|DEPLOYMENT_|NAMESPACE_|REVISION_|REPLICA_|SECRET_|TOKEN_)?NOT_FOUND$/.test(error.code)
  );
}

/** The command line is wrong in a way that only the command itself can know. */
export function usageError(message: string, hint?: string): OperatingError {
  return new OperatingError('E_USAGE', message, hint === undefined ? {} : { hint });
}

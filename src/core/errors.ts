/**
 * Operating errors: what can go wrong without a bug. Each has a stable code (docs/errors.md), says what happened in a
 * sentence, and what to do next. Broken invariants are plain Errors and stop what they concern.
 */
export class OperatingError extends Error {
  readonly code: string;
  /** What the user can do about it. */
  readonly hint: string | undefined;
  /** File, line, field, object: whatever helps to find the place. */
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(
    code: `E_${string}`,
    message: string,
    options: { hint?: string; details?: Record<string, unknown>; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'OperatingError';
    this.code = code;
    this.hint = options.hint;
    this.details = options.details;
  }
}

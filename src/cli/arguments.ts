import { InvalidArgumentError } from 'commander';
import { usageError } from './exit.ts';
import { parseDurationMs } from './output/units.ts';

/** Readers of single values on the command line, in kubectl's forms. */

/**
 * `shop`, `app/shop`, `app shop`, `apps/shop other` and so on, to names.
 * @throws OperatingError E_USAGE for another kind of object
 */
export function appNames(args: readonly string[]): string[] {
  const [first, ...rest] = args;
  const names = first !== undefined && rest.length > 0 && isAppKind(first) ? rest : args;
  return names.map(appName);
}

/** Exactly one App. */
export function oneAppName(args: readonly string[]): string {
  const names = appNames(args);
  const [name] = names;
  if (name === undefined || names.length > 1) {
    throw usageError(`one App is expected, ${names.length} were named: ${names.join(', ')}`);
  }
  return name;
}

function appName(arg: string): string {
  const slash = arg.indexOf('/');
  if (slash < 0) return arg;
  const kind = arg.slice(0, slash);
  if (!isAppKind(kind)) {
    throw usageError(`${arg} names a ${kind}, but only Apps are known here`, 'write NAME or app/NAME');
  }
  return arg.slice(slash + 1);
}

export function isAppKind(word: string): boolean {
  return /^apps?(\.crossfade\.dev)?$/i.test(word);
}

export function durationMs(text: string): number {
  const ms = parseDurationMs(text);
  if (ms === undefined)
    throw new InvalidArgumentError('a duration with its unit is expected, like 30s, 5m or 1h30m.');
  return ms;
}

export function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(Number(text))) {
    throw new InvalidArgumentError('a whole number, 0 or more, is expected.');
  }
  return Number(text);
}

/** For options that may be given several times. */
export function collect(value: string, previous: string[] | undefined): string[] {
  return [...(previous ?? []), value];
}

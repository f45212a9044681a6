import fs from 'node:fs/promises';
import path from 'node:path';
import { OperatingError } from '../../../core/errors.ts';
import type { Ms, Reason } from '../../../core/model.ts';
import type { EngineContext } from '../context.ts';
import { readText } from '../durable.ts';
import { sentence } from '../failures.ts';
import { HEALTHY_AGAIN_MS } from './backoff.ts';
import { listeningSockets } from './listeners.ts';
import { type Attempt, STATUS_FILE } from './records.ts';
import { type Exit, parseStatus } from './shim.ts';

/** The next start of the command: on the same port, as routers know it, unless it has none. */
export async function nextAttempt(
  context: EngineContext,
  before: Attempt,
  hasPort: boolean,
): Promise<Attempt> {
  const port = hasPort ? (before.port ?? (await context.ports.allocate())) : undefined;
  return {
    ...before,
    number: before.number + 1,
    bootId: context.bootId,
    startedAt: context.clock.wall(),
    ended: false,
    ...(port === undefined ? {} : { port }),
  };
}

/** As the shim recorded it; null and null when the shim itself was killed. */
export async function exitOfAttempt(folder: string, attempt: Attempt, now: Ms): Promise<Exit & { at: Ms }> {
  const file = path.join(folder, STATUS_FILE(attempt.number));
  const status = parseStatus((await readText(file)) ?? '');
  const at = status.exit ? (await fs.stat(file)).mtimeMs : now;
  return { ...(status.exit ?? { code: null, signal: null }), at: Math.round(at) };
}

export function withExit(attempt: Attempt, exit: Exit & { at: Ms }, readyForMs: Ms): Attempt {
  const failuresInRow = readyForMs >= HEALTHY_AGAIN_MS ? 1 : attempt.failuresInRow + 1;
  // Getting ready after a restart does not make the exit before it a crash.
  const crashes = (attempt.crashes ?? 0) + (attempt.wasReady ? 1 : 0);
  return { ...attempt, ended: true, lastExit: exit, restarts: attempt.restarts + 1, crashes, failuresInRow };
}

/** Nothing of the replica is alive: whoever listens on its port is someone else. */
export async function portWasTaken(attempt: Attempt, tail: readonly string[]): Promise<boolean> {
  const { port } = attempt;
  if (port === undefined) return false;
  const said = tail.some(
    (line) => /EADDRINUSE|address (is )?already in use/i.test(line) && line.includes(String(port)),
  );
  return said || listeningSockets(port).size > 0;
}

export async function forgetStatus(folder: string, attempt: number): Promise<void> {
  await fs.rm(path.join(folder, STATUS_FILE(attempt)), { force: true });
}

export function failureOf(error: unknown): Reason {
  const code = error instanceof OperatingError ? error.code : 'E_START_FAILED';
  return { code, message: sentence(error) };
}

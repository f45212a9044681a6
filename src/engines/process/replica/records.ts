import { renameSync, writeFileSync } from 'node:fs';
import fs from 'node:fs/promises';
import path from 'node:path';
import type { AppKey, Ms, PoolId, ReplicaId, RevisionId, RunSpec } from '../../../core/model.ts';
import {
  namesIn,
  readText,
  removeTree,
  replaceFile,
  syncFolder,
  temporaryBeside,
  writeDurable,
} from '../durable.ts';
import type { Exit } from './shim.ts';

/** Why a replica exists and all that is needed to start it again without the store. Never changes. */
export interface Intent {
  schema: 1;
  app: AppKey;
  pool: PoolId;
  replica: ReplicaId;
  revision: { id: RevisionId; number: number };
  run: RunSpec;
  /** The App's own number for its port: a probe that names it means the replica's port. */
  appPort?: number;
  /** For a restart that liveness asks for. */
  graceMs: Ms;
  createdAt: Ms;
  stateVersion: number;
}

/** One start of the replica's command. */
export interface Attempt {
  /** From 1. */
  number: number;
  bootId: string;
  startedAt: Ms;
  port?: number;
  restarts: number;
  /** Those after it had been ready; absent: none. */
  crashes?: number;
  /** Exits in a row without having been healthy for long; decides the back-off. */
  failuresInRow: number;
  wasReady: boolean;
  /** Its exit is in lastExit and counted. */
  ended: boolean;
  lastExit?: Exit & { at: Ms };
}

/** What is wanted of a replica. */
export type Wish =
  | { kind: 'wanted' }
  | { kind: 'stopping'; graceMs: Ms; deadlineMonotonicMs: Ms; stateVersion: number }
  | { kind: 'gone' };

const INTENT = 'intent.json';
const ATTEMPT = 'attempt.json';
const WANTED = 'wanted';
const GONE = 'gone';
const STOPPING = 'stopping.';

export const STATUS_FILE = (attempt: number) => `status.${attempt}`;

/** The folder appears complete or not at all; durable before anything is started. */
export async function writeIntent(folder: string, intent: Intent): Promise<void> {
  const temporary = temporaryBeside(folder);
  try {
    await fs.mkdir(temporary, { mode: 0o700 });
    await fs.writeFile(path.join(temporary, WANTED), '');
    await writeDurable(path.join(temporary, INTENT), JSON.stringify(intent));
    await fs.rename(temporary, folder);
  } catch (error) {
    await removeTree(temporary);
    throw error;
  }
  await syncFolder(path.dirname(folder));
}

/** Undefined: not a replica's folder, or one that is being removed. */
export async function readIntent(folder: string): Promise<Intent | undefined> {
  const text = await readText(path.join(folder, INTENT));
  return parsed<Intent>(text);
}

/** Not synced: after a power cut no process of this boot is left that it could be about. */
export async function writeAttempt(folder: string, attempt: Attempt): Promise<void> {
  await replaceFile(path.join(folder, ATTEMPT), JSON.stringify(attempt));
}

/** At once, so that whoever sees a replica ready finds it recorded, also when this process dies the moment after. */
export function writeAttemptNow(folder: string, attempt: Attempt): void {
  const target = path.join(folder, ATTEMPT);
  const temporary = temporaryBeside(target);
  writeFileSync(temporary, JSON.stringify(attempt), { mode: 0o600 });
  renameSync(temporary, target);
}

export async function readAttempt(folder: string): Promise<Attempt | undefined> {
  const text = await readText(path.join(folder, ATTEMPT));
  return parsed<Attempt>(text);
}

/** What a power cut left unreadable is as good as absent: no process of that boot is left, and the id is not reused. */
function parsed<T>(text: string | undefined): T | undefined {
  try {
    return text === undefined ? undefined : (JSON.parse(text) as T);
  } catch {
    return undefined;
  }
}

export async function readWish(folder: string): Promise<Wish> {
  return wishIn(await namesIn(folder)).wish;
}

/** Renames one empty file: needs no space, so that a replica can be stopped on a full disk. Durable. */
export async function writeWish(folder: string, wish: Exclude<Wish, { kind: 'wanted' }>): Promise<void> {
  const current = wishIn(await namesIn(folder));
  if (current.wish.kind === 'gone') return;
  await fs.rename(path.join(folder, current.file), path.join(folder, fileOf(wish)));
  await syncFolder(folder);
}

function fileOf(wish: Exclude<Wish, { kind: 'wanted' }>): string {
  if (wish.kind === 'gone') return GONE;
  return `${STOPPING}${wish.graceMs}.${Math.ceil(wish.deadlineMonotonicMs)}.${wish.stateVersion}`;
}

function wishIn(names: readonly string[]): { wish: Wish; file: string } {
  if (names.includes(GONE)) return { wish: { kind: 'gone' }, file: GONE };
  const stopping = names.find((name) => name.startsWith(STOPPING));
  if (stopping === undefined) return { wish: { kind: 'wanted' }, file: WANTED };
  const [graceMs = 0, deadlineMonotonicMs = 0, stateVersion = 0] = stopping
    .slice(STOPPING.length)
    .split('.')
    .map(Number);
  return { wish: { kind: 'stopping', graceMs, deadlineMonotonicMs, stateVersion }, file: stopping };
}

import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EngineContext } from './context.ts';
import { namesIn, readText, removeTemporaries } from './durable.ts';
import { allOwned, signalAll } from './replica/members.ts';
import { sameProcessLives } from './replica/procfs.ts';
import {
  type Attempt,
  type Intent,
  readAttempt,
  readIntent,
  readWish,
  STATUS_FILE,
} from './replica/records.ts';
import { adopted } from './replica/running.ts';
import { parseStatus } from './replica/shim.ts';
import { type Beginning, Supervisor } from './replica/supervisor.ts';

export const NOT_STARTED: Attempt = {
  number: 0,
  bootId: '',
  startedAt: 0,
  restarts: 0,
  failuresInRow: 0,
  wasReady: false,
  ended: true,
};

/** Every replica that is wanted, or still stopping, as the daemon before left it. Nothing is begun yet. */
export async function findReplicas(
  context: EngineContext,
  gone: (supervisor: Supervisor) => void,
): Promise<{ supervisor: Supervisor; beginning: Beginning }[]> {
  const found: { supervisor: Supervisor; beginning: Beginning }[] = [];
  for (const namespace of await namesIn(context.layout.run)) {
    for (const app of await namesIn(path.join(context.layout.run, namespace))) {
      const folder = path.join(context.layout.run, namespace, app);
      await removeTemporaries(folder);
      for (const replica of await namesIn(folder)) {
        const one = await findReplica(context, path.join(folder, replica), gone);
        if (one) found.push(one);
      }
    }
  }
  return found;
}

async function findReplica(context: EngineContext, folder: string, gone: (supervisor: Supervisor) => void) {
  const intent = await readIntent(folder);
  const wish = await readWish(folder);
  if (!intent || wish.kind === 'gone') return undefined;
  const recorded = (await readAttempt(folder)) ?? { ...NOT_STARTED, startedAt: intent.createdAt };
  const { beginning, attempt } = await beginningOf(context, folder, intent, recorded);
  const supervisor: Supervisor = new Supervisor({
    context,
    folder,
    intent,
    wish,
    attempt: claimPort(context, attempt),
    gone: () => gone(supervisor),
  });
  return { supervisor, beginning };
}

/** Two replicas with one port cannot be: the later one gets another when it starts. */
function claimPort(context: EngineContext, attempt: Attempt): Attempt {
  if (attempt.port === undefined || context.ports.claim(attempt.port)) return attempt;
  const { port: _, ...rest } = attempt;
  return rest;
}

async function beginningOf(
  context: EngineContext,
  folder: string,
  intent: Intent,
  attempt: Attempt,
): Promise<{ beginning: Beginning; attempt: Attempt }> {
  // Pids of another boot name other processes now. What it starts as is new: that it is slow is not that it broke.
  if (attempt.bootId !== context.bootId)
    return { beginning: { kind: 'start' }, attempt: { ...attempt, ended: true, wasReady: false } };
  if (attempt.ended) return { beginning: { kind: 'start' }, attempt };
  const status = parseStatus((await readText(path.join(folder, STATUS_FILE(attempt.number)))) ?? '');
  if (status.exit) return { beginning: { kind: 'ended' }, attempt };
  if (status.leader && sameProcessLives(status.leader)) {
    return { beginning: { kind: 'adopt', running: adopted(status.leader) }, attempt };
  }
  if (status.leader) return { beginning: { kind: 'ended' }, attempt };
  // The daemon died between writing the attempt and its start, or so soon after that the shim had not recorded itself.
  context.logger.info(
    { app: intent.app, replica: intent.replica },
    'a start was not recorded: it is made again',
  );
  return { beginning: { kind: 'start' }, attempt: { ...attempt, ended: true } };
}

const STRAY_LOOK_MS = 20;
const STRAY_LOOKS = 250;

/**
 * Ends everything that this installation started and that is not adopted: starts that were not recorded, builds,
 * processes of replicas whose folder is gone. @param adopted marks of the replicas that are adopted or stopping
 */
export async function endStrays(
  context: EngineContext,
  installation: string,
  adopted: ReadonlySet<string>,
): Promise<void> {
  for (let round = 0; round < STRAY_LOOKS; round++) {
    const strays = allOwned(installation).filter(({ owner }) => !adopted.has(owner));
    if (strays.length === 0) return;
    const processes = strays.map((stray) => stray.process);
    if (round === 0) {
      const named = strays.map(({ process, owner }) => `${process.pid} (${owner})`);
      context.logger.warn(
        { processes: named },
        'ended processes of an earlier daemon that belong to no replica',
      );
    }
    signalAll(processes, 'SIGKILL');
    await sleep(STRAY_LOOK_MS);
  }
  context.logger.warn(
    {},
    'processes of an earlier daemon do not end though they were killed; they are left behind',
  );
}

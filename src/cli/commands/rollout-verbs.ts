import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import type { Client } from '../../api/client.ts';
import type { AppView, CommandRequest, CommandResponse } from '../../api/types.ts';
import { OperatingError } from '../../core/errors.ts';
import { durationMs, oneAppName } from '../arguments.ts';
import type { CliContext } from '../context.ts';
import { EXIT, Exit } from '../exit.ts';
import { followRelease } from '../follow.ts';
import { type Session, withSession } from '../session.ts';

interface VerbFlags {
  reason?: string;
  full?: boolean;
  toRevision?: string;
  wait?: boolean;
  timeout?: number;
}

interface Verb {
  verb: CommandRequest['verb'];
  summary: string;
  description: string;
  /** It starts or ends a release, so there is something to wait for. */
  moves: boolean;
  extra?: (command: Command) => Command;
}

const VERBS: Verb[] = [
  {
    verb: 'undo',
    summary: 'back to the previous revision, or to another one',
    description:
      'Goes back to the previous revision, or to --to-revision. While that one is warm it is one route change, under a second; otherwise its replicas are started first. A running release is taken back by `abort`.',
    moves: true,
    extra: (command) =>
      command.option('--to-revision <number|id>', 'which revision; absent: the previous one'),
  },
  {
    verb: 'pause',
    summary: 'hold the release where it is',
    description:
      'Holds the release where it is: no further stage begins. Abort, health checks and scaling go on working.',
    moves: false,
  },
  {
    verb: 'resume',
    summary: 'go on after `rollout pause`',
    description:
      'Lets a release go on that `rollout pause` held. A pause step of the strategy is ended by `promote`.',
    moves: false,
  },
  {
    verb: 'restart',
    summary: 'replace every replica by a fresh one of the same revision',
    description: 'Releases the same revision again with new replicas, without losing a request.',
    moves: true,
  },
  {
    verb: 'promote',
    summary: 'pass the pause or approval that the release waits for',
    description:
      'Passes the pause or approval that the release waits for. With --full the rest of the stages is skipped and everything goes to the new revision as soon as it is ready.',
    moves: true,
    extra: (command) => command.option('--full', 'skip all remaining stages'),
  },
  {
    verb: 'abort',
    summary: 'end the release: stable gets all requests again',
    description:
      'Ends the release and gives all requests back to the stable revision. The candidate is held afterwards.',
    moves: true,
  },
  {
    verb: 'retry',
    summary: 'release a held revision again',
    description: 'Starts the release of a revision again that was aborted or undone.',
    moves: true,
  },
];

export function registerVerbs(rollout: Command, ctx: CliContext): void {
  for (const verb of VERBS) registerVerb(rollout, ctx, verb);
}

function registerVerb(
  rollout: Command,
  ctx: CliContext,
  { verb, summary, description, moves, extra }: Verb,
): void {
  const command = rollout
    .command(verb)
    .summary(summary)
    .description(description)
    .argument('<app...>', 'app/NAME or NAME');
  extra?.(command);
  command.option('--reason <text>', 'why, for the audit log');
  if (moves) {
    command
      .option('--wait', 'follow the release and end with it')
      .option('--timeout <duration>', 'with --wait: give up watching after this long', durationMs);
  }
  command.action(
    withSession(ctx, async (session, args: string[], flags: VerbFlags) => {
      const ref = session.ref(oneAppName(args));
      const client = await session.client();
      const before = flags.wait ? await client.app(ref) : undefined;
      const response = await client.command(ref, requestOf(verb, flags));
      if (response.result === 'refused') throw refusal(verb, ref.name, response);
      sayDone(session, verb, ref.name, response);
      if (before !== undefined) await waitForEnd({ session, client, verb, before, flags });
      else if (session.out.structured) session.out.object(response.app);
    }),
  );
}

function sayDone(
  { out }: Session,
  verb: CommandRequest['verb'],
  name: string,
  { message }: CommandResponse,
): void {
  const line = `app/${name} ${PAST[verb]}${message === '' ? '' : `: ${message}`}`;
  if (out.structured) out.note(line);
  else out.print(line);
}

interface Waiting {
  session: Session;
  client: Client;
  verb: CommandRequest['verb'];
  before: AppView;
  flags: VerbFlags;
}

async function waitForEnd({ session, client, verb, before, flags }: Waiting): Promise<void> {
  const { name, namespace, generation } = before.metadata;
  const followed = await followRelease({
    session,
    client,
    ref: { name, namespace },
    goal: {
      generation,
      before: [before.status.lastRelease].flatMap((release) => release?.id ?? []),
      releaseIsCertain: true,
    },
    // Ending the release is what was asked for.
    abortIsWanted: verb === 'abort',
    ...(flags.timeout === undefined ? {} : { timeoutMs: flags.timeout }),
  });
  if (session.out.structured && followed.app !== undefined) session.out.object(followed.app);
  if (followed.exit !== EXIT.ok) throw new Exit(followed.exit);
}

const PAST: Record<CommandRequest['verb'], string> = {
  undo: 'rolled back',
  pause: 'paused',
  resume: 'resumed',
  restart: 'restarted',
  promote: 'promoted',
  abort: 'aborted',
  retry: 'retried',
};

function requestOf(verb: CommandRequest['verb'], flags: VerbFlags): CommandRequest {
  return {
    // The id makes a repeated request harmless: the daemon applies each one once.
    id: randomUUID(),
    verb,
    ...(flags.reason === undefined ? {} : { reason: flags.reason }),
    ...(flags.full ? { full: true } : {}),
    ...(flags.toRevision === undefined ? {} : { toRevision: flags.toRevision.replace(/^#/, '') }),
  };
}

function refusal(verb: string, name: string, { reason, message }: CommandResponse): OperatingError {
  const why = reason === null ? message : `${reason.message} (${reason.code})`;
  return new OperatingError('E_REFUSED', `${verb} of app "${name}" was refused: ${why}`, {
    hint: `see where it stands: crossfade status ${name}`,
    ...(reason === null ? {} : { details: { reason } }),
  });
}

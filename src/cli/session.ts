import type { Command } from 'commander';
import type { AppRef, Client } from '../api/client.ts';
import { createClient } from '../api/client.ts';
import { connectOrStart, whenRunning } from './connect.ts';
import type { CliContext, Cluster } from './context.ts';
import { usageError } from './exit.ts';
import { actorOf, clusterTargetOf, type GlobalFlags, socketPathOf, stateDirOf } from './globals.ts';
import { createOutput, type Output } from './output/output.ts';

/** What one run of one command works with. */
export interface Session {
  ctx: CliContext;
  flags: GlobalFlags;
  out: Output;
  stateDir: string;
  actor: string;
  /** Namespace for names given on the command line. */
  namespace: string;
  /** Commands go to a cluster. */
  inCluster: boolean;
  /** The cluster that is named, or the current one of the kubeconfig. */
  cluster(): Promise<Cluster>;
  ref(name: string): AppRef;
  /** The API; starts the daemon when none runs. */
  client(): Promise<Client>;
  /** The API of a daemon that runs already; undefined when none does. */
  runningClient(): Promise<Client | undefined>;
  close(): Promise<void>;
}

async function sessionOf(ctx: CliContext, command: Command): Promise<Session> {
  const flags = command.optsWithGlobals<GlobalFlags>();
  const target = clusterTargetOf(flags, ctx.env);
  let cluster = target === undefined ? undefined : await ctx.openCluster(target);
  const stateDir = stateDirOf(flags, ctx);
  const actor = actorOf(flags, ctx.env);
  const namespace = flags.namespace ?? cluster?.namespace ?? 'default';
  const out = createOutput(ctx, flags);
  const opened: Client[] = [];
  const open = (target: Parameters<typeof createClient>[0]): Client => {
    const client = createClient(target, { actor });
    opened.push(client);
    return client;
  };
  return {
    ctx,
    flags,
    out,
    stateDir,
    actor,
    namespace,
    inCluster: target !== undefined,
    async cluster() {
      cluster ??= await ctx.openCluster({});
      return cluster;
    },
    ref: (name) => ({ namespace, name }),
    async client() {
      if (cluster !== undefined) return cluster.client;
      const remote = remoteTarget(ctx, flags);
      if (remote !== undefined) return open(remote);
      const client = open({ socketPath: socketPathOf(stateDir) });
      await connectOrStart({ ctx, stateDir, client, say: (line) => out.note(line) });
      return client;
    },
    async runningClient() {
      if (cluster !== undefined) return cluster.client;
      const remote = remoteTarget(ctx, flags);
      if (remote !== undefined) return open(remote);
      return whenRunning(open({ socketPath: socketPathOf(stateDir) }));
    },
    close: async () => {
      await Promise.all([...opened.map((client) => client.close()), cluster?.close()]);
    },
  };
}

function remoteTarget(ctx: CliContext, flags: GlobalFlags): { url: string; token: string } | undefined {
  if (flags.server === undefined) return undefined;
  const token = flags.token ?? ctx.env.CROSSFADE_TOKEN;
  if (token === undefined || token === '') {
    throw usageError(
      '--server needs a token',
      'give --token, or set CROSSFADE_TOKEN; `crossfade token create` makes one',
    );
  }
  if (!/^https?:\/\//.test(flags.server)) {
    throw usageError(`--server ${flags.server} is not an http:// or https:// URL`);
  }
  return { url: flags.server, token };
}

/** Runs a command's body with a session and closes what it opened. */
export function withSession<Args extends unknown[]>(
  ctx: CliContext,
  body: (session: Session, ...args: Args) => Promise<void>,
): (this: Command, ...args: unknown[]) => Promise<void> {
  return async function run(this: Command, ...args: unknown[]) {
    const session = await sessionOf(ctx, this);
    try {
      // Commander appends the options and the command itself; the options stay, last.
      await body(session, ...(args.slice(0, -1) as Args));
    } finally {
      await session.close();
    }
  };
}

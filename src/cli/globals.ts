import { homedir, userInfo } from 'node:os';
import path from 'node:path';
import type { Command } from 'commander';
import { Option } from 'commander';
import { OperatingError } from '../core/errors.ts';
import type { CliContext, ClusterTarget } from './context.ts';
import { usageError } from './exit.ts';

export const OUTPUT_FORMATS = ['table', 'wide', 'json', 'yaml', 'name'] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

/** Flags that every command takes, anywhere on the line. */
export interface GlobalFlags {
  stateDir?: string;
  output: OutputFormat;
  /** Absent: not given. */
  namespace?: string;
  server?: string;
  token?: string;
  kubeconfig?: string;
  context?: string;
  actor?: string;
  color: boolean;
}

export function addGlobalFlags(program: Command): void {
  program
    .option('--state-dir <dir>', 'where the daemon keeps everything (also CROSSFADE_STATE_DIR)')
    .addOption(
      new Option('-o, --output <format>', 'how to print')
        .choices([...OUTPUT_FORMATS])
        .default('table', 'for people'),
    )
    .option(
      '-n, --namespace <name>',
      'namespace of the Apps (default: the one in the file, of the context, or "default")',
    )
    .option('--server <url>', 'talk to this API instead of the daemon of the state dir')
    .option('--token <token>', 'token for --server (also CROSSFADE_TOKEN)')
    .option('--context <name>', 'talk to the Kubernetes cluster of this kubeconfig context')
    .option(
      '--kubeconfig <file>',
      'talk to the cluster of this kubeconfig (default with --context: as kubectl finds it)',
    )
    .option('--actor <name>', 'who does this, for the audit log (default: you)')
    .option('--no-color', 'no colours (also NO_COLOR)');
}

/** The commands are for a cluster, not for a daemon: `kubectl crossfade` always means one. */
export function clusterTargetOf(
  { kubeconfig, context, server }: Pick<GlobalFlags, 'kubeconfig' | 'context' | 'server'>,
  env: CliContext['env'],
): ClusterTarget | undefined {
  const isPlugin = env.CROSSFADE_TARGET === 'kubernetes' && server === undefined;
  if (kubeconfig === undefined && context === undefined && !isPlugin) return undefined;
  if (server !== undefined)
    throw usageError('--server and a cluster (--context, --kubeconfig) exclude each other');
  return {
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
    ...(context === undefined ? {} : { context }),
  };
}

/** Longest path that fits the kernel's socket address. */
const SOCKET_PATH_BYTES = 103;

export function stateDirOf(
  flags: Pick<GlobalFlags, 'stateDir'>,
  ctx: Pick<CliContext, 'env' | 'cwd'>,
): string {
  const given = flags.stateDir ?? ctx.env.CROSSFADE_STATE_DIR;
  if (given !== undefined && given !== '') return path.resolve(ctx.cwd, given);
  const xdg = ctx.env.XDG_STATE_HOME;
  // The XDG specification: a relative path in it is to be ignored.
  if (xdg !== undefined && path.isAbsolute(xdg)) return path.join(xdg, 'crossfade');
  return path.join(ctx.env.HOME ?? homedir(), '.local', 'state', 'crossfade');
}

export function socketPathOf(stateDir: string): string {
  const socketPath = path.join(stateDir, 'daemon.sock');
  if (Buffer.byteLength(socketPath) > SOCKET_PATH_BYTES) {
    throw new OperatingError('E_STATE_DIR', `the path ${socketPath} is too long for a Unix socket`, {
      hint: `choose a --state-dir of at most ${SOCKET_PATH_BYTES - '/daemon.sock'.length} bytes`,
    });
  }
  return socketPath;
}

export function actorOf(flags: Pick<GlobalFlags, 'actor'>, env: CliContext['env']): string {
  if (flags.actor !== undefined) return flags.actor;
  try {
    return userInfo().username;
  } catch {
    // A user id without an entry in the user database, as in many containers.
    return env.USER ?? `uid-${process.getuid?.() ?? 'unknown'}`;
  }
}

import { connect } from 'node:net';
import type { Client } from '../../api/client.ts';
import type { AppView } from '../../api/types.ts';
import { OperatingError } from '../../core/errors.ts';
import type { Check } from '../context.ts';
import type { Session } from '../session.ts';
import { programVersion } from '../version.ts';

/** The daemon, and through it the router. No daemon is no problem: the next command that needs one starts it. */
export async function daemonChecks(session: Session): Promise<Check[]> {
  let client: Client | undefined;
  try {
    client = await session.runningClient();
  } catch (error) {
    return [troubleCheck('daemon', error)];
  }
  if (client === undefined) {
    return [{ name: 'daemon', status: 'ok', found: 'none runs; a command that needs one starts it' }];
  }
  try {
    const [version, health, apps] = await Promise.all([client.version(), client.health(), client.apps()]);
    return [
      versionCheck(version.version, version.pid),
      ...(health.problems ?? []).map(
        (found): Check => ({ name: 'daemon', status: 'failed', found, todo: LOOK_AT_LOG }),
      ),
      ...appChecks(apps),
      ...(await routerChecks(apps)),
    ];
  } catch (error) {
    return [troubleCheck('daemon', error)];
  }
}

const LOOK_AT_LOG = 'look at daemon.log in the state dir';

function versionCheck(daemonVersion: string, pid: number): Check {
  const own = programVersion();
  if (daemonVersion === own)
    return { name: 'daemon', status: 'ok', found: `version ${own} runs, pid ${pid}` };
  return {
    name: 'daemon',
    status: 'warning',
    found: `version ${daemonVersion} runs, but this program is ${own}`,
    todo: 'crossfade daemon stop: the next command starts the new one, and what runs goes on running',
  };
}

function appChecks(apps: readonly AppView[]): Check[] {
  return apps
    .filter(
      ({ status }) => status.phase === 'Degraded' || status.phase === 'Frozen' || status.phase === 'Holding',
    )
    .map(({ metadata, status }) => ({
      name: `app ${metadata.namespace}/${metadata.name}`,
      status: 'warning',
      found: `${status.phase}: ${status.message}`,
      todo: `crossfade -n ${metadata.namespace} describe app ${metadata.name}`,
    }));
}

const CONNECT_TIMEOUT_MS = 2_000;

/** Whether the address of each routed App takes connections. */
async function routerChecks(apps: readonly AppView[]): Promise<Check[]> {
  const addresses = new Set(apps.map(({ status }) => status.url).filter((url) => url !== null));
  if (addresses.size === 0) return [{ name: 'router', status: 'ok', found: 'no App has a route' }];
  return Promise.all([...addresses].map(routerCheck));
}

async function routerCheck(url: string): Promise<Check> {
  const { hostname, port } = new URL(url);
  // `*.localhost` is this machine (RFC 6761), but not every resolver knows.
  const host =
    hostname === 'localhost' || hostname.endsWith('.localhost')
      ? '127.0.0.1'
      : hostname.replace(/^\[|\]$/g, '');
  const trouble = await connectTrouble(host, Number(port || 80));
  if (trouble === undefined) return { name: 'router', status: 'ok', found: `${url} takes connections` };
  return {
    name: 'router',
    status: 'failed',
    found: `${url} takes no connections: ${trouble}`,
    todo: `see the router's log in the state dir; the daemon starts a router that is gone: ${LOOK_AT_LOG}`,
  };
}

function connectTrouble(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: CONNECT_TIMEOUT_MS });
    const end = (trouble: string | undefined): void => {
      socket.destroy();
      resolve(trouble);
    };
    socket.once('connect', () => end(undefined));
    socket.once('timeout', () => end('no answer'));
    socket.once('error', (error) => end(error.message));
  });
}

function troubleCheck(name: string, error: unknown): Check {
  if (!(error instanceof OperatingError)) throw error;
  return {
    name,
    status: 'failed',
    found: error.message,
    ...(error.hint === undefined ? {} : { todo: error.hint }),
  };
}

/**
 * The embedded router: a reverse proxy of our own in two processes, which goes on serving when the daemon is gone.
 *
 *   daemon ── control.sock ──▶ worker ◀── IPC, sockets ── parent
 *                                │
 *              clients ──HTTP──▶ │ ──HTTP──▶ replicas
 *
 * - **parent** (parent.ts) holds every listening socket, and never polls one: a poll would accept connections and strand them.
 *   It also keeps the last table of each App in memory. It does nothing else, so that there is little that could end it.
 * - **worker** (worker.ts) listens on those sockets, carries all requests (data/) and serves the control socket (worker/).
 * - **adapter** (this file, adapter/) is the daemon's end: it implements the Router port over the control socket.
 *
 * What happens when one of them dies:
 * - the worker: the parent starts another one on the same sockets, with the same tables. What was in flight is lost, what
 *   waits to be accepted is not. The counters begin again, under another epoch.
 * - the parent: the worker goes on, and starts a new parent, to which it gives the sockets and tables. Nothing is lost.
 * - both: the adapter starts a parent, which takes the last tables from disk; of another boot, they answer 503 until a table
 *   is applied, for their addresses may belong to anybody by now.
 * - the daemon: nothing; the next one connects to the control socket. When its program is another one than the router's, it has
 *   the worker replaced by one of its own, and that worker has the parent replaced. Nothing is lost.
 *
 * The split is decided per request, never per connection, and counted when a request is sent, at the address it is sent to.
 * Answers of the router itself carry `x-crossfade-error: <code>`; see data/own-answer.ts.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { RouterCapabilities } from '../../core/capabilities.ts';
import { OperatingError } from '../../core/errors.ts';
import type { AppKey, Front, Ms, ReplicaId, RouteTable } from '../../core/model.ts';
import type { ActionContext } from '../../ports/engine.ts';
import type { Router, RouterObservation } from '../../ports/router.ts';
import { routerDown } from './adapter/connection.ts';
import { probe } from './adapter/probe.ts';
import { type LinkLogger, RouterLink } from './adapter/router-link.ts';
import { BUILD } from './build.ts';
import { siblingEntry } from './files.ts';
import { type Identity, identityOf, isAlive } from './identity.ts';
import { type Hello, PROTOCOLS } from './protocol.ts';

const START_MS: Ms = 20_000;
const REQUEST_MS: Ms = 10_000;
const UPGRADE_MS: Ms = 30_000;
const SHUTDOWN_MS: Ms = 10_000;
const CHECK_MS: Ms = 20;

export interface EmbeddedRouterOptions {
  stateDir: string;
  bootId: string;
  logger?: LinkLogger;
  /** The daemon's clock, for deadlines that are points in time. */
  now?: () => Ms;
  /** How long the router may take to come up. */
  startTimeoutMs?: Ms;
}

export interface EmbeddedRouter extends Router {
  /** Processes and epoch of the router as it is now. @throws OperatingError E_ROUTER_DOWN */
  status(): Promise<Hello>;
  /** Replaces the worker by one of the installed version, or of `workerEntry`, without losing a request. */
  upgrade(workerEntry?: string): Promise<void>;
}

const CAPABILITIES: RouterCapabilities = {
  weightResolutionBp: 1,
  header: true,
  cookie: true,
  sticky: true,
  hold: true,
  preview: true,
  mirrorResolutionBp: 0,
  measuredBy: 'router',
};

/** Connects to the router of this state folder, and starts it when none runs. @throws OperatingError E_ROUTER_DOWN */
export async function createEmbeddedRouter(options: EmbeddedRouterOptions): Promise<EmbeddedRouter> {
  const router = new EmbeddedRouterAdapter(options);
  try {
    await router.start(options.startTimeoutMs ?? START_MS);
  } catch (error) {
    await router.close();
    throw error;
  }
  return router;
}

class EmbeddedRouterAdapter implements EmbeddedRouter {
  readonly name = 'embedded';
  readonly capabilities = CAPABILITIES;
  private readonly link: RouterLink;
  private readonly now: () => Ms;
  private readonly bootId: string;
  private readonly logger: LinkLogger | undefined;
  private readonly listeners = new Set<(app: AppKey) => void>();
  private readonly closing = new AbortController();
  trouble: string | undefined;

  constructor(options: EmbeddedRouterOptions) {
    this.now = options.now ?? Date.now;
    this.bootId = options.bootId;
    this.logger = options.logger;
    this.link = new RouterLink({
      stateDir: options.stateDir,
      bootId: options.bootId,
      logger: options.logger,
      onChange: (app) => {
        for (const listener of this.listeners) listener(app);
      },
    });
  }

  async start(timeoutMs: Ms): Promise<void> {
    const { hello } = await this.link.connected(timeoutMs);
    if (hello.build !== BUILD) await this.handOver(hello.build ?? 'unknown');
    if (hello.bootId === this.bootId) return;
    this.logger?.warn(
      { router: hello.bootId, daemon: this.bootId },
      'the router was started with another boot id',
    );
  }

  /** The router outlives daemons; the first daemon of another program puts that in its place. */
  private async handOver(build: string): Promise<void> {
    try {
      await this.upgrade(siblingEntry('worker'));
      this.logger?.info({ from: build, to: BUILD }, 'the router runs the program of this daemon now');
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.logger?.warn({ router: build, daemon: BUILD, why }, 'the router goes on with another program');
      this.trouble = `the router runs ${build} instead of ${BUILD}, and goes on with it: ${why}; \`crossfade daemon stop --replicas\` ends it`;
    }
  }

  async apply(ctx: ActionContext, table: RouteTable): Promise<void> {
    if (ctx.app !== table.app) throw new Error(`a table of ${table.app} in the name of ${ctx.app}`);
    const { generation } = await this.link.request(
      'apply',
      { stateVersion: ctx.stateVersion, table },
      REQUEST_MS,
    );
    if (generation !== table.generation)
      throw new Error(`acknowledged ${generation} instead of ${table.generation}`);
  }

  async drain(ctx: ActionContext, replica: ReplicaId, deadline: Ms): Promise<void> {
    // A duration: the router's clock need not be the daemon's.
    const forMs = Math.max(0, deadline - this.now());
    await this.link.request('drain', { ...ctx, replica, forMs }, REQUEST_MS);
  }

  async remove(ctx: ActionContext): Promise<void> {
    await this.link.request('remove', { app: ctx.app, stateVersion: ctx.stateVersion }, REQUEST_MS);
  }

  async observe(app: AppKey): Promise<RouterObservation> {
    return await this.link.request('observe', { app }, REQUEST_MS);
  }

  async apps(): Promise<AppKey[]> {
    return (await this.status()).apps;
  }

  async probe(app: AppKey, requests: number): Promise<number> {
    const { view } = await this.observe(app);
    if (view.serving === undefined) {
      throw new OperatingError('E_NO_ROUTE', `${app} has no route to send requests through`);
    }
    const { hello } = await this.link.connected(REQUEST_MS);
    return await probe(view.serving, hello.probeToken, requests, this.closing.signal);
  }

  async check(front: Front): Promise<void> {
    await this.link.request('check', { front }, REQUEST_MS);
  }

  onChange(listener: (app: AppKey) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.closing.abort();
    this.listeners.clear();
    this.link.close();
  }

  async shutdown(): Promise<void> {
    // One that ended before its answer arrived would be started again, to be told to end.
    const running = this.link.launchNoMore();
    const answered = async () => {
      const { workerPid, parentPid } = await this.link.request('shutdown', {}, SHUTDOWN_MS);
      const pids = [workerPid, parentPid].filter((pid) => pid !== null);
      running.push(...pids.map(identityOf).filter((identity) => identity !== undefined));
    };
    // Whichever is first: its answer may be lost with it.
    const end = waitForEnd(running);
    if (running.length > 0) await Promise.race([answered(), end]).catch(() => undefined);
    await this.close();
    await waitForEnd(running);
  }

  async status(): Promise<Hello> {
    return await this.link.request('hello', { protocols: PROTOCOLS }, REQUEST_MS);
  }

  async upgrade(workerEntry?: string): Promise<void> {
    const { hello } = await this.link.connected(REQUEST_MS);
    const { workerPid } = hello;
    await this.link.request('upgrade', { workerPid, ...(workerEntry && { workerEntry }) }, UPGRADE_MS);
  }
}

async function waitForEnd(processes: Identity[]): Promise<void> {
  const until = performance.now() + SHUTDOWN_MS;
  while (processes.some(isAlive)) {
    if (performance.now() > until) {
      const pids = processes.filter(isAlive).map((identity) => identity.pid);
      throw routerDown(`the router did not end: pid ${pids.join(', ')} still runs`);
    }
    await sleep(CHECK_MS);
  }
}

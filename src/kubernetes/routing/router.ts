import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NamedCapabilities, RouterCapabilities } from '../../core/capabilities.ts';
import { OperatingError } from '../../core/errors.ts';
import type { AppKey, Front, Ms, PoolId, ReplicaId, RouterView, RouteTable } from '../../core/model.ts';
import type { ActionContext } from '../../ports/engine.ts';
import type { Router, RouterObservation } from '../../ports/router.ts';
import type { AppSpec } from '../../spec/app.ts';
import { APPS } from '../crossfade.ts';
import { KubeError } from '../error.ts';
import { appNameOf } from '../names.ts';
import type { OwnerReference } from '../types.ts';
import { followBeside, leaveBeside } from './beside.ts';
import type { Carrier } from './carrier.ts';
import { poolsOf } from './carrier.ts';
import type { Leaving } from './leaving.ts';
import {
  ensureServices,
  type KnownServices,
  keptOut,
  label,
  type Members,
  membersOf,
  removeServices,
  untilEndpoints,
} from './members.ts';
import { type Answer, askEntrance } from './probe.ts';
import type { RouteRecord } from './record.ts';
import { Tally } from './tally.ts';
import { refuseUnsupported } from './unsupported.ts';

export interface ClusterRouterOptions extends Members {
  carrier: Carrier;
  /** Of all Apps, whatever carries their routes. */
  leaving: Leaving;
  /** Steady time, as deadlines are given. */
  now: () => Ms;
}

/** Answers in a row, on connections of their own, that must name the table: an instance of the router that lags is found. */
const PROOFS = 3;
const PROVE_EVERY_MS = 50;
const MOST_TRIES = 200;

interface Served {
  tally: Tally;
  /** The generation that this process saw proved; undefined: it has given the router none yet. */
  proved: number | undefined;
  firstAnswerAt: Record<PoolId, Ms>;
  /** Counts when the generation was proved: what came since was answered under it. */
  before: Record<PoolId, number>;
}

/** The route of Apps in a cluster, whatever carries it. */
export function createClusterRouter(options: ClusterRouterOptions): Router {
  return new ClusterRouter(options);
}

class ClusterRouter implements Router {
  readonly name: string;
  readonly capabilities: RouterCapabilities;
  readonly onChange: Router['onChange'];
  readonly #carrier: Carrier;
  readonly #options: ClusterRouterOptions;
  readonly #leaving: Leaving;
  readonly #epoch: string = randomUUID();
  readonly #services: KnownServices = new Map();
  readonly #served = new Map<AppKey, Served>();
  readonly #closing = new AbortController();

  constructor(options: ClusterRouterOptions) {
    this.#options = options;
    this.#carrier = options.carrier;
    this.name = options.carrier.name;
    this.capabilities = options.carrier.capabilities;
    this.#leaving = options.leaving;
    this.onChange = (listener) => {
      const off = [options.carrier.onChange(listener), this.#leaving.onChange(listener)];
      return () => {
        for (const leave of off) leave();
      };
    };
  }

  async capabilitiesFor(spec: AppSpec): Promise<NamedCapabilities> {
    return (await this.#carrier.capabilitiesFor?.(spec)) ?? this;
  }

  async apply(ctx: ActionContext, table: RouteTable): Promise<void> {
    this.#closing.signal.throwIfAborted();
    const app = appNameOf(ctx.app);
    refuseUnsupported(table, this.capabilities);
    const owner = await this.#options.ownerOf(app);
    const before = await this.#carrier.readLive(ctx.app, table.front);
    refuseStale(ctx, table.generation, before);
    await ensureServices(this.#options, app, table, this.#services);
    const members = membersOf(table);
    const out = await keptOut(this.#options, app);
    await label(
      this.#options,
      app,
      out.filter((replica) => members.has(replica)),
      true,
    );
    const gone = new Set([...membersOf(before?.table).keys()].filter((replica) => !members.has(replica)));
    const named = new Set(before ? poolsOf(before.table) : []);
    const fresh = new Set(poolsOf(table).filter((pool) => !named.has(pool)));
    // Before the route names them: whoever carries it would answer for them by itself.
    await untilEndpoints(this.#options, app, table, { gone: new Set(), fresh });
    await this.#carrier.prepare?.(ctx.app, table);
    await this.#refuseGone(ctx, owner);
    await this.#carrier.write({ ...ctx, owner }, table);
    await this.#takeBackOfGone(ctx, table, owner);
    await this.#prove(ctx.app, table);
    if (this.#carrier.name !== 'service') await followBeside(this.#options.kube, app, table);
    await this.#takeBackOfGone(ctx, table, owner);
    // Seen at once: until the watch tells of it, nobody would be known to be on these pods.
    this.#leaving.saw(await label(this.#options, app, gone, false, table.generation));
    await untilEndpoints(this.#options, app, table, { gone, fresh: new Set() });
    await this.#carrier.settle?.(ctx.app, table);
    await removeServices(
      this.#options,
      app,
      [...poolsOf(table), ...Object.keys(table.members)],
      this.#services,
    );
    if (this.#isPerConnection) await this.#watch(ctx.app, table, gone);
    this.#note(ctx.app, table);
  }

  /**
   * The App went while this waited for endpoints, and one that was made anew may have its name by now: a late write would lead
   * its users to pods that go.
   * @throws OperatingError E_APP_NOT_FOUND
   */
  async #refuseGone({ app }: ActionContext, owner: OwnerReference | undefined): Promise<void> {
    if (owner === undefined) return;
    const written = this.#carrier.read(app)?.record.uid ?? owner.uid;
    if (written === owner.uid && (await this.#ownerNow(app)) === owner.uid) return;
    if (await this.#isThere(app, owner)) return;
    throw new OperatingError('E_APP_NOT_FOUND', `${app} went before its route was written`);
  }

  /**
   * The App went while this was being written: whoever gives back what belongs to others may have been there before it. Not
   * what an App of the same name has written since.
   * @throws OperatingError E_APP_NOT_FOUND
   */
  async #takeBackOfGone(
    { app }: ActionContext,
    { front }: RouteTable,
    owner: OwnerReference | undefined,
  ): Promise<void> {
    if (owner === undefined || (await this.#ownerNow(app)) === owner.uid) return;
    // Who does not lead any more does not know of it either.
    if (await this.#isThere(app, owner)) return;
    const live = await this.#carrier.readLive(app, front);
    if (live?.uid === owner.uid) await this.remove({ app, stateVersion: Number.MAX_SAFE_INTEGER });
    throw new OperatingError('E_APP_NOT_FOUND', `${app} went while its route was written; it was taken back`);
  }

  /** @returns uid of the App of that name, as this process knows it */
  async #ownerNow(app: AppKey): Promise<string | undefined> {
    const owner = await this.#options.ownerOf(appNameOf(app)).catch(() => undefined);
    return owner?.uid;
  }

  async #isThere(app: AppKey, { uid }: OwnerReference): Promise<boolean> {
    const { namespace, name } = appNameOf(app);
    return (await this.#options.kube.get(APPS, namespace, name))?.metadata.uid === uid;
  }

  async drain(ctx: ActionContext, replica: ReplicaId, deadline: Ms): Promise<void> {
    const record = await this.#carrier.readLive(ctx.app, undefined);
    refuseStale(ctx, record?.table.generation ?? 0, record);
    const app = appNameOf(ctx.app);
    this.#leaving.saw(await label(this.#options, app, [replica], false));
    this.#leaving.drain(ctx.app, replica, deadline);
    if (record)
      await untilEndpoints(this.#options, app, record.table, { gone: new Set([replica]), fresh: new Set() });
  }

  async remove(ctx: ActionContext): Promise<void> {
    const record = await this.#carrier.readLive(ctx.app, undefined);
    refuseStale(ctx, Number.POSITIVE_INFINITY, record);
    await this.#carrier.erase(ctx);
    await leaveBeside(this.#options.kube, appNameOf(ctx.app), record?.table.front.cluster?.service);
    await removeServices(this.#options, appNameOf(ctx.app), [], this.#services);
    this.#served.delete(ctx.app);
  }

  async apps(): Promise<AppKey[]> {
    return [...new Set(this.#carrier.apps())];
  }

  async observe(app: AppKey): Promise<RouterObservation> {
    this.#closing.signal.throwIfAborted();
    const carried = this.#carrier.read(app);
    if (!carried) return nothing(this.#epoch);
    const { record, trouble, accepted } = carried;
    const { table } = record;
    const served = this.#of(app);
    const counters = await this.#carrier.counted?.(app, table);
    if (counters) served.tally.absorb(counters);
    const perPool = served.tally.counts();
    this.#noteFirst(served, perPool);
    // After a restart of ours nothing was proved yet; what is there, accepted and as it was asked for, is served.
    const followed = trouble === undefined && (accepted || (served.proved ?? 0) >= table.generation);
    const unseen = this.#isPerConnection ? this.#leaving.unseen(app) : undefined;
    const view: RouterView = {
      epoch: this.#epoch,
      workers: 1,
      countsAnswers: true,
      ackedGeneration: followed && !this.#isUnproved(served, table) ? table.generation : table.generation - 1,
      serving: table,
      inFlight: await this.#leaving.inFlight(app, this.#isPerConnection),
      ...(this.#isPerConnection ? { perConnection: true as const } : {}),
      ...(unseen ? { connectionsUnseen: unseen } : {}),
      admission: { refused: 0, held: 0 },
      firstAnswerAt: served.firstAnswerAt,
      ...(trouble ? { trouble } : {}),
      ...(carried.shares ? { shares: carried.shares } : {}),
      ...(carried.byChance ? { byChance: true as const } : {}),
    };
    const answered = Object.entries(perPool).map(([pool, counts]) => ({
      replica: `pool ${pool}`,
      pool,
      address: '',
      counts,
    }));
    return { view, answered, latency: {} };
  }

  async probe(app: AppKey, requests: number): Promise<number> {
    const table = this.#carrier.read(app)?.record.table;
    const entrance = table && (await this.#carrier.entrance(app, table));
    if (!table || !entrance) return 0;
    const answers = await askEntrance(entrance, table, requests, this.#closing.signal);
    const told = answers.map((answer) => this.#told(answer, table));
    this.#of(app).tally.answers(told);
    return told.filter(({ routed }) => routed).length;
  }

  async check(front: Front): Promise<void> {
    await this.#carrier.check('', front);
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error(`the router ${this.name} is closed`));
    this.#carrier.close();
    this.#leaving.close();
  }

  /** What carries requests is the cluster's: it is not ours to end. */
  shutdown(): Promise<void> {
    return this.close();
  }

  /** A Service chooses once for each connection; what reads requests chooses for each of them. */
  get #isPerConnection(): boolean {
    return this.#carrier.name === 'service';
  }

  /** Who left is looked into at once: that nobody is connected any more is what ends the release. */
  async #watch(app: AppKey, table: RouteTable, gone: Iterable<ReplicaId>): Promise<void> {
    const { port } = table.front.cluster ?? {};
    if (port === undefined) return;
    for (const replica of gone) await this.#leaving.watch(app, replica, table.generation, port);
  }

  /** A table that this process is about to prove is not served yet, whatever its status says. */
  #isUnproved(served: Served, table: RouteTable): boolean {
    return served.proved !== undefined && served.proved < table.generation;
  }

  /** Resolves when requests are answered by this table. @throws KubeError E_ROUTE_REFUSED, E_ROUTE_UNPROVEN */
  async #prove(app: AppKey, table: RouteTable): Promise<void> {
    const served = this.#of(app);
    served.proved = Math.min(served.proved ?? 0, table.generation - 1);
    const entrance = await this.#carrier.entrance(app, table);
    let last = 'nobody answers';
    for (let tries = 0; tries < MOST_TRIES; tries += 1) {
      this.#closing.signal.throwIfAborted();
      const carried = this.#carrier.read(app);
      const seen = carried?.record.table.generation === table.generation ? carried : undefined;
      if (seen?.trouble?.code === 'E_ROUTE_REFUSED') last = seen.trouble.message;
      else if (seen?.accepted && (await this.#answersBy(entrance, table))) {
        served.proved = table.generation;
        return;
      } else last = seen ? 'requests do not follow it yet' : 'it was not seen yet';
      await sleep(PROVE_EVERY_MS);
    }
    throw this.#unproven(app, last);
  }

  #unproven(app: AppKey, last: string): KubeError {
    const trouble = this.#carrier.read(app)?.trouble;
    const code = (trouble?.code ?? 'E_ROUTE_UNPROVEN') as `E_${string}`;
    return new KubeError(
      code,
      trouble?.message ?? `the route of ${app} is written and not followed: ${last}`,
      {
        status: 0,
        hint: 'stable goes on being served; it is tried again',
      },
    );
  }

  async #answersBy(entrance: Awaited<ReturnType<Carrier['entrance']>>, table: RouteTable): Promise<boolean> {
    // Nothing to ask, or nobody who could answer.
    if (!entrance || table.route.admit.kind === 'refuse' || membersOf(table).size === 0) return true;
    const answers = await askEntrance(entrance, table, PROOFS, this.#closing.signal);
    this.#of(table.app).tally.answers(answers.map((answer) => this.#told(answer, table)));
    if (!table.front.revisionHeader || !this.#carrier.namesAnswers) return answers.length === PROOFS;
    return (
      answers.length === PROOFS &&
      answers.every(({ routed }) => (routed?.generation ?? 0) >= table.generation)
    );
  }

  /** Who answered, where the answer does not say it: by the revision that the App names, or because nobody else could. */
  #told(answer: Answer, table: RouteTable): Answer {
    if (answer.routed) return answer;
    const named = Object.entries(table.revisions).filter(([, revision]) => revision === answer.revision);
    const pool = named.length === 1 ? named[0]?.[0] : this.#carrier.answeredBy?.(table);
    return pool === undefined ? answer : { ...answer, routed: { generation: table.generation, pool } };
  }

  #of(app: AppKey): Served {
    const found = this.#served.get(app);
    if (found) return found;
    const made: Served = { tally: new Tally(), proved: undefined, firstAnswerAt: {}, before: {} };
    this.#served.set(app, made);
    return made;
  }

  #note(app: AppKey, table: RouteTable): void {
    const served = this.#of(app);
    served.proved = table.generation;
    served.firstAnswerAt = {};
    const counts = served.tally.counts();
    served.before = Object.fromEntries(
      Object.entries(counts).map(([pool, { requests }]) => [pool, requests]),
    );
  }

  #noteFirst(served: Served, perPool: Record<PoolId, { requests: number }>): void {
    for (const [pool, { requests }] of Object.entries(perPool))
      if (requests > (served.before[pool] ?? 0)) served.firstAnswerAt[pool] ??= this.#options.now();
  }
}

/** @throws OperatingError E_STALE_WRITER */
function refuseStale(ctx: ActionContext, generation: number, before: RouteRecord | undefined): void {
  if (!before) return;
  if (ctx.stateVersion >= before.stateVersion && generation >= before.table.generation) return;
  const message = `the route of ${ctx.app} was written at state version ${before.stateVersion}, generation ${before.table.generation}; this is older`;
  throw new OperatingError('E_STALE_WRITER', message, { hint: 'another controller decides now' });
}

function nothing(epoch: string): RouterObservation {
  const view: RouterView = {
    epoch,
    workers: 1,
    ackedGeneration: 0,
    inFlight: {},
    admission: { refused: 0, held: 0 },
    firstAnswerAt: {},
  };
  return { view, answered: [], latency: {} };
}

/** The simulated router: several workers, each with the table that reached it last, behind the Router port. */
import { OperatingError } from '../../../src/core/errors.ts';
import { isEqual } from '../../../src/core/json.ts';
import {
  type Counts,
  FULL_WEIGHT,
  type Member,
  type Ms,
  type PoolId,
  type ReplicaId,
  type RouterView,
  type RouteTable,
} from '../../../src/core/model.ts';
import type { ActionContext } from '../../../src/ports/engine.ts';
import type { Answered, RouterObservation } from '../../../src/ports/router.ts';
import { pickWeighted } from '../../../src/routers/embedded/data/balancer.ts';
import { bucketOf, pickByBucket } from '../../../src/routers/embedded/data/sticky.ts';
import type { SimClock } from './clock.ts';
import type { Faults } from './faults.ts';
import type { Machine, SimReplica } from './machine.ts';

interface Choice {
  key: PoolId;
  weight: number;
  current: number;
  members: readonly Member[];
  next: number;
}

export interface Worker {
  id: number;
  table: RouteTable | undefined;
  stateVersion: number;
  /** Of the last table, among those that were sent. */
  sent: number;
  /** What it serves is not what the controller gave it last: the world did that. */
  tainted: boolean;
  choices: Choice[];
  /** What it had before the present table: what a restart may come back with. */
  before: RouteTable | undefined;
}

export interface Target {
  pool: PoolId;
  member: Member;
}

/** How a request came to its pool: by the split, by its name (a header, the preview host), or marked by Crossfade itself. */
export type Way = 'split' | 'name' | 'probes';

type Message = Pick<ActionContext, 'stateVersion'> & { sent: number };

const LATE_MS = 800;
/** Nobody is told in time: what the adapter's own deadline makes of it. */
const NOT_ACKNOWLEDGED_MS = 1000;

export class SimRouter {
  workers: Worker[] = [];
  /** Pools that have answered somebody well, ever. */
  readonly answeredWell = new Set<PoolId>();
  onChange: () => void = () => undefined;
  /** What is asked fails until then. */
  downUntil: Ms = 0;
  wall: () => Ms = () => 0;
  /** Told of every table that reaches a worker. */
  installed: (worker: Worker) => void = () => undefined;
  readonly #clock: SimClock;
  readonly #faults: Faults;
  readonly #machine: Machine;
  readonly #counts = new Map<string, Answered>();
  readonly #owed: { at: number } = { at: 0 };
  #removedAt = 0;
  #sent = 0;
  /** The newest that was applied; a leader of before may come after it with an older one. */
  #given: RouteTable | undefined;
  #givenAt = 0;
  #boot = 1;
  #epoch = 1;
  #nextWorker = 1;
  #named = 0;
  #firstAnswerAt: Record<PoolId, Ms> = {};
  #admission = { refused: 0, held: 0 };

  constructor(clock: SimClock, faults: Faults, machine: Machine, workers: number) {
    this.#clock = clock;
    this.#faults = faults;
    this.#machine = machine;
    for (let n = 0; n < workers; n++) this.addWorker();
  }

  /** Everything there is now is given to a new one; the old ones go on. */
  addWorker(): Worker {
    const from = this.workers[0];
    const worker: Worker = {
      id: this.#nextWorker++,
      table: undefined,
      stateVersion: from?.stateVersion ?? 0,
      sent: from?.sent ?? 0,
      tainted: from?.tainted ?? false,
      choices: [],
      before: from?.before,
    };
    if (from?.table) this.#serve(worker, from.table);
    this.workers.push(worker);
    this.#changed();
    return worker;
  }

  removeWorker(worker: Worker): void {
    if (this.workers.length > 1) this.workers = this.workers.filter((other) => other !== worker);
    this.#changed();
  }

  /** Resolves when every worker has acknowledged. @throws OperatingError E_STALE_WRITER, E_ROUTER_DOWN */
  async apply(ctx: ActionContext, table: RouteTable): Promise<void> {
    this.#refuseStale(ctx, table);
    if (ctx.stateVersion >= this.#givenAt) {
      this.#given = table;
      this.#givenAt = ctx.stateVersion;
    }
    const sent = ++this.#sent;
    await Promise.all(this.workers.map((worker) => this.#deliver(worker, { ...ctx, sent }, table)));
    await this.#acknowledge();
  }

  async #acknowledge(): Promise<void> {
    if (!this.#faults.hits('lostAcknowledgement')) return;
    await this.#clock.sleep(NOT_ACKNOWLEDGED_MS);
    throw new OperatingError('E_ROUTER_DOWN', 'the router did not answer in time');
  }

  async #deliver(worker: Worker, message: Message, table: RouteTable): Promise<void> {
    const late = this.#faults.hits('lateDelivery');
    const boot = this.#boot;
    const install = () => {
      // What was under way when the machine was booted, or the App removed, is gone with it.
      if (boot === this.#boot) this.#install(worker, message, table);
    };
    if (late) await this.#clock.sleep(late.int(1, LATE_MS));
    install();
    const again = this.#faults.hits('repeatedDelivery');
    if (again) this.#clock.after(again.int(1, LATE_MS), install);
  }

  #install(worker: Worker, { stateVersion, sent }: Message, table: RouteTable): void {
    if (!this.workers.includes(worker) || stateVersion < this.#removedAt) return;
    // What overtook it stays.
    if (stateVersion < worker.stateVersion || table.generation < (worker.table?.generation ?? 0)) return;
    // Two of one version, of which one could not be recorded: they come in the order in which they were sent, on one socket.
    if (table.generation === worker.table?.generation && sent < worker.sent) return;
    Object.assign(worker, { stateVersion, sent });
    // A message from before that reaches a worker which came back with an older table still: not what it was given last.
    if (table.generation === this.#given?.generation) worker.tainted = false;
    this.#serve(worker, table);
    this.installed(worker);
    this.#changed();
  }

  #serve(worker: Worker, table: RouteTable): void {
    worker.before = worker.table ?? worker.before;
    worker.table = table;
    worker.choices = choicesOf(table, worker.choices);
    this.#firstAnswerAt = {};
  }

  /** As with a table: it may reach the workers late, and what came meanwhile is newer. */
  async remove({ stateVersion, app }: ActionContext): Promise<void> {
    this.#refuseStale({ stateVersion, app }, undefined);
    const late = this.#faults.hits('lateDelivery');
    const boot = this.#boot;
    if (late) await this.#clock.sleep(late.int(1, LATE_MS));
    if (boot !== this.#boot) throw new OperatingError('E_ROUTER_DOWN', 'the router was started anew');
    this.#refuseStale({ stateVersion, app }, undefined);
    this.#removedAt = stateVersion;
    this.#counts.clear();
    for (const worker of this.workers)
      Object.assign(worker, { table: undefined, before: undefined, choices: [], stateVersion });
    this.#changed();
    await this.#acknowledge();
  }

  /** What is open at the deadline is closed. */
  drain(id: ReplicaId, forMs: Ms): void {
    this.#clock.after(forMs, () => {
      const replica = this.#machine.replicas.get(id);
      for (const request of [...(replica?.open ?? [])]) request.cut('its drain deadline passed', false);
    });
  }

  /** Who owned the route is gone: the cluster collects it. */
  collect(): void {
    for (const worker of this.workers) Object.assign(worker, { table: undefined, choices: [] });
    this.#changed();
  }

  /** An App of that name is made anew: its versions begin anew too. */
  forgetApp(): void {
    this.answeredWell.clear();
    this.#removedAt = 0;
    this.dropMessages();
    this.#given = undefined;
    this.#givenAt = 0;
    for (const worker of this.workers) worker.stateVersion = 0;
  }

  #refuseStale({ stateVersion, app }: ActionContext, table: RouteTable | undefined): void {
    if (this.#clock.now < this.downUntil)
      throw new OperatingError('E_ROUTER_DOWN', 'the router does not answer');
    for (const worker of this.workers) {
      const older =
        stateVersion < worker.stateVersion ||
        (table !== undefined && table.generation < (worker.table?.generation ?? 0));
      if (older) throw new OperatingError('E_STALE_WRITER', `${app}: a change of an older state`);
    }
  }

  /** A worker comes back with what it had on disk, perhaps an older table; or, after a boot, with none until told. */
  restart(worker: Worker, comesBackWith: 'last' | 'old' | 'nothing'): void {
    const table = comesBackWith === 'last' ? worker.table : worker.before;
    worker.tainted ||= comesBackWith !== 'last';
    worker.stateVersion = 0;
    if (comesBackWith === 'nothing' || !table) Object.assign(worker, { table: undefined, choices: [] });
    else this.#serve(worker, table);
    this.#changed();
  }

  /** What is under way does not arrive any more. */
  dropMessages(): void {
    this.#boot += 1;
  }

  reboot(): void {
    this.dropMessages();
    this.#removedAt = 0;
    for (const worker of this.workers) this.restart(worker, 'nothing');
    this.newEpoch();
  }

  /** Counters begin again. */
  newEpoch(): void {
    this.#epoch += 1;
    this.#counts.clear();
    this.#firstAnswerAt = {};
    this.#admission = { refused: 0, held: 0 };
  }

  /** Somebody else sets the weights back to what they were, in the name of the present table. */
  setBack(): boolean {
    let changed = false;
    for (const worker of this.workers) {
      if (!worker.before || !worker.table || worker.before.app !== worker.table.app) continue;
      worker.tainted = true;
      const { generation } = worker.table;
      this.#serve(worker, { ...worker.before, generation });
      changed = true;
    }
    if (changed) this.#changed();
    return changed;
  }

  newestGeneration(): number {
    return Math.max(...this.workers.map((worker) => worker.table?.generation ?? 0));
  }

  observe(): RouterObservation {
    if (this.#clock.now < this.downUntil)
      throw new OperatingError('E_ROUTER_DOWN', 'the router does not answer');
    const last = this.#furthestBehind();
    const inFlight: Record<ReplicaId, number> = {};
    for (const { view, open } of this.#machine.replicas.values()) inFlight[view.id] = open.size;
    const view: RouterView = {
      epoch: `e${this.#epoch}`,
      workers: this.workers.length,
      ackedGeneration: Math.min(...this.workers.map((worker) => worker.table?.generation ?? 0)),
      stateVersion: Math.max(this.#removedAt, ...this.workers.map((worker) => worker.stateVersion)),
      ...(last ? { serving: last } : {}),
      newestGeneration: this.newestGeneration(),
      inFlight,
      admission: { ...this.#admission },
      firstAnswerAt: { ...this.#firstAnswerAt },
    };
    const answered = Array.from(this.#counts.values(), (entry) => ({
      ...entry,
      counts: { ...entry.counts },
    }));
    return { view, answered, latency: {} };
  }

  /** The table that may still do harm: the oldest one, or one that nobody of ours has given. */
  #furthestBehind(): RouteTable | undefined {
    const tables = this.workers.flatMap(({ table }) => (table ? [table] : []));
    const oldest = Math.min(...tables.map((table) => table.generation));
    const among = tables.filter((table) => table.generation === oldest);
    return among.find((table) => !isEqual(table, this.#given)) ?? among[0];
  }

  /** Where a request goes; `userKey` decides where the split is by user. */
  choose(worker: Worker, userKey: string): Target | 'nobody' {
    const { table, choices } = worker;
    if (!table) return 'nobody';
    const { sticky } = table.route;
    const choice = sticky ? pickByBucket(choices, bucketOf(sticky.salt, userKey)) : pickWeighted(choices);
    const member = choice?.members[choice.next++ % choice.members.length];
    return choice && member ? { pool: choice.key, member } : 'nobody';
  }

  /** Where a request that names the new version goes; undefined: the table has no name for it. */
  named({ table }: Worker): Target | 'nobody' | undefined {
    const pool = table?.route.matches[0]?.to ?? table?.route.preview;
    if (pool === undefined) return undefined;
    const members = table?.members[pool] ?? [];
    const member = members[this.#named++ % members.length];
    return member ? { pool, member } : 'nobody';
  }

  /** Where a copy of a request of the split goes; undefined: nowhere. @param draw 0 up to 1 */
  mirrored({ table }: Worker, draw: number): Target | undefined {
    const mirror = table?.route.mirror;
    if (!mirror || draw * FULL_WEIGHT >= mirror.share) return undefined;
    const members = table.members[mirror.to] ?? [];
    const member = members[this.#named++ % members.length];
    return member && { pool: mirror.to, member };
  }

  refuse(kind: 'refused' | 'held'): void {
    this.#admission[kind] += 1;
  }

  sent({ pool, member }: Target, way: Way): void {
    const { counts } = this.#entry(pool, member);
    if (way !== 'name') counts[way] += 1;
    if (way !== 'probes') counts.requests += 1;
  }

  answered({ pool, member }: Target, way: Way, how: 'ok' | 'failed'): void {
    if (how === 'ok') this.answeredWell.add(pool);
    const { counts } = this.#entry(pool, member);
    if (way !== 'probes') {
      counts[how] += 1;
      this.#firstAnswerAt[pool] ??= this.wall();
      return;
    }
    const marked = how === 'ok' ? 'probesOk' : 'probesFailed';
    counts[marked] = (counts[marked] ?? 0) + 1;
  }

  replicaAt({ member }: Target): SimReplica | undefined {
    return this.#machine.replicas.get(member.replica);
  }

  /** The next worker in turn, for marked requests. */
  nextWorker(): Worker {
    return this.workers[this.#owed.at++ % this.workers.length] as Worker;
  }

  #entry(pool: PoolId, { replica, address }: Member): Answered {
    const key = `${pool} ${address}`;
    const known = this.#counts.get(key);
    if (known) return known;
    const counts: Counts = { requests: 0, ok: 0, failed: 0, split: 0, probes: 0 };
    const entry = { replica, pool, address, counts };
    this.#counts.set(key, entry);
    return entry;
  }

  #changed(): void {
    this.onChange();
  }
}

/** A table with the same split does not begin its round robin anew. */
function choicesOf({ route, members }: RouteTable, before: readonly Choice[]): Choice[] {
  const { split } = route;
  const shares =
    split.kind === 'weights' ? split.to : split.to.map((key) => ({ key, weight: members[key]?.length ?? 0 }));
  const wanted = shares.filter((share) => share.weight > 0);
  const same =
    wanted.length === before.length &&
    wanted.every(({ key, weight }, n) => before[n]?.key === key && before[n]?.weight === weight);
  return wanted.map(({ key, weight }, n) => ({
    key,
    weight,
    current: (same ? before[n]?.current : undefined) ?? 0,
    members: members[key] ?? [],
    next: 0,
  }));
}

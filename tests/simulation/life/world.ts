/** One simulated life of an App: the real loop and core, and everything around them that can go wrong. */
import assert from 'node:assert/strict';
import { type Anchor, anchorFrom, steadyNow } from '../../../src/clock/index.ts';
import { emptyState } from '../../../src/core/decide/state.ts';
import { OperatingError } from '../../../src/core/errors.ts';
import type { AppObject, AppState, Command, Ms } from '../../../src/core/model.ts';
import { revisionIdOf } from '../../../src/core/revision.ts';
import { resolveFenceposts } from '../../../src/core/scale.ts';
import type { Stored } from '../../../src/ports/store.ts';
import type { AppSpec } from '../../../src/spec/app.ts';
import type { JournalingStore } from '../../../src/store/journal.ts';
import { createMemoryStore } from '../../../src/store/memory/index.ts';
import { hashOf, Random } from '../random.ts';
import { describe, specOf } from '../world.ts';
import { Cells } from './cells.ts';
import { SimClock } from './clock.ts';
import { Daemon } from './daemon.ts';
import { Faults } from './faults.ts';
import { happen } from './happenings.ts';
import { Judge } from './judge.ts';
import { Machine } from './machine.ts';
import type { Item, Plan } from './plan.ts';
import { isQuiet, measuringMs, picture } from './rest.ts';
import { SimRouter, type Worker } from './router.ts';
import { Users } from './users.ts';
import type { Behaviour } from './versions.ts';

const APP = 'default/shop';
/** When faults stop, everything has come to rest by then. */
const REST_MS = 180_000;
/** Releases that may end or begin when nobody asks for anything more. */
const MOST_AT_REST = 6;
const FREEZES_EVERY = 8;
/** What has an owner that is gone goes within this time, on a cluster. */
const COLLECTED_MS = 500;
const LAST_VERSION = 1_000_000;
const SAVE_EVERY_MS = 2000;
const WALL_AT_BIRTH = 1_000_000_000;

export interface WorldOptions {
  seed: number;
  plan: Plan;
  /** Absent: what the profile's rates give; present: exactly these faults. */
  only?: ReadonlySet<string>;
}

export class World {
  readonly app = APP;
  readonly clock = new SimClock();
  readonly log: string[] = [];
  readonly describe = describe;
  readonly cells = new Cells();
  readonly faults: Faults;
  readonly machine: Machine;
  readonly router: SimRouter;
  readonly users: Users;
  readonly judge: Judge;
  store: JournalingStore;
  state: AppState = emptyState();
  object: AppObject | undefined;
  daemons: Daemon[] = [];
  releases = 0;
  diskFullUntil: Ms = 0;
  /** How much steady time has gone forward or back that no clock saw pass. */
  slippedMs: Ms = 0;
  /** Scaled to nothing, and not yet open again. */
  wasZero = false;
  readonly saved: Stored[] = [];
  #boot = 1;
  /** In some lives what is stored is read from its text each time, and frozen: deciding must not change it. */
  readonly #freezes: boolean;
  #bootedAt: Ms = 0;
  #wallOffset = 0;
  #anchor: Anchor | undefined;
  #daemonNumber = 0;
  readonly #commands = new Map<string, Command>();
  readonly plan: Plan;
  #spec: AppSpec;

  constructor({ seed, plan, only }: WorldOptions) {
    this.plan = plan;
    this.#freezes = seed % FREEZES_EVERY === 0;
    this.store = this.#emptyStore();
    this.faults = new Faults(seed, plan.perCall, only, (fault) => {
      this.note(`! ${fault}`);
      this.cells.met(this.state, fault);
    });
    this.judge = new Judge(this);
    this.machine = new Machine(this.clock, this.faults);
    this.router = new SimRouter(this.clock, this.faults, this.machine, plan.workers);
    this.users = new Users({
      clock: this.clock,
      random: new Random(seed ^ hashOf('users')),
      router: this.router,
      excuse: (worker) => this.judge.excuse(worker),
      failed: (failure) => this.judge.failed(failure),
      sent: (...what) => this.judge.sent(...what),
    });
    const changed = () => {
      for (const daemon of this.daemons) daemon.changed();
    };
    this.machine.onChange = changed;
    this.router.onChange = changed;
    this.router.installed = () => this.#collectLater();
    this.machine.wall = () => this.steady();
    this.router.wall = () => this.steady();
    this.#spec = specOf(plan.first.strategy, {
      progressDeadlineSeconds: 8,
      drainTimeoutMs: 1000,
      drainLongTimeoutMs: 1000,
      terminationGracePeriodSeconds: 3,
      ...plan.first.more,
    });
  }

  get spec(): AppSpec['spec'] {
    return (this.object?.spec ?? this.#spec).spec;
  }

  /** Plays the plan, then waits for rest. @throws what the judge found */
  async live(): Promise<void> {
    this.#reanchor();
    this.startDaemon(0);
    await this.#do({ at: 0, do: 'apply', version: 1, behaviour: 'well' });
    this.#save();
    for (const item of this.plan.items) {
      await this.runUntil(item.at);
      await this.#do(item);
    }
    await this.runUntil(this.plan.lengthMs);
    await this.#comeToRest();
  }

  async runUntil(at: Ms): Promise<void> {
    let due = false;
    this.clock.after(at - this.clock.now, () => {
      due = true;
    });
    while (!due && (await this.clock.turn())) if (this.judge.failure) throw this.judge.failure;
  }

  #emptyStore(): JournalingStore {
    return createMemoryStore({ shares: !this.#freezes });
  }

  /** What is stored. */
  async load(): Promise<Stored | undefined> {
    const stored = await this.store.load(APP);
    if (stored && this.#freezes) freeze(stored);
    return stored;
  }

  note(text: string): void {
    this.log.push(`${this.clock.now} ${text}`);
  }

  took(next: AppState): void {
    this.state = next;
    this.cells.visit(next);
    const open = next.table?.route.admit.kind === 'open';
    if (this.spec.replicas === 0) this.wasZero = true;
    else if (open) this.wasZero = false;
  }

  isDiskFull(): boolean {
    return this.clock.now < this.diskFullUntil;
  }

  /** The roll of this release may have all of its replicas unavailable at once. */
  mayBeEmpty(replicas: number): boolean {
    const via = this.state.release?.stages.find((stage) => stage.via.kind === 'roll')?.via;
    return (
      via?.kind === 'roll' &&
      resolveFenceposts(via.maxSurge, via.maxUnavailable, replicas).unavailable >= replicas
    );
  }

  // --- time

  /** The daemons' time, by the product's own steady clock. */
  steady(): Ms {
    if (!this.#anchor) throw new Error('no daemon was ever started');
    return steadyNow(this.#machineClock(), this.#anchor);
  }

  #machineClock() {
    return {
      wall: () => WALL_AT_BIRTH + this.clock.now + this.#wallOffset,
      monotonic: () => this.clock.now - this.#bootedAt,
      bootId: () => `boot${this.#boot}`,
    };
  }

  #reanchor(): void {
    const before = this.#anchor && {
      ...this.#anchor,
      last: this.steady() - this.faults.int('unsaved', 0, 2000),
    };
    const was = this.#anchor ? this.steady() : undefined;
    this.#anchor = anchorFrom(this.#machineClock(), before);
    if (was !== undefined) this.slippedMs += Math.max(0, this.steady() - was);
  }

  jumpWall(ms: Ms): void {
    this.#wallOffset += ms;
  }

  reboot(): void {
    for (const daemon of this.daemons) daemon.kill();
    this.daemons = [];
    const was = this.steady();
    const anchor = this.#anchor as Anchor;
    const saved = { ...anchor, last: was - this.faults.int('unsaved', 0, 2000) };
    this.#boot += 1;
    this.#bootedAt = this.clock.now;
    this.#anchor = anchorFrom(this.#machineClock(), saved);
    this.slippedMs += Math.max(0, this.steady() - was);
    this.machine.reboot();
    this.router.reboot();
    this.startDaemonIn(this.faults.int('bootMs', 10, 1000));
  }

  cutRequests(worker: Worker): void {
    for (const { open } of this.machine.replicas.values())
      for (const request of [...open])
        if (request.worker === worker.id) request.cut('its worker restarted', false);
  }

  // --- daemons

  startDaemon(skewMs: Ms): Daemon {
    const daemon = new Daemon(this, `d${++this.#daemonNumber}`, skewMs);
    this.daemons.push(daemon);
    this.note(`${daemon.name} starts`);
    return daemon;
  }

  startDaemonIn(ms: Ms, skewMs: Ms = 0): void {
    this.clock.after(ms, () => {
      if (this.daemons.length === 0) this.startDaemon(skewMs);
    });
  }

  daemonDied(daemon: Daemon, why: string): void {
    if (!daemon.isAlive) return;
    daemon.kill();
    this.daemons = this.daemons.filter((other) => other !== daemon);
    this.note(`${daemon.name} dies (${why})`);
    if (this.daemons.length === 0) this.startDaemonIn(this.faults.int('daemonAway', 10, 600), daemon.skewMs);
  }

  // --- what operators do

  async #do(item: Item): Promise<void> {
    this.note(`> ${JSON.stringify({ ...item, at: undefined })}`);
    try {
      switch (item.do) {
        case 'apply':
          return await this.#put(this.#spec, revisionOf(item.version, item.behaviour, this.#spec));
        case 'edit':
          this.#spec = { ...this.#spec, spec: { ...this.#spec.spec, ...item.change } };
          return await this.#put(this.#spec, undefined);
        case 'command':
          return await this.command(item.command);
        case 'delete':
          return await this.#delete();
        default:
          this.cells.met(this.state, item.do);
          return await happen(this, item.do, item.pick, item.ms);
      }
    } catch (error) {
      // Refused: the operator is told, and nothing has happened.
      if (!(error instanceof OperatingError)) throw error;
      this.note(`refused: ${error.message}`);
    }
  }

  /** As the API does it: what is being deleted is not applied to, what does not differ is not stored. */
  async #put(spec: AppSpec, revision: AppObject['revision'] | undefined): Promise<void> {
    const stored = await this.load();
    if (stored?.object.deleting || stored?.state.deleting) return this.note('refused: it is being deleted');
    const wanted = revision ?? stored?.object.revision;
    if (!wanted) return;
    if (this.isDiskFull()) return this.note('refused: the disk is full');
    const generation = (stored?.object.generation ?? 0) + 1;
    const known = stored?.state.revisions[wanted.id] ?? wanted;
    const object = { key: APP, generation, spec, revision: known, actor: 'ann', deleting: false };
    await this.store.putApp(object, generation - 1);
    this.object = object;
    if (spec.spec.replicas === 0) this.wasZero = true;
    this.clock.stir();
  }

  async #delete(): Promise<void> {
    const stored = await this.load();
    if (!stored || this.isDiskFull()) return;
    const { object } = stored;
    if (object.deleting) return;
    this.object = { ...object, generation: object.generation + 1, deleting: true };
    await this.store.putApp(this.object, object.generation);
    this.clock.stir();
  }

  async command({ id, verb, ...more }: Pick<Command, 'id' | 'verb' | 'full' | 'toRevision'>): Promise<void> {
    if (this.isDiskFull()) return this.note('refused: the disk is full');
    const at = this.steady();
    const command: Command = { id, verb, actor: 'ann', at, ...more };
    const added = await this.store.addCommand(APP, command, {
      at,
      actor: 'ann',
      verified: true,
      action: verb,
    });
    this.cells.met(this.state, verb);
    if (added === 'added') this.#commands.set(id, command);
    this.clock.stir();
  }

  appRemoved(): void {
    this.note('the App is gone');
    this.judge.gone(this.state.version);
    this.state = emptyState();
    this.object = undefined;
    this.router.forgetApp();
    this.#commands.clear();
    this.judge.restored(this.state);
  }

  /** A leader of before may route an App that is gone. */
  #collectLater(): void {
    if (this.object || this.plan.on !== 'cluster') return;
    this.clock.after(COLLECTED_MS, () => {
      if (!this.object) this.router.collect();
    });
  }

  // --- a store that is put back from a copy

  #save(): void {
    void this.load().then((stored) => {
      if (stored && !stored.object.deleting) this.saved.push(stored);
    });
    this.clock.after(SAVE_EVERY_MS, () => {
      this.clock.stir();
      this.#save();
    });
  }

  async restore(stored: Stored): Promise<void> {
    for (const daemon of this.daemons) daemon.kill();
    this.daemons = [];
    this.router.dropMessages();
    this.store = this.#emptyStore();
    this.state = { ...stored.state, version: 1 };
    this.object = stored.object;
    this.#spec = stored.object.spec;
    await this.store.putApp(stored.object, 0);
    await this.store.commit(APP, 0, { next: this.state, events: [], actions: [] });
    this.#commands.clear();
    this.judge.gone(0);
    this.judge.restored(this.state);
    this.judge.promises.restored();
    this.startDaemonIn(10);
  }

  // --- rest

  /** When faults stop, everything ends, at stable, with nothing left over. */
  async #comeToRest(): Promise<void> {
    this.note('faults stop');
    this.faults.active = false;
    this.judge.promises.faultsStop();
    this.diskFullUntil = Math.min(this.diskFullUntil, this.clock.now);
    this.router.downUntil = 0;
    for (const daemon of this.daemons.slice(1)) this.daemonDied(daemon, 'one is enough');
    await this.#press('resume');
    let since = this.clock.now;
    let left = MOST_AT_REST;
    for (let n = 0; this.clock.now < since + REST_MS + measuringMs(this.state.release); n++) {
      const { release } = this.state;
      await this.runUntil(this.clock.now + 500);
      // The one that waited: each has its time.
      if (release?.id !== this.state.release?.id && left-- > 0) since = this.clock.now;
      if (isQuiet(this) && this.#unanswered() === undefined) break;
      this.#healStable();
      const gates = this.state.release?.gates ?? [];
      // A release that holds because somebody else wrote its route waits for an operator.
      const holds = gates.some((gate) => gate.kind === 'measuring' && gate.mismatch);
      if (holds && n % 20 === 19) await this.#press('abort');
      if (n % 4 === 0 && gates.some((gate) => gate.kind === 'waiting')) await this.#press('promote');
    }
    assert.ok(isQuiet(this), `does not come to rest: ${picture(this)}`);
    assert.equal(this.#unanswered(), undefined, 'a command was lost');
    this.judge.promises.atRest();
    await this.#lastRelease();
  }

  /** In a world without faults a good version gets through, whatever came before. */
  async #lastRelease(): Promise<void> {
    const { object } = this;
    if (!object || object.deleting || this.spec.replicas === 0) return;
    await this.#do({ at: this.clock.now, do: 'apply', version: LAST_VERSION, behaviour: 'well' });
    const wanted = this.object?.revision.id;
    const isThere = () => this.state.pools[this.state.stable ?? '']?.revision === wanted;
    const since = this.clock.now;
    while (this.clock.now < since + REST_MS + measuringMs(this.state.release) && !isThere()) {
      await this.runUntil(this.clock.now + 500);
      if (this.state.release?.gates.some((gate) => gate.kind === 'waiting')) await this.#press('promote');
    }
    assert.ok(isThere(), `a good version does not get through: ${picture(this)}`);
  }

  commandOf(id: string): Command | undefined {
    return this.#commands.get(id);
  }

  #unanswered(): string | undefined {
    return [...this.#commands.keys()].find((id) => !this.judge.hasAnswered(id));
  }

  async #press(verb: Command['verb']): Promise<void> {
    if (!(await this.load())) return;
    await this.command({ id: `rest-${verb}-${this.clock.now}`, verb });
  }

  /** Nothing can come to rest on a stable version that never works; an App scaled to nothing may have promoted one. */
  #healStable(): void {
    for (const replica of this.machine.replicas.values())
      if (replica.view.pool === this.state.stable) this.machine.heal(replica);
  }
}

function revisionOf(version: number, behaviour: Behaviour, { spec }: AppSpec): AppObject['revision'] {
  const run = {
    artifact: { kind: 'none' as const },
    command: [`v${version}`, behaviour],
    env: {},
    secretEnv: {},
    configFiles: {},
    hasPort: true,
    health: { minReadySeconds: spec.health.minReadySeconds },
  };
  const provenance = { createdAt: 0, actor: 'ann', source: '.' };
  return { id: revisionIdOf(run), hashVersion: 1, number: 0, run, provenance };
}

function freeze(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  Object.freeze(value);
  for (const field of Object.values(value)) freeze(field);
}

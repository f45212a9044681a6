/** Replicas of a simulated machine, behind the Engine port: they start, get ready, crash, hang, linger and reboot. */
import type { Remembered, RememberedPool } from '../../../src/core/decide/catch-up.ts';
import { OperatingError } from '../../../src/core/errors.ts';
import type { Ms, Pool, PoolId, Replica, ReplicaId, Revision } from '../../../src/core/model.ts';
import type { ActionContext } from '../../../src/ports/engine.ts';
import type { SimClock } from './clock.ts';
import type { Faults } from './faults.ts';
import type { Behaviour } from './versions.ts';

export interface SimReplica {
  view: Replica;
  behaviour: Behaviour;
  revision: Revision;
  /** Counts starts: what was planned for an earlier one does not happen. */
  attempt: number;
  /** It has been ready since the machine was booted. */
  readyInBoot: boolean;
  /** The world made it hang for a while. */
  hangs: boolean;
  /** Requests under way. */
  open: Set<OpenRequest>;
}

export interface OpenRequest {
  replica: SimReplica;
  since: Ms;
  /** It came through a table that is not the controller's. */
  tainted: boolean;
  worker: number;
  cut(why: string, byUs: boolean): void;
}

const NEVER_READY: readonly Behaviour[] = ['exits', 'never', 'noStart'];
const FIRST_PORT = 20_000;

export class Machine {
  readonly replicas = new Map<ReplicaId, SimReplica>();
  onChange: () => void = () => undefined;
  /** Steady time of the machine, for what replicas say of themselves. */
  wall: () => Ms = () => 0;
  readonly #clock: SimClock;
  readonly #faults: Faults;
  readonly #numbers = new Map<PoolId, number>();
  #versionSeen = 0;
  #port = FIRST_PORT;

  constructor(clock: SimClock, faults: Faults) {
    this.#clock = clock;
    this.#faults = faults;
  }

  admit({ stateVersion, app }: ActionContext): void {
    if (stateVersion < this.#versionSeen) {
      const seen = `after version ${this.#versionSeen} had`;
      throw new OperatingError(
        'E_STALE_WRITER',
        `state version ${stateVersion} of ${app} asked for something ${seen}`,
      );
    }
    this.#versionSeen = stateVersion;
  }

  /** What it knows without the store, as the process engine does. */
  remembered(): Omit<Remembered, 'serving'> {
    const pools = new Map<PoolId, RememberedPool>();
    for (const { view, revision } of this.replicas.values()) {
      const known = pools.get(view.pool)?.replicas ?? 0;
      pools.set(view.pool, { pool: view.pool, revision, replicas: known + 1 });
    }
    return { stateVersion: this.#versionSeen, pools: [...pools.values()] };
  }

  list(): Replica[] {
    return Array.from(this.replicas.values(), ({ view }) => ({ ...view }));
  }

  grow(pool: Pool, revision: Revision, replicas: number): void {
    let standing = 0;
    for (const { view } of this.replicas.values())
      if (view.pool === pool.id && view.phase !== 'stopping') standing += 1;
    for (; standing < replicas; standing++) this.#create(pool, revision);
  }

  stop(id: ReplicaId, graceMs: Ms): void {
    const replica = this.replicas.get(id);
    if (!replica || replica.view.phase === 'stopping') return;
    this.#update(replica, { phase: 'stopping', ready: false });
    replica.attempt += 1;
    const lingers = replica.behaviour === 'lingers' || this.#faults.hits('slowStop') !== undefined;
    const endsIn = this.#faults.int('endsIn', lingers ? 500 : 5, lingers ? graceMs : 60);
    this.#clock.after(endsIn, () => {
      // After a reboot, and a new App of that name, another one may have its name.
      if (this.replicas.get(id) === replica) this.replicas.delete(id);
      this.#changed();
    });
  }

  forget(pool: PoolId): void {
    if ([...this.replicas.values()].some(({ view }) => view.pool === pool))
      throw new OperatingError('E_POOL_IN_USE', `pool ${pool} still has replicas`);
    this.#numbers.delete(pool);
    if (this.#numbers.size === 0) this.#versionSeen = 0;
  }

  /** Pools of which there is something on disk. */
  known(): PoolId[] {
    return [...this.#numbers.keys()];
  }

  crash(replica: SimReplica): void {
    if (replica.view.phase === 'stopping') return;
    const { view } = replica;
    this.#update(replica, {
      phase: 'backoff',
      ready: false,
      restarts: view.restarts + 1,
      lastExit: { at: this.wall(), code: 1, signal: null },
      ...(view.wasReady ? { crashes: (view.crashes ?? 0) + 1 } : {}),
    });
    for (const request of [...replica.open]) request.cut('its replica crashed', false);
    this.#startIn(replica, Math.min(2000, 100 * 2 ** view.restarts));
  }

  /** Not ready for a while, though it runs. */
  flap(replica: SimReplica, forMs: Ms): void {
    if (!replica.view.ready) return;
    const { attempt } = replica;
    this.#update(replica, {
      ready: false,
      lastProbe: { at: this.wall(), ok: false, detail: 'GET /healthz answered 500' },
    });
    this.#clock.after(forMs, () => this.#isAt(replica, attempt) && this.#becomeReady(replica));
  }

  hang(replica: SimReplica, forMs: Ms): void {
    replica.hangs = true;
    this.flap(replica, forMs);
    this.#clock.after(forMs, () => {
      replica.hangs = false;
    });
  }

  /** Every process is gone; the replicas start again by themselves, those that were stopping are gone. */
  reboot(): void {
    for (const replica of [...this.replicas.values()]) {
      for (const request of [...replica.open]) request.cut('the machine rebooted', false);
      replica.attempt += 1;
      replica.readyInBoot = false;
      replica.hangs = false;
      if (replica.view.phase === 'stopping') this.replicas.delete(replica.view.id);
      else {
        this.#update(replica, { wasReady: false });
        this.#startIn(replica, this.#faults.int('bootMs', 50, 500));
      }
    }
    this.#changed();
  }

  #create(pool: Pool, revision: Revision): void {
    const n = (this.#numbers.get(pool.id) ?? 0) + 1;
    this.#numbers.set(pool.id, n);
    const replica: SimReplica = {
      view: {
        id: `${pool.id}-${n}`,
        pool: pool.id,
        address: `127.0.0.1:${this.#port++}`,
        phase: 'starting',
        ready: false,
        wasReady: false,
        startedAt: this.wall(),
        restarts: 0,
      },
      behaviour: (revision.run.command[1] ?? 'well') as Behaviour,
      revision,
      attempt: 0,
      readyInBoot: false,
      hangs: false,
      open: new Set(),
    };
    this.replicas.set(replica.view.id, replica);
    this.#startIn(replica, 0);
  }

  #startIn(replica: SimReplica, ms: Ms): void {
    const attempt = ++replica.attempt;
    this.#update(replica, { ready: false, phase: ms > 0 ? 'backoff' : 'starting' });
    this.#clock.after(ms, () => this.#isAt(replica, attempt) && this.#start(replica, attempt));
  }

  #start(replica: SimReplica, attempt: number): void {
    const faults = this.#faults;
    const port = faults.hits('portClash') ? this.#port++ : undefined;
    this.#update(replica, {
      phase: 'starting',
      startedAt: this.wall(),
      ...(port === undefined ? {} : { address: `127.0.0.1:${port}` }),
    });
    if (replica.behaviour === 'noStart') {
      this.#update(replica, { failure: { code: 'E_COMMAND_NOT_FOUND', message: 'no such command' } });
      return;
    }
    const isSlow = replica.behaviour === 'slow' || faults.hits('slowStart') !== undefined;
    const readyIn = faults.int('readyIn', isSlow ? 1000 : 20, isSlow ? 3000 : 300);
    this.#clock.after(readyIn, () => {
      if (!this.#isAt(replica, attempt)) return;
      if (replica.behaviour === 'exits') this.crash(replica);
      else if (!NEVER_READY.includes(replica.behaviour)) this.#becomeReady(replica);
    });
  }

  #becomeReady(replica: SimReplica): void {
    const { behaviour, attempt } = replica;
    replica.readyInBoot = true;
    const at = this.wall();
    const lastProbe = { at, ok: true, detail: 'GET /healthz answered 200' };
    this.#update(replica, { phase: 'running', ready: true, wasReady: true, readySince: at, lastProbe });
    if (behaviour !== 'crashes' && behaviour !== 'unready') return;
    const breaksIn = this.#faults.int('breaksIn', 50, 1500);
    this.#clock.after(breaksIn, () => {
      if (!this.#isAt(replica, attempt)) return;
      if (replica.behaviour === 'crashes') this.crash(replica);
      else if (replica.behaviour === 'unready') this.flap(replica, 300);
    });
  }

  /** From now on this one is well: what nobody could come to rest on. */
  heal(replica: SimReplica): void {
    if (replica.behaviour === 'well') return;
    replica.behaviour = 'well';
    const { failure: _, ...view } = replica.view;
    replica.view = view;
    if (!replica.view.ready && replica.view.phase !== 'stopping') this.#startIn(replica, 10);
  }

  #isAt(replica: SimReplica, attempt: number): boolean {
    return replica.attempt === attempt && this.replicas.get(replica.view.id) === replica;
  }

  #update(replica: SimReplica, change: Partial<Replica>): void {
    // Views are given out: each change makes a new one.
    const view = { ...replica.view, ...change };
    if (change.ready === false) delete view.readySince;
    replica.view = view;
    this.#changed();
  }

  #changed(): void {
    this.onChange();
  }
}

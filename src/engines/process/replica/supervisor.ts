import { setTimeout as sleep } from 'node:timers/promises';
import type { Ms, Reason, Replica } from '../../../core/model.ts';
import type { EngineContext } from '../context.ts';
import { explained, sentence } from '../failures.ts';
import { tailText } from '../logs/read.ts';
import { type Redact, redactor } from '../logs/redact.ts';
import { ReplicaLogs } from '../logs/replica-logs.ts';
import { capturedSecrets } from '../prepare/captured-secrets.ts';
import { createWaker } from '../waker.ts';
import { backoffMs } from './backoff.ts';
import { waitUntilGone } from './ending.ts';
import { exitOfAttempt, failureOf, forgetStatus, nextAttempt, portWasTaken, withExit } from './exits.ts';
import { Health } from './health.ts';
import { commandLine, type Place, preparePlace, startShim } from './launch.ts';
import { type Identity, membersOf, signalAll } from './members.ts';
import { type Attempt, type Intent, type Wish, writeAttempt, writeAttemptNow, writeWish } from './records.ts';
import { ownChild, type Running } from './running.ts';
import { exitInWords } from './shim.ts';
import { viewOf } from './view.ts';

/** How the life of a replica begins in this engine. */
export type Beginning =
  | { kind: 'start' }
  /** Its processes are alive. */
  | { kind: 'adopt'; running: Running }
  /** It ended while no daemon looked. */
  | { kind: 'ended' };

/** Why the present start is to end though nobody asked for a stop. */
type Again = { kind: 'unhealthy'; deadlineMs: Ms } | { kind: 'portTaken'; deadlineMs: Ms };

export interface SupervisorOptions {
  context: EngineContext;
  folder: string;
  intent: Intent;
  wish: Wish;
  attempt: Attempt;
  /** Nothing of it is left, and that is recorded. */
  gone: () => void;
}

const TAIL_LINES = 20;
const PORT_TRIES = 10;
const PORT_TAKEN_GRACE_MS = 2000;
const AFTER_TROUBLE_MS = 1000;

/** Keeps one replica running from its intent until nothing of it is left. */
export class Supervisor {
  readonly intent: Intent;
  readonly folder: string;
  readonly logs: ReplicaLogs;
  redact: Redact = (text) => text;
  readonly #options: SupervisorOptions;
  readonly #context: EngineContext;
  readonly #waker = createWaker();
  #wish: Wish;
  #attempt: Attempt;
  #running: Running | undefined;
  #health: Health | undefined;
  #lastProbe: Replica['lastProbe'];
  #place: Place | undefined;
  #identity: Identity;
  #failure: Reason | undefined;
  #again: Again | undefined;
  #ended = false;
  #pausing = false;
  #portTries = 0;
  #readyAtMs: Ms | undefined;
  #closed = false;
  #life: Promise<void> = Promise.resolve();
  #tail: string[] | undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#context = options.context;
    this.intent = options.intent;
    this.folder = options.folder;
    this.#wish = options.wish;
    this.#attempt = options.attempt;
    this.#identity = { owner: options.context.ownerOf(options.intent) };
    this.logs = new ReplicaLogs(options.folder, options.context.limits, (error) =>
      this.#trouble(error, 'writing logs'),
    );
  }

  get stopping(): boolean {
    return this.#wish.kind !== 'wanted';
  }

  get stateVersion(): number {
    return Math.max(this.intent.stateVersion, this.#wish.kind === 'stopping' ? this.#wish.stateVersion : 0);
  }

  begin(how: Beginning): void {
    this.#life = this.#liveOn(how);
  }

  /** Returns when the intent is durable and TERM was sent. A later deadline than one before does not count. */
  async stop(graceMs: Ms, stateVersion: number): Promise<void> {
    const deadlineMonotonicMs = this.#context.clock.monotonic() + graceMs;
    if (this.#wish.kind === 'gone') return;
    if (this.#wish.kind === 'stopping' && this.#wish.deadlineMonotonicMs <= deadlineMonotonicMs) return;
    const wish: Wish = { kind: 'stopping', graceMs, deadlineMonotonicMs, stateVersion };
    await writeWish(this.folder, wish);
    const first = this.#wish.kind === 'wanted';
    this.#wish = wish;
    if (first) this.#terminate('stopping');
    this.#waker.wake();
    this.#context.changed(this.intent.app);
  }

  /** Ends supervision, not the replica. Nothing is under way any more when this resolves. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#waker.wake();
    await this.#life;
  }

  async view(): Promise<Replica> {
    const replica = viewOf(this.intent, this.#attempt, {
      health: this.#health,
      lastProbe: this.#health?.lastProbe ?? this.#lastProbe,
      failure: this.#failure,
      pausing: this.#pausing,
      stopping: this.stopping,
    });
    const wrong = replica.lastExit ?? replica.failure ?? (!replica.ready && replica.lastProbe?.ok === false);
    if (!wrong) return replica;
    return { ...replica, logTail: await this.logTail() };
  }

  async logTail(): Promise<string[]> {
    if (this.#tail) return this.#tail;
    const { clock, limits } = this.#context;
    this.#tail = await tailText(this.logFolder(), TAIL_LINES, {
      logFiles: limits.logFiles,
      now: clock.wall(),
    });
    return this.#tail;
  }

  logFolder() {
    const { replica, pool } = this.intent;
    return { replica, pool, folder: this.folder, redact: this.redact };
  }

  /** Called again and again: keeps the times of lines and the size of files. */
  tick(): void {
    this.#tail = undefined;
    this.logs.stamp(this.#context.clock.wall());
  }

  /** One that is not supervised any more would neither be started again nor ever be gone: whatever fails, it goes on. */
  async #liveOn(how: Beginning): Promise<void> {
    for (let next = how; ; next = this.#running || this.#attempt.ended ? { kind: 'start' } : how) {
      try {
        await this.#live(next);
        return;
      } catch (error) {
        this.#trouble(error, 'supervising');
        this.#note(`supervision failed: ${sentence(error)}; it goes on in ${AFTER_TROUBLE_MS / 1000} s`);
        if (this.#closed) return;
        await sleep(AFTER_TROUBLE_MS);
      }
    }
  }

  async #live(how: Beginning): Promise<void> {
    if (how.kind === 'adopt') await this.#adopt(how.running);
    if (how.kind === 'ended' && this.#goesOn()) await this.#clearAndCount();
    while (this.#goesOn()) {
      if (!this.#running) await this.#tryStart();
      if (this.#running) {
        await this.#watch();
        if (this.#goesOn()) await this.#clearAndCount();
      }
      await this.#waitToRetry();
    }
    if (!this.#closed) await this.#end();
    this.#running?.forget();
    await this.#health?.stop();
  }

  #goesOn(): boolean {
    return !this.#closed && this.#wish.kind === 'wanted';
  }

  async #adopt(running: Running): Promise<void> {
    this.#identity = { ...this.#identity, leader: running.leader };
    await this.#takePlace().catch((error: unknown) => this.#trouble(error, 'adopting'));
    if (this.#wish.kind === 'stopping') this.#terminate('still stopping');
    else this.#note(`adopted as process ${running.leader.pid} by a daemon that was started anew`);
    this.#attach(running);
  }

  async #tryStart(): Promise<void> {
    try {
      this.#attempt = await nextAttempt(this.#context, this.#attempt, this.intent.run.hasPort);
      const place = await this.#takePlace();
      const command = await commandLine(this.intent, this.#attempt.port, place);
      await writeAttempt(this.folder, this.#attempt);
      // From here to the start nothing waits: a stop that came before is seen, one that comes later finds the process.
      if (!this.#goesOn()) return;
      const startedAt = this.#context.clock.wall();
      const running = await ownChild(startShim(this.folder, this.#attempt.number, command, place));
      this.#failure = undefined;
      this.#identity = { ...this.#identity, leader: running.leader };
      const where = this.#attempt.port === undefined ? '' : ` on 127.0.0.1:${this.#attempt.port}`;
      this.logs.noteStart(startedAt, `started ${command.join(' ')} as process ${running.leader.pid}${where}`);
      this.#attach(running);
      if (this.stopping) this.#terminate('stopping');
      await forgetStatus(this.folder, this.#attempt.number - 1);
    } catch (error) {
      this.#failure = failureOf(
        explained(error, `starting ${this.intent.replica}`, this.#context.layout.root),
      );
      this.#attempt = { ...this.#attempt, failuresInRow: this.#attempt.failuresInRow + 1, ended: true };
      this.#note(`could not be started: ${this.#failure.message}`);
    }
    this.#context.changed(this.intent.app);
  }

  async #takePlace(): Promise<Place> {
    const secrets = await capturedSecrets(this.#context.layout, this.intent.run);
    this.redact = redactor(Object.values(secrets));
    this.#place = await preparePlace(this.#context, this.intent, this.#attempt.port, secrets);
    return this.#place;
  }

  /** From now on its end is noticed and its health is asked. */
  #attach(running: Running): void {
    this.#running = running;
    this.#ended = false;
    this.#again = undefined;
    this.#readyAtMs = undefined;
    this.#identity = { ...this.#identity, leaderSeen: true };
    running.onExit(() => {
      this.#ended = true;
      this.#waker.wake();
    });
    if (!this.#goesOn()) return;
    const { clock } = this.#context;
    this.#health = new Health({
      health: this.intent.run.health,
      target: {
        port: this.#attempt.port,
        appPort: this.intent.appPort,
        place: this.#place ?? { cwd: '/', env: {}, user: undefined },
        members: () => membersOf(this.#identity),
      },
      redact: (text) => this.redact(text),
      now: this.#context.now,
      changed: () => this.#context.changed(this.intent.app),
      becameReady: () => this.#becameReady(),
      failed: (why) => {
        this.#note(`liveness failed (${why}): it is started again`);
        this.#startAgain({ kind: 'unhealthy', deadlineMs: clock.monotonic() + this.intent.graceMs });
      },
      stranger: () =>
        this.#startAgain({ kind: 'portTaken', deadlineMs: clock.monotonic() + PORT_TAKEN_GRACE_MS }),
    });
  }

  #becameReady(): void {
    this.#readyAtMs = this.#context.clock.monotonic();
    this.#portTries = 0;
    if (this.#attempt.wasReady) return;
    this.#attempt = { ...this.#attempt, wasReady: true };
    try {
      writeAttemptNow(this.folder, this.#attempt);
    } catch (error) {
      this.#trouble(error, 'recording readiness');
    }
  }

  #startAgain(again: Again): void {
    this.#again ??= again;
    this.#waker.wake();
  }

  async #watch(): Promise<void> {
    while (this.#goesOn() && !this.#ended && !this.#again) await this.#waker.wait(Number.POSITIVE_INFINITY);
  }

  /** The main process ended, or is to be ended: what it leaves behind would hold its port and its files. */
  async #clearAndCount(): Promise<void> {
    await this.#health?.stop();
    this.#lastProbe = this.#health?.lastProbe;
    this.#health = undefined;
    if (this.#again) this.#terminate('ending');
    if (!(await this.#untilGone())) return;
    this.#tail = undefined;
    this.tick();
    const taken =
      this.#again?.kind === 'portTaken' ||
      (!this.#readyAtMs && (await portWasTaken(this.#attempt, await this.logTail())));
    const exit = await exitOfAttempt(this.folder, this.#attempt, this.#context.clock.wall());
    // Not before: what fails until here is done again, or an exit would not be counted.
    this.#running?.forget();
    this.#running = undefined;
    if (taken && ++this.#portTries <= PORT_TRIES) {
      this.#note(`port ${this.#attempt.port} was taken by another process: it is started on another one`);
      if (this.#attempt.port !== undefined) this.#context.ports.release(this.#attempt.port);
      const { port: _, ...rest } = this.#attempt;
      this.#attempt = { ...rest, ended: true, failuresInRow: 0 };
    } else {
      const readyForMs =
        this.#readyAtMs === undefined ? 0 : this.#context.clock.monotonic() - this.#readyAtMs;
      this.#attempt = withExit(this.#attempt, exit, readyForMs);
      this.#note(`${exitInWords(exit)}; started again in ${backoffMs(this.#attempt.failuresInRow) / 1000} s`);
    }
    this.#again = undefined;
    this.#tail = undefined;
    await writeAttempt(this.folder, this.#attempt).catch((error: unknown) =>
      this.#trouble(error, 'recording an exit'),
    );
    this.#context.changed(this.intent.app);
  }

  async #waitToRetry(): Promise<void> {
    const { clock } = this.#context;
    if (!this.#goesOn() || this.#attempt.failuresInRow === 0) return;
    const until = clock.monotonic() + backoffMs(this.#attempt.failuresInRow);
    this.#pausing = true;
    this.#context.changed(this.intent.app);
    while (this.#goesOn() && clock.monotonic() < until) await this.#waker.wait(until - clock.monotonic());
    this.#pausing = false;
  }

  #terminate(why: string): void {
    const members = membersOf(this.#identity);
    if (members.length > 0)
      this.#note(
        `${why}: TERM to ${members.length === 1 ? 'its process' : `its ${members.length} processes`}`,
      );
    signalAll(members, 'SIGTERM');
  }

  async #untilGone(): Promise<boolean> {
    const { clock } = this.#context;
    return waitUntilGone({
      identity: () => this.#identity,
      remainingMs: () => {
        const deadlineMs =
          this.#wish.kind === 'stopping' ? this.#wish.deadlineMonotonicMs : (this.#again?.deadlineMs ?? 0);
        return deadlineMs - clock.monotonic();
      },
      wait: (ms) => this.#waker.wait(ms),
      closed: () => this.#closed,
      killing: () => this.#note('KILL to what is left of it'),
    });
  }

  async #end(): Promise<void> {
    await this.#health?.stop();
    if (!(await this.#untilGone())) return;
    const exit = await exitOfAttempt(this.folder, this.#attempt, this.#context.clock.wall());
    if (this.#identity.leader) this.#note(`stopped: ${exitInWords(exit)}`);
    await writeWish(this.folder, { kind: 'gone' }).catch((error: unknown) =>
      this.#trouble(error, 'recording the end'),
    );
    this.#wish = { kind: 'gone' };
    if (this.#attempt.port !== undefined) this.#context.ports.release(this.#attempt.port);
    this.#options.gone();
    this.#context.changed(this.intent.app);
  }

  #note(text: string): void {
    this.logs.note(this.#context.clock.wall(), text);
  }

  #trouble(error: unknown, doing: string): void {
    const { app, replica } = this.intent;
    this.#context.logger.warn({ app, replica, error: sentence(error) }, `trouble while ${doing} a replica`);
  }
}

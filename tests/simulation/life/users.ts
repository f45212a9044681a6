/** Clients with kept-alive connections, sticky users among them, and a ledger that says which request failed and why. */
import type { Ms } from '../../../src/core/model.ts';
import type { Random } from '../random.ts';
import type { SimClock } from './clock.ts';
import type { OpenRequest, SimReplica } from './machine.ts';
import type { SimRouter, Target, Way, Worker } from './router.ts';

const USERS = 8;
/** The last ones: they ask for the new version by name, in a header or at the preview host, and get it where there is one. */
const TESTERS = 2;
const HANG_MS = 3000;
const MARKED_ANSWER_MS = 40;

/** Who is to answer for a failed request. */
export type Fault = 'crossfade' | 'version' | 'world' | 'declared';

export interface Failure {
  at: Ms;
  user: string;
  why: string;
  fault: Fault;
}

interface User {
  name: string;
  isTester: boolean;
  worker: Worker;
}

export interface UsersOptions {
  clock: SimClock;
  random: Random;
  router: SimRouter;
  /** Why nobody being there to answer is all right; undefined: it is not. */
  excuse(worker: Worker): Fault;
  failed(failure: Failure): void;
  /** Sees where each user was sent. */
  sent(user: string, worker: Worker, target: Target): void;
}

export class Users {
  readonly ledger = { sent: 0, ok: 0, failed: { crossfade: 0, version: 0, world: 0, declared: 0 } };
  readonly #options: UsersOptions;
  readonly #users: User[];

  constructor(options: UsersOptions) {
    this.#options = options;
    const { router } = options;
    this.#users = Array.from({ length: USERS }, (_, n) => ({
      name: `u${n}`,
      isTester: n >= USERS - TESTERS,
      worker: router.nextWorker(),
    }));
    this.#tick();
  }

  #tick(): void {
    const { clock, random } = this.#options;
    const requests = random.int(0, 4);
    for (let n = 0; n < requests; n++) this.#request(random.pick(this.#users));
    clock.after(random.int(5, 40), () => this.#tick());
  }

  #request(user: User): void {
    const { router } = this.#options;
    // A connection whose worker is gone is opened anew.
    if (!router.workers.includes(user.worker)) user.worker = router.nextWorker();
    this.ledger.sent += 1;
    const { worker } = user;
    const admit = worker.table?.route.admit.kind ?? 'open';
    if (admit !== 'open') router.refuse(admit === 'refuse' ? 'refused' : 'held');
    const named = admit === 'open' && user.isTester ? router.named(worker) : undefined;
    if (named) {
      // Nobody else answers for it when it is gone, and others do not notice.
      if (named === 'nobody') this.#fail(user.name, 'the version that it names has nobody', 'world');
      else this.#send(user.name, worker, named, 'name');
      return;
    }
    const target = admit === 'open' ? router.choose(worker, user.name) : 'nobody';
    if (target === 'nobody') {
      this.#fail(user.name, `nobody is there to answer (${admit})`, this.#options.excuse(worker));
      return;
    }
    this.#options.sent(user.name, worker, target);
    this.#send(user.name, worker, target, 'split');
    this.#copy(worker);
  }

  /** Of that request for the version that is tried out: it keeps a replica busy, and nobody waits for its answer. */
  #copy(worker: Worker): void {
    const { router, random, clock } = this.#options;
    if (!worker.table?.route.mirror) return;
    const target = router.mirrored(worker, random.next());
    const replica = target && router.replicaAt(target);
    const lengthMs = this.#length();
    if (!replica || whyNobody(replica, worker) || lengthMs === 0) return;
    const end = () => {
      cancel();
      if (replica.open.delete(request) && replica.open.size === 0) router.onChange();
    };
    const common = { replica, since: clock.now, tainted: worker.tainted, worker: worker.id };
    const request: OpenRequest = { ...common, cut: end };
    const cancel = clock.after(lengthMs, end);
    replica.open.add(request);
  }

  /** Marked requests of Crossfade itself. @returns when the last one is answered */
  mark(requests: number): Ms {
    const { router } = this.#options;
    let longest = MARKED_ANSWER_MS;
    for (let n = 0; n < requests; n++) {
      const worker = router.nextWorker();
      if (worker.table?.route.admit.kind !== 'open') continue;
      const target = router.choose(worker, `marked${n}-${this.ledger.sent}`);
      if (target === 'nobody') continue;
      if (this.#send('marked', worker, target, 'probes') === 'hangs') longest = HANG_MS;
    }
    return longest;
  }

  #send(user: string, worker: Worker, target: Target, way: Way): 'hangs' | 'goes on' {
    const { router } = this.#options;
    const replica = router.replicaAt(target);
    const nobody = whyNobody(replica, worker);
    if (!replica || nobody) {
      const why = `${target.member.replica} ${nobody ?? 'is not there'}`;
      router.sent(target, way);
      router.answered(target, way, 'failed');
      if (way !== 'probes') this.#fail(user, why, this.#options.excuse(worker));
      return 'goes on';
    }
    router.sent(target, way);
    if (replica.hangs || replica.behaviour === 'hangs') {
      this.#keepOpen(user, worker, replica, target, way, HANG_MS, 'failed');
      return 'hangs';
    }
    if (replica.view.phase === 'backoff') {
      router.answered(target, way, 'failed');
      if (way !== 'probes') this.#fail(user, `${replica.view.id} has crashed`, 'world');
      return 'goes on';
    }
    const how = replica.behaviour === 'errors' ? 'failed' : 'ok';
    const lengthMs = way === 'probes' ? 0 : this.#length();
    if (lengthMs > 0) this.#keepOpen(user, worker, replica, target, way, lengthMs, how);
    else this.#answer(user, target, way, how);
    return 'goes on';
  }

  #length(): Ms {
    const { random } = this.#options;
    const draw = random.next();
    if (draw < 0.88) return 0;
    return draw < 0.98 ? random.int(5, 200) : random.int(300, 3000);
  }

  #keepOpen(
    user: string,
    worker: Worker,
    replica: SimReplica,
    target: Target,
    way: Way,
    ms: Ms,
    how: 'ok' | 'failed',
  ): void {
    const { clock, router } = this.#options;
    const request: OpenRequest = {
      replica,
      since: clock.now,
      tainted: worker.tainted,
      worker: worker.id,
      cut: (why, byUs) => {
        if (!replica.open.delete(request)) return;
        cancel();
        router.answered(target, way, 'failed');
        if (way !== 'probes') this.#fail(user, `on ${replica.view.id}: ${why}`, byUs ? 'crossfade' : 'world');
      },
    };
    const cancel = clock.after(ms, () => {
      if (!replica.open.delete(request)) return;
      this.#answer(user, target, way, how);
      if (replica.open.size === 0) router.onChange();
    });
    replica.open.add(request);
  }

  #answer(user: string, target: Target, way: Way, how: 'ok' | 'failed'): void {
    this.#options.router.answered(target, way, how);
    if (way === 'probes') return;
    if (how === 'ok') this.ledger.ok += 1;
    else this.#fail(user, `${target.member.replica} answered 500`, 'version');
  }

  #fail(user: string, why: string, fault: Fault): void {
    this.ledger.failed[fault] += 1;
    this.#options.failed({ at: this.#options.clock.now, user, why, fault });
  }
}

/** What Crossfade must never do: send somebody to a replica that it has stopped, or that was never ready. */
function whyNobody(replica: SimReplica | undefined, worker: Worker): string | undefined {
  if (!replica) return 'is gone';
  if (replica.view.phase === 'stopping') return 'has been told to stop';
  if (!replica.readyInBoot) return `was not ready yet (table ${worker.table?.generation})`;
  return undefined;
}

import { decide } from '../../../src/core/decide/index.ts';
import { emptyState } from '../../../src/core/decide/state.ts';
import type {
  Action,
  AppObject,
  AppState,
  Command,
  Counts,
  Known,
  PoolId,
  Replica,
  RouteTable,
} from '../../../src/core/model.ts';
import { revisionIdOf } from '../../../src/core/revision.ts';
import type { ObservedApp } from '../../../src/server/deps.ts';
import type { Snapshot } from '../../../src/server/view/snapshot.ts';
import type { AppSpec } from '../../../src/spec/app.ts';
import { sampleObject, sampleSpec } from '../../conformance/store/samples.ts';

const EPOCH = 'e1';
const NO_COUNTS: Counts = { requests: 0, ok: 0, failed: 0, split: 0, probes: 0 };

/** An App under the real decisions, in a world that does at once what it is told: for states that views are made of. */
export class SmallWorld {
  state: AppState = emptyState();
  object: AppObject;
  replicas: Replica[] = [];
  table: RouteTable | undefined;
  counts: Record<PoolId, Counts> = {};
  commands: Command[] = [];
  nowMs = Date.UTC(2026, 0, 1);
  /** Replicas of these pools never get ready, and this is what their probe says. */
  unready = new Map<PoolId, string>();
  routerDown: string | undefined;
  private nextReplica = 1;
  private done: Action['key'][] = [];

  constructor(spec: Partial<AppSpec['spec']> = {}) {
    this.object = { ...sampleObject('shop'), spec: sampleSpec('shop', spec) };
    this.object.revision = { ...this.object.revision, id: revisionIdOf(this.object.revision.run) };
  }

  /** Applies another greeting: a new revision. */
  release(greeting: string): void {
    const run = { ...this.object.revision.run, env: { GREETING: greeting } };
    const number = this.state.nextRevisionNumber;
    const revision = { ...this.object.revision, run, id: revisionIdOf(run), number };
    this.object = { ...this.object, generation: this.object.generation + 1, revision };
  }

  command(verb: Command['verb'], more: Partial<Command> = {}): void {
    this.commands.push({ id: `c${this.commands.length}`, verb, actor: 'ann', at: this.nowMs, ...more });
  }

  /** Decides and acts until nothing more happens by itself. */
  settle(): this {
    for (let turn = 0; turn < 200; turn += 1) {
      this.nowMs += 10;
      const { next, actions } = decide(this.state, this.observed(), this.nowMs);
      if (next === this.state && actions.length === 0) return this;
      this.state = next;
      this.done = actions.map((action) => {
        this.act(action);
        return action.key;
      });
    }
    throw new Error('the small world does not settle');
  }

  /** That much later, decided again. */
  later(ms: number): this {
    this.nowMs += ms;
    return this.settle();
  }

  /** Users' requests, spread exactly as the route says. */
  traffic(requests: number): this {
    const split = this.table?.route.split;
    if (split?.kind !== 'weights') throw new Error('traffic needs a weighted route');
    for (const { key, weight } of split.to) this.count(key, (requests * weight) / 10_000, 'split');
    return this;
  }

  snapshot(): Snapshot {
    return { object: this.object, state: this.state, observed: this.observed(), nowMs: this.nowMs };
  }

  private count(pool: PoolId, requests: number, as: 'split' | 'probes'): void {
    const counts = { ...(this.counts[pool] ?? NO_COUNTS) };
    counts[as] += requests;
    if (as === 'split') {
      counts.requests += requests;
      counts.ok += requests;
    } else counts.probesOk = (counts.probesOk ?? 0) + requests;
    this.counts[pool] = counts;
  }

  private observed(): ObservedApp {
    const at = this.nowMs;
    const known = <T>(value: T): Known<T> => ({ kind: 'known', value, at });
    const down =
      this.routerDown === undefined
        ? undefined
        : { kind: 'unknown' as const, since: at, why: this.routerDown };
    const firstAnswerAt = Object.fromEntries(
      Object.keys(this.table?.members ?? {}).map((pool) => [pool, at]),
    );
    const outcomes = this.done.map((key) => ({ key, result: 'ok' as const }));
    return {
      app: known(this.object),
      commands: this.commands,
      replicas: known(this.replicas),
      router:
        down ??
        known({
          epoch: EPOCH,
          workers: 1,
          ackedGeneration: this.table?.generation ?? 0,
          ...(this.table ? { serving: this.table } : {}),
          inFlight: {},
          admission: { refused: 0, held: 0 },
          firstAnswerAt,
        }),
      measured: down ?? known({ source: 'replica', epoch: EPOCH, perPool: structuredClone(this.counts) }),
      outcomes,
      latency: {},
      inFlight: {},
    };
  }

  private act(action: Action): void {
    switch (action.kind) {
      case 'grow':
        this.grow(action.pool, action.replicas);
        return;
      case 'stop':
        this.replicas = this.replicas.filter((replica) => replica.id !== action.replica);
        return;
      case 'route':
        this.table = action.table;
        return;
      case 'unroute':
        this.table = undefined;
        return;
      case 'probe': {
        const split = this.table?.route.split;
        if (split?.kind !== 'weights') return;
        for (const { key, weight } of split.to)
          this.count(key, (action.requests * weight) / 10_000, 'probes');
        return;
      }
      case 'drain':
      case 'forget':
        return;
    }
  }

  private grow(pool: PoolId, wanted: number): void {
    const probe = this.unready.get(pool);
    while (this.replicas.filter((replica) => replica.pool === pool).length < wanted) {
      const number = this.nextReplica++;
      const ready = probe === undefined;
      this.replicas.push({
        id: `${pool}-${number}`,
        pool,
        address: `127.0.0.1:${20_000 + number}`,
        phase: ready ? 'running' : 'starting',
        ready,
        ...(ready ? { readySince: this.nowMs } : {}),
        wasReady: ready,
        startedAt: this.nowMs,
        restarts: 0,
        lastProbe: { at: this.nowMs, ok: ready, detail: probe ?? 'GET /healthz answered 200' },
      });
    }
  }
}

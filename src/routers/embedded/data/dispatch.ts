/** From a complete head to a replica: admission, choice, counting, retries. */
import type { App } from './app.ts';
import type { ClientConn } from './client.ts';
import type { OwnCode } from './own-answer.ts';
import { choosePool, type Plan, type PoolPlan, pickForSplit, pickMember, turnOf } from './plan.ts';
import type { Target } from './target.ts';
import type { UpstreamConn } from './upstream.ts';

const MAX_RETRIES = 3;

/** Gives the request to a replica, or answers it, or queues it. `admitted`: it has been let through already. */
export function dispatch(c: ClientConn, admitted = false): void {
  if (c.dead) return;
  const refusal = route(c, admitted);
  if (refusal !== null) c.answer(refusal);
}

/** Null: the request is on its way, or waits. */
function route(c: ClientConn, admitted: boolean): OwnCode | null {
  const app = c.destination?.app;
  if (app === undefined) return 'E_NO_APP';
  if (app.unverified) return 'E_ROUTE_UNVERIFIED';
  if (app.plan === null) return 'E_NO_ROUTE';
  if (!admitted && !app.admission.open && !app.admission.enter(c)) {
    c.pauseBody();
    return null;
  }
  const plan = app.plan;
  const choice = choosePool(plan, c.destination?.preview === true, c.request, c.fieldsAt);
  c.plan = plan;
  c.pool = choice.pool;
  c.by = choice.by;
  c.cookie = choice.cookie;
  if (choice.pool === null) return choice.by === 'preview' ? 'E_NO_PREVIEW' : 'E_NO_REPLICA';
  const picked = pickFor(c, plan, choice.pool, null);
  if (picked === null) return unreachable(c, turnOf(choice.pool));
  send(c, picked);
  return null;
}

/** Somebody for this request, who then answers it as one of its own pool. */
function pickFor(c: ClientConn, plan: Plan, pool: PoolPlan, skip: Target | null): Target | null {
  const now = performance.now();
  if (c.by !== 'split') return pickMember(pool, now, skip);
  const picked = pickForSplit(plan, pool, now, skip);
  if (picked !== null) c.pool = picked.pool;
  return picked?.target ?? null;
}

/** The split's turn is used all the same: another pool would answer users who are not its own. */
function unreachable(c: ClientConn, due: Target | null): OwnCode {
  if (due === null) return 'E_NO_REPLICA';
  count(c, due, 1);
  tally(c, due, 'failed', 1);
  return 'E_UPSTREAM_DOWN';
}

function send(c: ClientConn, target: Target): void {
  const now = performance.now();
  count(c, target, 1);
  target.opened(now);
  c.target = target;
  c.waitingSince = now;
  // A retry on another idle connection could meet a stale one again and again.
  const idle = c.tries === 0 ? target.takeIdle(c.idempotent, now) : undefined;
  const upstream = idle ?? c.plane.connect(target);
  c.upstream = upstream;
  upstream.start(c);
}

/**
 * Counted when it is sent, not when it is answered: so the counts follow the split to one request at any moment, however many
 * requests are open. A retry takes the count along to the replica that is tried next.
 */
function count(c: ClientConn, target: Target, by: 1 | -1): void {
  const { counts } = target;
  if (c.probe) {
    if (c.by === 'split') counts.probes += by;
    return;
  }
  counts.requests += by;
  if (c.by === 'split') counts.split += by;
}

/** How it ended; for marked requests only where they are counted at all. */
function tally(c: ClientConn, { counts }: Target, how: 'ok' | 'failed', by: 1 | -1): void {
  if (!c.probe) {
    counts[how] += by;
    return;
  }
  if (c.by !== 'split') return;
  const marked = how === 'ok' ? 'probesOk' : 'probesFailed';
  counts[marked] = (counts[marked] ?? 0) + by;
}

/** The head of the answer is there. */
export function noteAnswer(c: ClientConn, status: number): void {
  c.answered = true;
  c.status = status;
  const { target, pool } = c;
  if (target === null || pool === null) throw new Error('an answer without a request');
  target.markUp();
  tally(c, target, status < 500 ? 'ok' : 'failed', 1);
  if (c.probe) return;
  if (pool.firstAnswerAt > 0 || c.by === 'preview') return;
  pool.firstAnswerAt = Date.now();
  if (c.destination?.app.plan === c.plan) c.destination?.app.changed();
}

/** The answer is complete. `keep`: the upstream connection may be used again. */
export function noteDone(c: ClientConn, upstream: UpstreamConn, keep: boolean): void {
  const { target, pool } = c;
  if (target === null || pool === null) throw new Error('an answer without a request');
  const now = performance.now();
  if (!c.probe) pool.latency.record(now - c.startedAt);
  c.upstream = null;
  upstream.client = null;
  // After an early answer the rest of the request is still on its way there.
  if (!(keep && c.requestComplete && target.keepIdle(upstream, now))) upstream.close();
  target.released();
}

/** The client has no more use for its upstream connection. */
export function releaseUpstream(c: ClientConn): void {
  const { upstream, target } = c;
  if (upstream === null || target === null) return;
  c.upstream = null;
  upstream.client = null;
  if (c.tunnel) upstream.endTunnel();
  else upstream.close();
  target.released();
}

/** What went wrong before the answer was complete. */
export type Broken =
  /** The connection ended, in order (null) or not. */
  | { kind: 'ended'; error: NodeJS.ErrnoException | null }
  /** The bytes that came were not an answer; sending the request again would give the same. */
  | { kind: 'malformed' };

/** Errors of a connection attempt that say something about the replica, not about this machine's limits. */
const REFUSED = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH']);

/** The upstream connection ended too early. */
export function upstreamBroken(c: ClientConn, upstream: UpstreamConn, broken: Broken): void {
  const { target, pool } = c;
  if (target === null || pool === null) throw new Error('a broken answer without a request');
  releaseUpstream(c);
  if (broken.kind === 'ended' && REFUSED.has(broken.error?.code ?? '')) target.markDown(performance.now());
  if (c.answered) {
    if (c.status < 500) {
      // It was counted as good when its head came.
      tally(c, target, 'ok', -1);
      tally(c, target, 'failed', 1);
    }
    c.destroy();
    return;
  }
  if (mayRetry(c, upstream, broken) && retry(c, target, upstream)) return;
  failed(c, target, upstream.connected ? 'E_UPSTREAM_BROKEN' : 'E_UPSTREAM_DOWN');
}

/** Only what cannot be done twice by that: what nobody has got, or what is the same twice. */
function mayRetry(c: ClientConn, upstream: UpstreamConn, broken: Broken): boolean {
  if (c.streamed || c.tries >= MAX_RETRIES || broken.kind === 'malformed') return false;
  return !upstream.connected || c.idempotent;
}

function retry(c: ClientConn, target: Target, upstream: UpstreamConn): boolean {
  const next = nextTarget(c, target, upstream);
  if (next === null) return false;
  count(c, target, -1);
  c.tries++;
  if (next === 'anew') dispatch(c);
  else send(c, next);
  return true;
}

/** Another connection to the same replica when only the connection was stale; otherwise another replica that may answer for it. */
function nextTarget(c: ClientConn, target: Target, upstream: UpstreamConn): Target | 'anew' | null {
  if (c.pool === null || c.plan === null) return null;
  if (upstream.used && target.usable) return target;
  const other = pickFor(c, c.plan, c.pool, target);
  if (other !== null) return other;
  // The table was replaced meanwhile and nothing of this pool is left: the request goes by the new one.
  const app: App | undefined = c.destination?.app;
  if (app?.plan && app.plan !== c.plan) return 'anew';
  return upstream.connected && target.usable ? target : null;
}

/** The router gives up waiting for the replica's answer. */
export function giveUp(c: ClientConn, code: 'E_UPSTREAM_TIMEOUT' | 'E_DRAINED'): void {
  const { target } = c;
  if (target !== null) failed(c, target, code);
}

function failed(c: ClientConn, target: Target, code: OwnCode): void {
  tally(c, target, 'failed', 1);
  c.answer(code);
}

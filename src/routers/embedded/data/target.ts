/** One replica at one address, as the table claims it: its idle connections, what is open, and what was counted there. */
import type { Counts, Ms, PoolId, ReplicaId } from '../../../core/model.ts';
import type { UpstreamConn } from './upstream.ts';

const MAX_IDLE = 1024;
/** Node closes idle connections after 5 s without always saying so: be earlier. */
const IDLE_MS = 4_000;
/** A request that must not be sent twice only goes over a connection that was used this recently. */
const FRESH_MS = 1_000;
/** Half-open: one request per this time finds out whether a dead replica is back. */
const RETRY_DEAD_MS = 1_000;

export class Target {
  readonly replica: ReplicaId;
  readonly pool: PoolId;
  readonly address: string;
  readonly host: string;
  readonly port: number;
  readonly counts: Counts = { requests: 0, ok: 0, failed: 0, split: 0, probes: 0 };
  /** Requests and upgraded connections that are open. */
  inFlight = 0;
  /** In the table that is served. */
  member = true;
  draining = false;
  /** When it left the table or was last used; for forgetting its counts. Monotonic. */
  lastUsed: Ms = 0;
  private downUntil: Ms = 0;
  private readonly idle: UpstreamConn[] = [];
  private readonly onIdle: () => void;

  /** `onIdle` is called when nothing is open any more on a target that left the table or is draining. */
  constructor(replica: ReplicaId, pool: PoolId, address: string, onIdle: () => void) {
    const colon = address.lastIndexOf(':');
    this.replica = replica;
    this.pool = pool;
    this.address = address;
    this.host = address.slice(0, colon).replace(/^\[|\]$/g, '');
    this.port = Number(address.slice(colon + 1));
    this.onIdle = onIdle;
  }

  get usable(): boolean {
    return this.member && !this.draining;
  }

  /** False while it is known to refuse connections. True once a second lets one request find out. */
  mayTry(now: Ms): boolean {
    if (this.downUntil === 0) return true;
    if (now < this.downUntil) return false;
    this.downUntil = now + RETRY_DEAD_MS;
    return true;
  }

  isDown(now: Ms): boolean {
    return now < this.downUntil;
  }

  markDown(now: Ms): void {
    this.downUntil = now + RETRY_DEAD_MS;
  }

  markUp(): void {
    this.downUntil = 0;
  }

  opened(now: Ms): void {
    this.inFlight++;
    this.lastUsed = now;
  }

  released(): void {
    if (this.inFlight <= 0) throw new Error(`${this.replica}: released more requests than were opened`);
    if (--this.inFlight === 0 && !this.usable) this.onIdle();
  }

  /** The connection used last: the hottest. Undefined: open a new one. */
  takeIdle(idempotent: boolean, now: Ms): UpstreamConn | undefined {
    const last = this.idle[this.idle.length - 1];
    if (last === undefined || (!idempotent && now - last.idleSince > FRESH_MS)) return undefined;
    return this.idle.pop();
  }

  keepIdle(connection: UpstreamConn, now: Ms): boolean {
    if (!this.usable || this.idle.length >= MAX_IDLE) return false;
    connection.idleSince = now;
    this.idle.push(connection);
    return true;
  }

  forgetIdle(connection: UpstreamConn): void {
    const at = this.idle.indexOf(connection);
    if (at >= 0) this.idle.splice(at, 1);
  }

  closeIdle(): void {
    for (const connection of this.idle.splice(0)) connection.close();
  }

  /** Closes what was idle too long for the replica to be sure to still read from it. */
  sweepIdle(now: Ms): void {
    while (this.idle.length > 0) {
      const oldest = this.idle[0] as UpstreamConn;
      if (now - oldest.idleSince < Math.min(IDLE_MS, oldest.idleLimitMs)) return;
      this.idle.shift();
      oldest.close();
    }
  }
}

import type { NamedCapabilities, RouterCapabilities } from '../../core/capabilities.ts';
import type { AppKey, Front, PoolId, Reason, RouteTable } from '../../core/model.ts';
import type { ActionContext } from '../../ports/engine.ts';
import type { AppSpec } from '../../spec/app.ts';
import { appNameOf, poolObjectName } from '../names.ts';
import type { RouteRecord, RouteWriter } from './record.ts';

/** Where requests enter, and what they carry. */
export interface Entrance {
  host: string;
  port: number;
  /** Host header. */
  name?: string;
  /** Absent: `/`. */
  path?: string;
  headers?: Record<string, string>;
}

/** What is seen of the route of one App, from a cache. */
export interface CarriedRoute {
  record: RouteRecord;
  /** It differs from what was asked for: by whom, what. */
  trouble?: Reason;
  /** What the split comes to, where it cannot be exactly as asked. */
  shares?: Record<PoolId, number>;
  /** Each request is sent by chance. */
  byChance?: true;
  /** It was accepted by what carries it, in the version that is there. */
  accepted: boolean;
}

/**
 * One way to split requests in a cluster. The rest (pool Services, members, endpoints, proof by request, counts) is the
 * same for all of them.
 */
export interface Carrier {
  readonly name: string;
  readonly capabilities: RouterCapabilities;
  /** As of Router. */
  capabilitiesFor?(spec: AppSpec): Promise<NamedCapabilities>;
  /** Answers carry ROUTED_HEADER, so that each says which table sent it where. */
  readonly namesAnswers: boolean;
  /** Resolves when everything that is there has been seen. */
  readonly synced: Promise<unknown>;
  /** What has to be known before the table is written. It changes nothing for users, and may take seconds. */
  prepare?(app: AppKey, table: RouteTable): Promise<void>;
  /** Writes split, matches and the record as one change. @throws OperatingError */
  write(writer: RouteWriter, table: RouteTable): Promise<void>;
  /** The table that was written is followed: what only led from the one before it to this one may go. */
  settle?(app: AppKey, table: RouteTable): Promise<void>;
  /** Takes what was written off again; what was there before stays. */
  erase(ctx: ActionContext): Promise<void>;
  /** Apps that have notes on objects of others; objects of their own go with them. */
  apps(): Iterable<AppKey>;
  read(app: AppKey): CarriedRoute | undefined;
  /** The record that the object has now, past every cache. */
  readLive(app: AppKey, front: Front | undefined): Promise<RouteRecord | undefined>;
  /** Whether the front could be carried. @throws OperatingError E_ROUTE_REFUSED */
  check(namespace: string, front: Front): Promise<void>;
  entrance(app: AppKey, table: RouteTable): Promise<Entrance | undefined>;
  /** Requests per pool that what carries the route has counted, users and ours. Absent: it does not tell. */
  counted?(app: AppKey, table: RouteTable): Promise<Record<PoolId, CarrierCounts> | undefined>;
  /** Who must have answered though the answer does not say it. */
  answeredBy?(table: RouteTable): PoolId | undefined;
  onChange(listener: (app: AppKey) => void): () => void;
  close(): void;
}

export interface CarrierCounts {
  /** That the split decided. */
  split: { ok: number; failed: number };
  /** That a match or the preview decided. */
  other: { ok: number; failed: number };
}

/** Answers say by which table and to which pool they were sent: what a request of ours is told by. */
export const ROUTED_HEADER = 'x-crossfade-route';
export const REVISION_HEADER = 'x-crossfade-revision';

export function routedValue(table: RouteTable, pool: PoolId): string {
  return `${table.generation}/${pool}`;
}

export function parseRouted(value: string | undefined): { generation: number; pool: PoolId } | undefined {
  const [generation, pool] = (value ?? '').split('/');
  return generation !== undefined && /^\d+$/.test(generation) && pool
    ? { generation: Number(generation), pool }
    : undefined;
}

/** Shares of a table in parts of the whole of them, per pool: what a weighted route is written from. */
export function weightsOf({ route, members }: RouteTable): Map<PoolId, number> {
  if (route.split.kind === 'weights') return new Map(route.split.to.map(({ key, weight }) => [key, weight]));
  return new Map(route.split.to.map((pool) => [pool, members[pool]?.length ?? 0]));
}

/** Every pool that the table may send a request to. */
export function poolsOf(table: RouteTable): PoolId[] {
  const { route } = table;
  const named = [
    ...weightsOf(table).keys(),
    ...route.matches.map(({ to }) => to),
    ...(route.mirror === undefined ? [] : [route.mirror.to]),
    ...(route.preview === undefined ? [] : [route.preview]),
  ];
  return [...new Set(named)].sort();
}

/** Names of the Services of those pools. */
export function poolServices(table: RouteTable): string[] {
  const { name } = appNameOf(table.app);
  return poolsOf(table).map((pool) => poolObjectName(name, pool));
}

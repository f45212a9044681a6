import { randomUUID } from 'node:crypto';
import { Agent, request } from 'undici';
import type { PoolId, RouteTable } from '../../core/model.ts';
import { type Entrance, parseRouted, REVISION_HEADER, ROUTED_HEADER } from './carrier.ts';

/** Marked requests through the route as users take it. */

const CONCURRENCY = 8;
const TIMEOUT_MS = 10_000;

export interface Answer {
  ok: boolean;
  status: number;
  /** What the answer says of the table and the pool that it came by; absent: it says nothing. */
  routed?: { generation: number; pool: PoolId };
  /** The revision that it names. */
  revision?: string;
}

/** One after the other on so many connections. An answer that never came is not among them. */
export async function askEntrance(
  entrance: Entrance,
  table: RouteTable,
  requests: number,
  signal: AbortSignal,
): Promise<Answer[]> {
  // A connection each: what chooses by connection chooses anew.
  const agent = new Agent({ connections: CONCURRENCY, pipelining: 0, connect: { timeout: TIMEOUT_MS } });
  const answers: Answer[] = [];
  let left = requests;
  const one = async () => {
    while (left-- > 0 && !signal.aborted) {
      const answer = await ask(agent, entrance, table, signal);
      if (answer) answers.push(answer);
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(CONCURRENCY, requests) }, one));
  } finally {
    await agent.destroy();
  }
  return answers;
}

async function ask(
  agent: Agent,
  { host, port, name, path = '/', headers: more = {} }: Entrance,
  table: RouteTable,
  signal: AbortSignal,
): Promise<Answer | undefined> {
  try {
    const { statusCode, headers, body } = await request(
      `http://${host.includes(':') ? `[${host}]` : host}:${port}${path}`,
      {
        dispatcher: agent,
        headers: {
          ...more,
          ...(name === undefined ? {} : { host: name }),
          'user-agent': 'crossfade-probe',
          'x-crossfade-probe': '1',
          ...userOf(table),
        },
        headersTimeout: TIMEOUT_MS,
        bodyTimeout: TIMEOUT_MS,
        signal,
      },
    );
    await body.dump();
    const text = (name: string) => {
      const value = headers[name];
      return Array.isArray(value) ? value[0] : value;
    };
    const routed = parseRouted(text(ROUTED_HEADER));
    const revision = text(REVISION_HEADER);
    return {
      ok: statusCode < 500,
      status: statusCode,
      ...(routed ? { routed } : {}),
      ...(revision === undefined ? {} : { revision }),
    };
  } catch {
    return undefined;
  }
}

/** A split by user is measured with users, a new one each time. */
function userOf({ route: { sticky } }: RouteTable): Record<string, string> {
  if (!sticky) return {};
  const user = randomUUID();
  return sticky.by.kind === 'header'
    ? { [sticky.by.name.toLowerCase()]: user }
    : { cookie: `${sticky.by.name}=${user}` };
}

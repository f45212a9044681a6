import { KeptAlive, type Reply } from './client.ts';

export interface LoadOptions {
  port: number;
  host?: string;
  /** Connections that are used again and again. */
  kept: number;
  /** Senders that open a connection for every request. */
  fresh: number;
}

export interface Load {
  replies: Reply[];
  /** Requests that had no answer, in words. */
  failures: string[];
  /** Resolves when `n` more requests have been answered than now. Rejects when they fail instead. */
  more(n: number): Promise<void>;
  /** Lets every sender finish its request. */
  stop(): Promise<void>;
}

/** Continuous traffic until stop(). */
export function startLoad({ port, host, kept, fresh }: LoadOptions): Load {
  const replies: Reply[] = [];
  const failures: string[] = [];
  const waiting: { at: number; resolve: () => void }[] = [];
  let stopped = false;

  async function run(reuse: boolean): Promise<void> {
    let client = new KeptAlive(port, host);
    while (!stopped) {
      try {
        replies.push(await client.get('/', reuse ? {} : { Connection: 'close' }));
      } catch (error) {
        failures.push((error as Error).message);
        client.close();
        client = new KeptAlive(port, host);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      for (const w of waiting) if (replies.length + failures.length >= w.at) w.resolve();
    }
    client.close();
  }

  const senders = [
    ...Array.from({ length: kept }, () => run(true)),
    ...Array.from({ length: fresh }, () => run(false)),
  ];
  return {
    replies,
    failures,
    more: (n) =>
      new Promise((resolve) => waiting.push({ at: replies.length + failures.length + n, resolve })),
    stop: async () => {
      stopped = true;
      await Promise.all(senders);
    },
  };
}

/** Exactly `requests` requests over `connections` kept-alive connections. Throws when one fails. */
export async function sendExactly(
  port: number,
  requests: number,
  connections: number,
  host?: string,
): Promise<Reply[]> {
  const replies: Reply[] = [];
  let left = requests;
  const run = async (): Promise<void> => {
    const client = new KeptAlive(port, host);
    while (left-- > 0) replies.push(await client.get());
    client.close();
  };
  await Promise.all(Array.from({ length: connections }, run));
  return replies;
}

export function countBodies(replies: readonly Reply[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { body } of replies) counts[body] = (counts[body] ?? 0) + 1;
  return counts;
}

import { once } from 'node:events';
import http from 'node:http';

export interface Answer {
  status: number;
  body: string;
}

export interface AskOptions {
  headers?: Record<string, string>;
  agent?: http.Agent;
  timeoutMs?: number;
}

/** One request on a connection of its own, unless an agent says otherwise. Fails as the connection does. */
export async function ask(
  url: string,
  { headers = {}, agent, timeoutMs = 5_000 }: AskOptions = {},
): Promise<Answer> {
  const request = http.get(url, { headers, agent: agent ?? false, timeout: timeoutMs });
  request.on('timeout', () => request.destroy(new Error(`no answer within ${timeoutMs} ms`)));
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  let body = '';
  for await (const chunk of response.setEncoding('utf8')) body += chunk;
  return { status: response.statusCode ?? 0, body };
}

/** How many of so many requests, one after the other, each body answered. */
export async function askMany(
  url: string,
  requests: number,
  options: AskOptions = {},
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (let sent = 0; sent < requests; sent += 1) {
    const { status, body } = await ask(url, options);
    const key = status === 200 ? body : String(status);
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}

import http from 'node:http';
import { connectionProblem, noAnswer, type ProbeAnswer } from './answer.ts';

export interface HttpProbe {
  port: number;
  path: string;
  headers: Readonly<Record<string, string>>;
  /** The Host header; the connection goes to 127.0.0.1 all the same, where the replica is. */
  host?: string | undefined;
  timeoutMs: number;
  signal: AbortSignal;
}

/** Beyond this the connection is closed: the status has been heard, the rest only has to be taken politely. */
const LARGEST_BODY_BYTES = 64 * 1024;

/** Passes when the answer is 200 to 399, as in Kubernetes. Redirects are not followed. */
export function probeHttp(probe: HttpProbe): Promise<ProbeAnswer> {
  const address = `127.0.0.1:${probe.port}`;
  return new Promise((resolve) => {
    const request = http.get({
      host: '127.0.0.1',
      port: probe.port,
      path: probe.path,
      headers: {
        host: probe.host ?? address,
        'user-agent': 'crossfade-probe',
        connection: 'close',
        ...probe.headers,
      },
      agent: false,
    });
    const end = (answer: ProbeAnswer) => {
      clearTimeout(timer);
      probe.signal.removeEventListener('abort', cancel);
      request.destroy();
      resolve(answer);
    };
    const cancel = () => end({ ok: false, detail: 'cancelled' });
    let heard: ProbeAnswer | undefined;
    const timer = setTimeout(() => end(heard ?? noAnswer(probe.timeoutMs)), probe.timeoutMs);
    probe.signal.addEventListener('abort', cancel);
    request.on('error', (error: NodeJS.ErrnoException) => end(problem(error, address)));
    request.on('response', (response) => {
      const status = response.statusCode ?? 0;
      const answer: ProbeAnswer = {
        ok: status >= 200 && status < 400,
        detail: `GET ${probe.path} answered ${status}`,
      };
      heard = answer;
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > LARGEST_BODY_BYTES) end(answer);
      });
      response.on('end', () => end(answer));
      response.on('error', () => end(answer));
    });
  });
}

function problem(error: NodeJS.ErrnoException, address: string): ProbeAnswer {
  if (error.code?.startsWith('HPE_'))
    return { ok: false, detail: `${address} answered something that is not HTTP (${error.message})` };
  return connectionProblem(error, address);
}

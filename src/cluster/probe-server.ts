import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ProbeServer {
  port: number;
  close(): Promise<void>;
}

export interface ProbeServerOptions {
  host: string;
  /** 0: any free one. */
  port: number;
  /** Undefined: well. Otherwise why not, in words. */
  unwell(): string | undefined;
  /** Undefined: ready. A controller that waits for the lead is ready. */
  unready(): string | undefined;
  metrics(): Promise<{ text: string; contentType: string }>;
}

/** /healthz and /readyz for the kubelet, /metrics for Prometheus. Nothing else, and nothing about Apps. */
export async function serveProbes(options: ProbeServerOptions): Promise<ProbeServer> {
  const server = createServer((request, response) => {
    answer(options, request.url ?? '', response).catch((error: unknown) => {
      response.writeHead(500).end(`${error}\n`);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(options: ProbeServerOptions, url: string, response: ServerResponse): Promise<void> {
  switch (url.split('?')[0]) {
    case '/healthz':
      return verdict(response, options.unwell());
    case '/readyz':
      return verdict(response, options.unwell() ?? options.unready());
    case '/metrics': {
      const { text, contentType } = await options.metrics();
      response.writeHead(200, { 'content-type': contentType }).end(text);
      return;
    }
    default:
      response.writeHead(404).end('there are /healthz, /readyz and /metrics\n');
  }
}

function verdict(response: ServerResponse, why: string | undefined): void {
  response.writeHead(why === undefined ? 200 : 503).end(`${why ?? 'ok'}\n`);
}

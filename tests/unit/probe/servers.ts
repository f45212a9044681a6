import http from 'node:http';
import net, { type AddressInfo } from 'node:net';

export interface TestServer {
  url: string;
  /** Connections accepted so far. */
  connections(): number;
  close(): Promise<void>;
}

/** A real HTTP server on a free port of 127.0.0.1. */
export function serveHttp(handler: http.RequestListener): Promise<TestServer> {
  return listen(http.createServer(handler));
}

/** A server that speaks whatever it likes. */
export function serveRaw(handler: (socket: net.Socket) => void): Promise<TestServer> {
  return listen(
    net.createServer((socket) => {
      socket.on('error', () => {});
      handler(socket);
    }),
  );
}

/** An address of 127.0.0.1 where nobody listens. */
export async function nobody(): Promise<string> {
  const server = await serveRaw(() => {});
  await server.close();
  return server.url;
}

async function listen(server: net.Server): Promise<TestServer> {
  const open = new Set<net.Socket>();
  let accepted = 0;
  server.on('connection', (socket: net.Socket) => {
    accepted += 1;
    open.add(socket);
    socket.on('close', () => open.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    connections: () => accepted,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}

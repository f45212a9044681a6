import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const ASK_AGAIN_MS = 500;

/**
 * Runs `body` while no other process of this machine holds the claim of that name. An abstract Unix socket is the claim:
 * the kernel drops it with its owner, so a crash leaves none.
 */
export async function whileClaimed<T>(
  name: string,
  tell: (line: string) => void,
  body: () => Promise<T>,
): Promise<T> {
  let claim = await claimed(name);
  if (claim === undefined) tell(`waiting for another process that holds "${name}" ...`);
  while (claim === undefined) {
    await sleep(ASK_AGAIN_MS);
    claim = await claimed(name);
  }
  try {
    return await body();
  } finally {
    claim.close();
    await once(claim, 'close');
  }
}

async function claimed(name: string): Promise<net.Server | undefined> {
  const server = net.createServer();
  try {
    server.listen({ path: `\0${name}` });
    await once(server, 'listening');
    return server;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return undefined;
    throw error;
  }
}

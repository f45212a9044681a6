/** How a keeper is told what to do: one line of JSON on its socket, and one line back. */
import { once } from 'node:events';
import net from 'node:net';

export type Order =
  | { do: 'list' }
  | { do: 'start'; name: string }
  | { do: 'stop'; name: string; signal: NodeJS.Signals }
  | { do: 'signal'; name: string; signal: NodeJS.Signals }
  | { do: 'nodes' }
  | { do: 'addNode' }
  | { do: 'down' };

type Answer = { ok: true; value: unknown } | { ok: false; error: string };

/** Serves orders as long as this process lives. `answered` is called when the answer is on its way. */
export async function serveOrders(
  socket: string,
  carryOut: (order: Order) => Promise<unknown>,
  answered: (order: Order) => void,
): Promise<void> {
  const server = net.createServer({ allowHalfOpen: true }, (connection) => {
    let text = '';
    // Whoever asked may be gone before the answer.
    connection.on('error', () => {});
    connection.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    connection.on('end', async () => {
      const given = JSON.parse(text) as Order;
      const answer = JSON.stringify(await answerTo(given, carryOut));
      connection.end(`${answer}\n`, () => answered(given));
    });
  });
  server.listen(socket);
  await once(server, 'listening');
}

async function answerTo(given: Order, carryOut: (order: Order) => Promise<unknown>): Promise<Answer> {
  try {
    return { ok: true, value: (await carryOut(given)) ?? null };
  } catch (error) {
    return { ok: false, error: error instanceof Error ? error.message : String(error) };
  }
}

/** Gives an order and waits until it is carried out. @throws Error with the keeper's reason */
export async function order(socket: string, wanted: Order): Promise<unknown> {
  const connection = net.connect({ path: socket, allowHalfOpen: true });
  await once(connection, 'connect');
  let text = '';
  connection.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  connection.end(JSON.stringify(wanted));
  await once(connection, 'end');
  if (text === '') throw new Error(`the keeper of the cluster ended while it was asked to ${wanted.do}`);
  const answer = JSON.parse(text) as Answer;
  if (!answer.ok) throw new Error(answer.error);
  return answer.value;
}

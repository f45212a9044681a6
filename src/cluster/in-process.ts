import type { ClientOptions } from '../api/transport.ts';
import { type Answer, headersOf, type Transport, transportOver } from '../api/transport.ts';
import type { ApiBindings } from '../server/access.ts';
import type { Api } from '../server/listen.ts';

/** Requests to an API in this very process: the same answers as over a socket, without one. */
export function inProcess(api: Api, options: ClientOptions): Transport {
  const closing = new AbortController();
  return transportOver({
    where: 'this process',
    async send(method, path, call) {
      const request = new Request(`http://localhost${path}`, {
        method,
        headers: headersOf(options, call),
        ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
        ...(call.signal === undefined ? {} : { signal: call.signal }),
      });
      const bindings: Pick<ApiBindings, 'peer' | 'closing'> = {
        peer: { kind: 'unix' },
        closing: closing.signal,
      };
      return answerOf(await api.fetch(request, bindings), call.signal);
    },
    close: async () => closing.abort(),
  });
}

function answerOf(response: Response, signal: AbortSignal | undefined): Answer {
  return {
    statusCode: response.status,
    body: {
      text: () => response.text(),
      async *[Symbol.asyncIterator]() {
        const reader = response.body?.getReader();
        if (!reader) return;
        // Nobody reads any more: what produces the answer has to hear of it.
        const stop = () => void reader.cancel();
        signal?.addEventListener('abort', stop, { once: true });
        try {
          for (let part = await reader.read(); !part.done; part = await reader.read()) yield part.value;
        } finally {
          signal?.removeEventListener('abort', stop);
          await reader.cancel();
        }
      },
    },
  };
}

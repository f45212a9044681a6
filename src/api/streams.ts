/** Reading the two stream formats of the API: newline-delimited JSON and server-sent events. Pure. */

export interface ServerSentEvent {
  id?: string;
  event: string;
  data: string;
}

/** Text chunks to whole lines; a last line without a newline counts. */
export async function* lines(chunks: AsyncIterable<string>): AsyncIterable<string> {
  let rest = '';
  for await (const chunk of chunks) {
    const parts = (rest + chunk).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) yield part.endsWith('\r') ? part.slice(0, -1) : part;
  }
  if (rest !== '') yield rest;
}

/** Server-sent events as the HTML standard parses them; an event cut off by the end of the stream is dropped. */
export async function* serverSentEvents(chunks: AsyncIterable<string>): AsyncIterable<ServerSentEvent> {
  let current: Partial<ServerSentEvent> = {};
  for await (const line of lines(chunks)) {
    if (line === '') {
      if (current.data !== undefined)
        yield { ...current, event: current.event ?? 'message', data: current.data };
      current = {};
      continue;
    }
    const colon = line.indexOf(':');
    if (colon === 0) continue;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'data') current.data = current.data === undefined ? value : `${current.data}\n${value}`;
    if (field === 'event') current.event = value;
    if (field === 'id') current.id = value;
  }
}

/** The listeners of this worker, by address. Their sockets come from the parent. */

import type { DataPlane } from '../data/data-plane.ts';
import { Listener, listenKey } from '../data/listener.ts';
import type { BoundHandle, Listen } from '../ipc.ts';
import { listenError } from '../parent/sockets.ts';
import type { ParentLink } from './parent-link.ts';

interface Held {
  listen: Listen;
  listener: Listener;
}

/** What it needs of a listening server that Node does not declare. */
interface WithHandle {
  _handle: BoundHandle | null;
}

export class Listeners {
  private readonly open = new Map<string, Held>();
  /** Sockets that the parent held for the worker before this one. */
  private readonly offered = new Map<string, { listen: Listen; handle: BoundHandle }>();
  private readonly plane: DataPlane;
  private readonly parent: ParentLink;

  constructor(plane: DataPlane, parent: ParentLink) {
    this.plane = plane;
    this.parent = parent;
  }

  offer(listen: Listen, handle: BoundHandle): void {
    this.offered.set(listenKey(listen), { listen, handle });
  }

  has(listen: Listen): boolean {
    return this.open.has(listenKey(listen));
  }

  get(key: string): Listener | undefined {
    return this.open.get(key)?.listener;
  }

  all(): Listener[] {
    return [...this.open.values()].map((held) => held.listener);
  }

  /** @throws OperatingError E_PORT_TAKEN, E_LISTEN_FAILED, E_ROUTER_DOWN */
  async acquire(listen: Listen): Promise<void> {
    const key = listenKey(listen);
    if (this.open.has(key)) return;
    const handle = this.offered.get(key)?.handle ?? (await this.parent.bind(listen));
    this.offered.delete(key);
    const listener = new Listener(key);
    try {
      await this.plane.listen(listener, handle);
    } catch (error) {
      handle.close();
      this.parent.send({ t: 'release', listen });
      throw listenError(listen, (error as NodeJS.ErrnoException).code ?? String(error));
    }
    this.open.set(key, { listen, listener });
  }

  /** Closes those that no key in `used` names. Connections that are open get one more answer. */
  releaseUnused(used: ReadonlySet<string>): void {
    for (const [key, { listen, listener }] of this.open) {
      if (used.has(key)) continue;
      this.open.delete(key);
      listener.closing = true;
      listener.server?.close();
      this.parent.send({ t: 'release', listen });
    }
  }

  /** Gives back what the worker before this one had and nothing needs. */
  releaseOffered(): void {
    for (const { listen, handle } of this.offered.values()) {
      handle.close();
      this.parent.send({ t: 'release', listen });
    }
    this.offered.clear();
  }

  /** Stops accepting; the parent and the next worker keep the sockets, so nothing that waits in them is lost. */
  stopAccepting(): void {
    for (const { listener } of this.open.values()) {
      listener.closing = true;
      listener.server?.close();
    }
  }

  /** For a new parent: each address with its socket. */
  handles(): { listen: Listen; handle: BoundHandle }[] {
    const handles: { listen: Listen; handle: BoundHandle }[] = [];
    for (const { listen, listener } of this.open.values()) {
      const handle = (listener.server as unknown as WithHandle | undefined)?._handle;
      if (handle) handles.push({ listen, handle });
    }
    return handles;
  }
}

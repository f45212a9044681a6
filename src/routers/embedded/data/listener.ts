/** One listening address and the Apps that are reached through it, by host. */
import type net from 'node:net';
import type { App } from './app.ts';

export interface Destination {
  app: App;
  preview: boolean;
}

/** Every host that no App claims for itself. */
export const ANY_HOST = '*';

export class Listener {
  /** `host:port` as the table writes it. */
  readonly key: string;
  server: net.Server | undefined;
  /** No longer accepting; connections that are open get one more answer. */
  closing = false;
  private hosts = new Map<string, Destination>();
  private fallback: Destination | undefined;

  constructor(key: string) {
    this.key = key;
  }

  route(hosts: Map<string, Destination>): void {
    this.hosts = hosts;
    this.fallback = hosts.get(ANY_HOST);
  }

  /** The App for a Host field's value in b[start, end), port ignored. */
  find(b: Buffer, start: number, end: number): Destination | undefined {
    // One App that takes every host, and no preview of it: no string is made.
    if (this.hosts.size === 1 && this.fallback !== undefined) return this.fallback;
    return this.hosts.get(hostName(b.toString('latin1', start, end))) ?? this.fallback;
  }
}

/** Lower case, without port and trailing dot. */
export function hostName(field: string): string {
  const host = field.toLowerCase();
  const end = host.startsWith('[') ? host.indexOf(']') + 1 : host.lastIndexOf(':');
  const name = end > 0 ? host.slice(0, end) : host;
  return name.endsWith('.') ? name.slice(0, -1) : name;
}

export function listenKey(listen: { host: string; port: number }): string {
  return listen.host.includes(':') ? `[${listen.host}]:${listen.port}` : `${listen.host}:${listen.port}`;
}

export interface Claim {
  listener: string;
  host: string;
  preview: boolean;
}

/** What an App's front takes: its host, its preview host on the same listener, its preview listener. */
export function claimsOf(front: {
  listen: { host: string; port: number };
  host?: string;
  previewListen?: { host: string; port: number };
}): Claim[] {
  const listener = listenKey(front.listen);
  const host = front.host?.toLowerCase();
  const claims: Claim[] = [
    { listener, host: host ?? ANY_HOST, preview: false },
    { listener, host: `preview.${host ?? 'localhost'}`, preview: true },
  ];
  if (front.previewListen)
    claims.push({ listener: listenKey(front.previewListen), host: ANY_HOST, preview: true });
  return claims;
}

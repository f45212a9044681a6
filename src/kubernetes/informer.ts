import { setTimeout as sleep } from 'node:timers/promises';
import { type Kube, type ListOptions, METADATA_ONLY } from './client.ts';
import { isKubeError, refusal, type Status } from './error.ts';
import { type KubeObject, keyOf, pathOf, type Resource } from './types.ts';

export interface InformerOptions<T extends KubeObject, K> extends ListOptions {
  /** The part of an object that is kept in memory. Absent answer: the object is none of ours. */
  keep: (object: T) => K | undefined;
  /** Groups that a kept object belongs to, for `group()`. */
  groups?: (kept: K) => readonly string[];
  /** Told what went wrong; it is tried again by itself. */
  onTrouble?: (error: unknown) => void;
}

export type Change<K> = { key: string; now: K | undefined; before: K | undefined };

/** A cache of one kind of object, kept up to date by a watch. It may be behind: read live before anything is destroyed. */
export interface Informer<T extends KubeObject, K> {
  /** Resolves when everything that was there has been seen once. */
  readonly synced: Promise<void>;
  get(key: string): K | undefined;
  all(): Iterable<K>;
  group(name: string): K[];
  /** Our own write, as the server answered it: seen before the watch tells of it. */
  saw(object: T): void;
  onChange(listener: (change: Change<K>) => void): () => void;
  close(): void;
}

interface Entry<K> {
  version: bigint;
  kept: K;
  groups: readonly string[];
}

const FIRST_BACKOFF_MS = 200;
const SHORT_MS = 1000;
const LONGEST_BACKOFF_MS = 30_000;
/** The server ends a watch after this long; each one begins where the last ended. */
const WATCH_SECONDS = 300;
/** A server that is gone without a word is noticed after this long: bookmarks come about once a minute. */
const SILENCE_MS = 150_000;
/** No write is answered later than this. */
const ANSWERS_WITHIN_MS = 60_000;

export function createInformer<T extends KubeObject, K>(
  kube: Kube,
  resource: Resource<T>,
  options: InformerOptions<T, K>,
): Informer<T, K> {
  return new Cache(kube, resource, options);
}

class Cache<T extends KubeObject, K> implements Informer<T, K> {
  readonly synced: Promise<void>;
  readonly #kube: Kube;
  readonly #resource: Resource<T>;
  readonly #options: InformerOptions<T, K>;
  readonly #entries = new Map<string, Entry<K>>();
  readonly #groups = new Map<string, Set<string>>();
  /** Versions at which objects were deleted: the answer to an old write, which comes late, must not bring one back. */
  readonly #deleted = new Map<string, { version: bigint; at: number }>();
  readonly #listeners = new Set<(change: Change<K>) => void>();
  readonly #closing = new AbortController();
  readonly #markSynced: () => void;
  #version: string | undefined;

  constructor(kube: Kube, resource: Resource<T>, options: InformerOptions<T, K>) {
    this.#kube = kube;
    this.#resource = resource;
    this.#options = options;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.synced = promise;
    this.#markSynced = resolve;
    void this.#run();
  }

  get(key: string): K | undefined {
    return this.#entries.get(key)?.kept;
  }

  *all(): Iterable<K> {
    for (const { kept } of this.#entries.values()) yield kept;
  }

  group(name: string): K[] {
    const keys = this.#groups.get(name) ?? [];
    return [...keys].flatMap((key) => {
      const entry = this.#entries.get(key);
      return entry ? [entry.kept] : [];
    });
  }

  saw(object: T): void {
    this.#put(object);
  }

  onChange(listener: (change: Change<K>) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#closing.abort(new Error(`the watch of ${this.#resource.plural} is closed`));
    this.#listeners.clear();
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    let failures = 0;
    while (!signal.aborted) {
      try {
        if (this.#version === undefined) await this.#relist();
        const begun = performance.now();
        await this.#watch();
        failures = 0;
        // Whatever is between us and the server may end every watch at once.
        if (performance.now() - begun < SHORT_MS) await sleep(FIRST_BACKOFF_MS, undefined, { signal });
      } catch (error) {
        if (signal.aborted) return;
        // 410: what happened since is no longer known; everything is read anew.
        if (isKubeError(error, 410)) this.#version = undefined;
        else this.#options.onTrouble?.(error);
        failures += 1;
        await sleep(backoff(failures), undefined, { signal }).catch(() => undefined);
      }
    }
  }

  async #relist(): Promise<void> {
    const seen = new Set<string>();
    let version = '';
    for await (const page of this.#kube.pages(this.#resource, this.#options, this.#closing.signal)) {
      for (const object of page.items) {
        seen.add(keyOf(object));
        this.#put(object);
      }
      version = page.resourceVersion;
    }
    for (const [key, entry] of [...this.#entries]) {
      // What was written during the list is newer than it.
      if (!seen.has(key) && entry.version <= BigInt(version)) this.#remove(key, BigInt(version));
    }
    this.#version = version;
    this.#markSynced();
  }

  async #watch(): Promise<void> {
    const { namespace, labelSelector, fieldSelector, metadataOnly } = this.#options;
    const silence = new AbortController();
    const timer = setTimeout(() => silence.abort(new Error('silent')), SILENCE_MS);
    try {
      const lines = await this.#kube.lines({
        method: 'GET',
        path: pathOf(this.#resource, namespace),
        query: {
          watch: true,
          allowWatchBookmarks: true,
          resourceVersion: this.#version,
          timeoutSeconds: WATCH_SECONDS,
          labelSelector,
          fieldSelector,
        },
        ...(metadataOnly ? { accept: METADATA_ONLY } : {}),
        signal: AbortSignal.any([this.#closing.signal, silence.signal]),
        doing: `watching ${this.#resource.plural}`,
      });
      for await (const line of lines) {
        timer.refresh();
        this.#event(JSON.parse(line) as { type: string; object: T });
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #event({ type, object }: { type: string; object: T }): void {
    if (type === 'ERROR') {
      const status = object as unknown as Status;
      throw refusal(`watching ${this.#resource.plural}`, status.code ?? 0, status);
    }
    const { resourceVersion } = object.metadata;
    if (type === 'DELETED') this.#remove(keyOf(object), BigInt(resourceVersion ?? 0));
    else if (type !== 'BOOKMARK') this.#put(object);
    this.#version = resourceVersion;
    this.#forgetDeleted();
  }

  #forgetDeleted(): void {
    const now = performance.now();
    // The oldest come first.
    for (const [key, { at }] of this.#deleted) {
      if (now - at < ANSWERS_WITHIN_MS) return;
      this.#deleted.delete(key);
    }
  }

  #put(object: T): void {
    const key = keyOf(object);
    const version = BigInt(object.metadata.resourceVersion ?? 0);
    const before = this.#entries.get(key);
    if ((before && before.version >= version) || (this.#deleted.get(key)?.version ?? -1n) >= version) return;
    const kept = this.#options.keep(object);
    if (kept === undefined) {
      if (before) this.#remove(key, version);
      return;
    }
    const groups = this.#options.groups?.(kept) ?? [];
    this.#regroup(key, before?.groups ?? [], groups);
    this.#entries.set(key, { version, kept, groups });
    this.#tell({ key, now: kept, before: before?.kept });
  }

  #remove(key: string, version: bigint): void {
    const before = this.#entries.get(key);
    if (before && before.version > version) return;
    this.#deleted.delete(key);
    this.#deleted.set(key, { version, at: performance.now() });
    if (!before) return;
    this.#regroup(key, before.groups, []);
    this.#entries.delete(key);
    this.#tell({ key, now: undefined, before: before.kept });
  }

  #regroup(key: string, from: readonly string[], to: readonly string[]): void {
    for (const name of from) {
      const keys = this.#groups.get(name);
      keys?.delete(key);
      if (keys?.size === 0) this.#groups.delete(name);
    }
    for (const name of to) this.#groups.set(name, (this.#groups.get(name) ?? new Set()).add(key));
  }

  #tell(change: Change<K>): void {
    for (const listener of this.#listeners) listener(change);
  }
}

/** Doubling, with a part of chance so that many do not come back at once. */
function backoff(failures: number): number {
  const longest = Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** Math.min(failures - 1, 10));
  return longest / 2 + Math.random() * (longest / 2);
}

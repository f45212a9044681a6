import { setTimeout as sleep } from 'node:timers/promises';
import { type Dispatcher, request } from 'undici';
import type { Access } from './access.ts';
import { isKubeError, KubeError, refusal, type Status, unreachable } from './error.ts';
import { type KubeObject, keyOf, pathOf, type Resource } from './types.ts';

/** The name under which our fields are owned in server-side apply. */
export const FIELD_MANAGER = 'crossfade';

export type Query = Record<string, string | number | boolean | undefined>;

export interface ListOptions {
  /** Absent: all namespaces. */
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  /** Only metadata is asked for: for kinds of which nothing else matters. */
  metadataOnly?: boolean;
}

export interface DeleteOptions {
  /** Only this very object: another one of the same name stays. */
  uid?: string;
  resourceVersion?: string;
  gracePeriodSeconds?: number;
  propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
}

export interface Page<T> {
  items: T[];
  resourceVersion: string;
}

export interface RawRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  query?: Query;
  body?: unknown;
  contentType?: string;
  accept?: string;
  signal?: AbortSignal | undefined;
  /** What is being done, for errors. */
  doing: string;
}

/**
 * The Kubernetes API over plain JSON. Reads go to the server each time; caches are informers. No write is repeated by
 * itself after it may have been carried out. @throws KubeError on everything that is not a success
 */
export interface Kube {
  readonly server: string;
  /** Of the context, or of the pod that this runs in. */
  readonly namespace: string;
  /** What is there now. @returns undefined when nothing is */
  get<T extends KubeObject>(
    resource: Resource<T>,
    namespace: string | undefined,
    name: string,
  ): Promise<T | undefined>;
  list<T extends KubeObject>(resource: Resource<T>, options?: ListOptions): Promise<T[]>;
  /** Pages of a list as they come, for what must not be in memory as a whole. */
  pages<T extends KubeObject>(
    resource: Resource<T>,
    options?: ListOptions,
    signal?: AbortSignal,
  ): AsyncIterable<Page<T>>;
  create<T extends KubeObject>(resource: Resource<T>, object: T): Promise<T>;
  /** Server-side apply of exactly these fields as `crossfade`. Without `force` another manager's field is E_FIELD_OWNED. */
  apply<T extends KubeObject>(resource: Resource<T>, object: T, options?: ApplyOptions): Promise<T>;
  /** JSON merge patch; with `resourceVersion` in its metadata only over that version (E_CONFLICT). */
  patch<T extends KubeObject>(
    resource: Resource<T>,
    namespace: string | undefined,
    name: string,
    patch: object,
    subresource?: string,
  ): Promise<T>;
  /** Writes the whole object over the version that is in its metadata. */
  replace<T extends KubeObject>(resource: Resource<T>, object: T, subresource?: string): Promise<T>;
  /** Deleting what is gone is no error. */
  delete(
    resource: Resource,
    namespace: string | undefined,
    name: string,
    options?: DeleteOptions,
  ): Promise<void>;
  /** Lines of an answer that does not end by itself: a watch, a log. */
  lines(asked: RawRequest): Promise<AsyncIterable<string>>;
  request<T>(asked: RawRequest): Promise<T>;
  close(): Promise<void>;
}

export interface ApplyOptions {
  /** Takes the fields over from whoever has them. */
  force?: boolean;
  subresource?: string;
  dryRun?: boolean;
}

const READ_ATTEMPTS = 3;
const FIRST_WAIT_MS = 100;
const PAGE_SIZE = 500;
const JSON_TYPE = 'application/json';
/** `accept` of a request for metadata alone: of a watch, and of a list. */
export const METADATA_ONLY = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';
const METADATA_LIST = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';

/** @param onRequest told of every request that is sent, a repeated one too */
export function createKube(access: Access, onRequest: (method: string) => void = () => undefined): Kube {
  return new Client(access, onRequest);
}

class Client implements Kube {
  readonly server: string;
  readonly namespace: string;
  readonly #access: Access;
  readonly #onRequest: (method: string) => void;

  constructor(access: Access, onRequest: (method: string) => void) {
    this.#access = access;
    this.#onRequest = onRequest;
    this.server = access.server;
    this.namespace = access.namespace;
  }

  async get<T extends KubeObject>(
    resource: Resource<T>,
    namespace: string | undefined,
    name: string,
  ): Promise<T | undefined> {
    try {
      const path = pathOf(resource, namespace, name);
      return await this.request<T>({
        method: 'GET',
        path,
        doing: words('reading', resource, namespace, name),
      });
    } catch (error) {
      if (isKubeError(error, 404)) return undefined;
      throw error;
    }
  }

  async list<T extends KubeObject>(resource: Resource<T>, options: ListOptions = {}): Promise<T[]> {
    const all: T[] = [];
    for await (const page of this.pages(resource, options)) all.push(...page.items);
    return all;
  }

  async *pages<T extends KubeObject>(
    resource: Resource<T>,
    { namespace, labelSelector, fieldSelector, metadataOnly }: ListOptions = {},
    signal?: AbortSignal,
  ): AsyncIterable<Page<T>> {
    let next: string | undefined;
    do {
      const query = { limit: PAGE_SIZE, labelSelector, fieldSelector, continue: next };
      const path = pathOf(resource, namespace);
      const doing = words('listing', resource, namespace);
      const list = await this.request<{
        items?: T[];
        metadata: { resourceVersion: string; continue?: string };
      }>({
        method: 'GET',
        path,
        query,
        ...(metadataOnly ? { accept: METADATA_LIST } : {}),
        doing,
        signal,
      });
      yield { items: list.items ?? [], resourceVersion: list.metadata.resourceVersion };
      next = list.metadata.continue || undefined;
    } while (next !== undefined);
  }

  create<T extends KubeObject>(resource: Resource<T>, object: T): Promise<T> {
    const { namespace, name } = object.metadata;
    return this.request<T>({
      method: 'POST',
      path: pathOf(resource, namespace),
      query: { fieldManager: FIELD_MANAGER },
      body: complete(resource, object),
      doing: words('creating', resource, namespace, name),
    });
  }

  apply<T extends KubeObject>(resource: Resource<T>, object: T, options: ApplyOptions = {}): Promise<T> {
    const { namespace, name } = object.metadata;
    if (name === undefined) throw new Error(`apply of a ${resource.kind} without a name`);
    return this.request<T>({
      method: 'PATCH',
      path: pathOf(resource, namespace, name, options.subresource),
      query: {
        fieldManager: FIELD_MANAGER,
        force: options.force === true || undefined,
        dryRun: options.dryRun ? 'All' : undefined,
      },
      contentType: 'application/apply-patch+yaml',
      body: complete(resource, object),
      doing: words('applying', resource, namespace, name),
    });
  }

  patch<T extends KubeObject>(
    resource: Resource<T>,
    namespace: string | undefined,
    name: string,
    patch: object,
    subresource?: string,
  ): Promise<T> {
    return this.request<T>({
      method: 'PATCH',
      path: pathOf(resource, namespace, name, subresource),
      query: { fieldManager: FIELD_MANAGER },
      contentType: 'application/merge-patch+json',
      body: patch,
      doing: words('changing', resource, namespace, name),
    });
  }

  replace<T extends KubeObject>(resource: Resource<T>, object: T, subresource?: string): Promise<T> {
    const { namespace, name, resourceVersion } = object.metadata;
    if (name === undefined || resourceVersion === undefined)
      throw new Error(`replacing ${resource.kind} ${keyOf(object)} without the version that it was read at`);
    return this.request<T>({
      method: 'PUT',
      path: pathOf(resource, namespace, name, subresource),
      query: { fieldManager: FIELD_MANAGER },
      body: complete(resource, object),
      doing: words('writing', resource, namespace, name),
    });
  }

  async delete(
    resource: Resource,
    namespace: string | undefined,
    name: string,
    { uid, resourceVersion, gracePeriodSeconds, propagationPolicy }: DeleteOptions = {},
  ): Promise<void> {
    const preconditions =
      uid === undefined && resourceVersion === undefined ? undefined : { uid, resourceVersion };
    try {
      await this.request({
        method: 'DELETE',
        path: pathOf(resource, namespace, name),
        body: {
          apiVersion: 'v1',
          kind: 'DeleteOptions',
          preconditions,
          gracePeriodSeconds,
          propagationPolicy: propagationPolicy ?? 'Background',
        },
        doing: words('deleting', resource, namespace, name),
      });
    } catch (error) {
      if (!isKubeError(error, 404)) throw error;
    }
  }

  async lines(asked: RawRequest): Promise<AsyncIterable<string>> {
    const { body } = await this.#send(asked);
    // Nobody reads it any more when the client is closed: without a listener that would end the process.
    body.on('error', () => undefined);
    return this.#lines(asked, body);
  }

  /** An answer that breaks off is told as one that never came. */
  async *#lines(asked: RawRequest, body: AsyncIterable<Buffer>): AsyncIterable<string> {
    try {
      yield* splitLines(body);
    } catch (error) {
      asked.signal?.throwIfAborted();
      throw unreachable(asked.doing, this.server, error);
    }
  }

  async request<T>(asked: RawRequest): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const { body } = await this.#send(asked);
        return (await this.#read(asked, body)) as T;
      } catch (error) {
        if (!(error instanceof KubeError) || attempt === READ_ATTEMPTS || !mayRepeat(asked, error))
          throw error;
        const wait = error.retryAfterMs ?? FIRST_WAIT_MS * 2 ** attempt;
        await sleep(wait, undefined, { signal: asked.signal ?? undefined });
      }
    }
  }

  close(): Promise<void> {
    return this.#access.close();
  }

  /** @returns the answer once its head says that all is well */
  async #send(asked: RawRequest): Promise<Dispatcher.ResponseData> {
    const { dispatcher, headers } = await this.#access.authorize();
    const url = `${this.server}${asked.path}${queryText(asked.query)}`;
    let response: Dispatcher.ResponseData;
    this.#onRequest(asked.method);
    try {
      response = await request(url, {
        dispatcher,
        method: asked.method,
        headers: {
          ...headers,
          accept: asked.accept ?? JSON_TYPE,
          'user-agent': 'crossfade',
          ...(asked.body === undefined ? {} : { 'content-type': asked.contentType ?? JSON_TYPE }),
        },
        body: asked.body === undefined ? null : JSON.stringify(asked.body),
        signal: asked.signal ?? null,
      });
    } catch (error) {
      asked.signal?.throwIfAborted();
      throw unreachable(asked.doing, this.server, error);
    }
    const { statusCode, body } = response;
    if (statusCode >= 200 && statusCode < 300) return response;
    const status = statusOf(await body.text().catch(() => ''));
    throw refusal(asked.doing, statusCode, status, retryAfter(response));
  }

  async #read(asked: RawRequest, body: Dispatcher.ResponseData['body']): Promise<unknown> {
    try {
      return await body.json();
    } catch (error) {
      asked.signal?.throwIfAborted();
      throw unreachable(asked.doing, this.server, error);
    }
  }
}

async function* splitLines(body: AsyncIterable<Buffer>): AsyncIterable<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  if (rest !== '') yield rest;
}

/** A write that got no answer may have been carried out; 429 was not. */
function mayRepeat({ method }: RawRequest, { status, code }: KubeError): boolean {
  if (status === 429) return true;
  return method === 'GET' && code === 'E_CLUSTER_UNREACHABLE';
}

function complete<T extends KubeObject>({ apiVersion, kind }: Resource<T>, object: T): T {
  return { ...object, apiVersion, kind };
}

function queryText(query: Query = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  return given.length === 0
    ? ''
    : `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`;
}

function statusOf(text: string): Status {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : { message: text };
  } catch {
    return text === '' ? {} : { message: text.slice(0, 500) };
  }
}

function retryAfter({ headers }: Dispatcher.ResponseData): number | undefined {
  const seconds = Number(headers['retry-after']);
  return Number.isFinite(seconds) ? seconds * 1000 : undefined;
}

function words(verb: string, resource: Resource, namespace?: string, name?: string): string {
  const what = name === undefined ? resource.plural : `${resource.kind} ${name}`;
  return namespace === undefined ? `${verb} ${what}` : `${verb} ${what} in ${namespace}`;
}

import type http from 'node:http';
import type { KubeObject, OwnerReference } from '../../../src/kubernetes/types.ts';
import type { Deployment, ReplicaSet } from '../../../src/kubernetes/workloads.ts';
import type { Answer } from '../kubernetes/scripted-api.ts';

/**
 * Objects of a cluster in memory, behind an API, with the part of its controllers that moves pods: whose a ReplicaSet is,
 * which one a Deployment takes for its present one, how many pods it has, and who is behind a Service. As in
 * pkg/controller/deployment of Kubernetes: `FindNewReplicaSet`, `FindActiveOrLatest`, `ClaimReplicaSets`.
 */
export class FakeCluster {
  readonly objects = new Map<string, Json>();
  /** Every pod that was ever made, and every one that was removed, after the begin. */
  readonly made: string[] = [];
  readonly removed: string[] = [];
  /** Called after each write, when the controllers have done their part. */
  onWrite: () => void = () => undefined;
  #version = 100;
  #uid = 0;
  #begun = false;

  get answer(): Answer {
    return ({ method, path, headers, body, query }, response) => {
      const { collection, name, subresource } = placeOf(path);
      const send = (status: number, value: unknown) => {
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(JSON.stringify(value));
      };
      if (method === 'GET' && name === undefined)
        return send(200, this.#list(collection, query.get('labelSelector')));
      const key = `${collection}/${name ?? (body as KubeObject).metadata.name}`;
      const found = this.objects.get(key);
      if (method === 'POST') return this.#write(send, key, { ...(body as Json) });
      if (!found) return send(404, status('NotFound', 404));
      if (method === 'GET') return send(200, found);
      if (method === 'DELETE') {
        this.objects.delete(key);
        this.settle();
        return send(200, {});
      }
      return this.#patch(send, key, found, headers, body, subresource);
    };
  }

  add(collection: string, object: object): void {
    const json = structuredClone(object) as Json;
    json.metadata = {
      namespace: 'team',
      ...json.metadata,
      uid: `uid-${++this.#uid}`,
      resourceVersion: String(++this.#version),
      generation: 1,
    };
    this.objects.set(`${collection}/${json.metadata.name}`, json);
  }

  get<T>(key: string): T {
    const found = this.objects.get(key);
    if (!found) throw new Error(`there is no ${key}`);
    return found as unknown as T;
  }

  all(collection: string): Json[] {
    return [...this.objects].filter(([key]) => key.startsWith(`${collection}/`)).map(([, object]) => object);
  }

  begin(): void {
    this.settle();
    this.made.length = 0;
    this.removed.length = 0;
    this.#begun = true;
  }

  /** The controllers, until nothing more is to be done. */
  settle(): void {
    for (let turns = 0, before = ''; turns < 50; turns += 1) {
      for (const deployment of this.all('deployments')) this.#deploy(deployment);
      for (const set of this.all('replicasets')) this.#replicate(set);
      const now = JSON.stringify([...this.objects]);
      if (now === before) break;
      before = now;
    }
    if (this.#begun) this.onWrite();
  }

  /** Pods that a Service leads to. */
  behind(service: string): string[] {
    const { selector } = this.get<{ spec: { selector: Labels } }>(`services/${service}`).spec;
    return this.all('pods')
      .filter(({ metadata }) => matches(selector, metadata.labels ?? {}))
      .map(({ metadata }) => String(metadata.name))
      .sort();
  }

  #list(collection: string, selector: string | null): object {
    const items = this.all(collection).filter(({ metadata }) => isSelected(selector, metadata.labels ?? {}));
    if (collection === 'endpointslices')
      return { items: this.#slices(selector), metadata: { resourceVersion: '1' } };
    return { items, metadata: { resourceVersion: String(this.#version) } };
  }

  #slices(selector: string | null): object[] {
    const service = /service-name=([^,]+)/.exec(selector ?? '')?.[1] ?? '';
    const endpoints = this.behind(service).map((name) => ({
      targetRef: { name },
      conditions: { ready: true },
    }));
    return [{ metadata: { name: service }, endpoints }];
  }

  #write(send: (status: number, value: unknown) => void, key: string, object: Json): void {
    if (this.objects.has(key)) {
      send(409, status('AlreadyExists', 409));
      return;
    }
    this.add(key.split('/')[0] ?? '', object);
    this.settle();
    send(201, this.objects.get(key));
  }

  #patch(
    send: (status: number, value: unknown) => void,
    key: string,
    found: Json,
    headers: http.IncomingHttpHeaders,
    body: unknown,
    subresource: string | undefined,
  ): void {
    const isJson = headers['content-type'] === 'application/json-patch+json';
    const wanted = isJson ? jsonPatched(found, body as Operation[]) : (mergePatched(found, body) as Json);
    const asked = isJson ? wanted?.metadata.resourceVersion : (body as Json).metadata?.resourceVersion;
    if (!wanted || (asked !== undefined && asked !== found.metadata.resourceVersion)) {
      send(409, status('Conflict', 409));
      return;
    }
    if (subresource === undefined && JSON.stringify(wanted.spec) !== JSON.stringify(found.spec))
      wanted.metadata.generation = Number(found.metadata.generation) + 1;
    wanted.metadata.resourceVersion = String(++this.#version);
    this.objects.set(key, wanted);
    this.settle();
    send(200, this.objects.get(key));
  }

  #deploy(deployment: Json): void {
    const { metadata, spec } = deployment as unknown as Deployment;
    const selector = spec.selector.matchLabels ?? {};
    const sets = this.all('replicasets') as unknown as ReplicaSet[];
    for (const set of sets) this.#claim(deployment, set, selector);
    const owned = sets.filter((set) => ownerOf(set) === metadata.uid);
    const present = owned.find((set) => same(set.spec.template, spec.template));
    if (present === undefined && spec.paused !== true) {
      const name = `${metadata.name}-${this.#version}`;
      const labels = { ...spec.template.metadata.labels, 'pod-template-hash': name };
      this.add('replicasets', {
        metadata: { name, labels, ownerReferences: [reference(deployment)] },
        spec: {
          replicas: spec.replicas,
          selector: { matchLabels: { ...selector, 'pod-template-hash': name } },
          template: { ...spec.template, metadata: { ...spec.template.metadata, labels } },
        },
      });
    }
    // Copied, and never taken away again, as by `SetNewReplicaSetAnnotations`.
    if (present && metadata.annotations)
      present.metadata.annotations = { ...present.metadata.annotations, ...metadata.annotations };
    const active = owned.filter((set) => set.spec.replicas > 0);
    const scaled =
      active.length === 0 ? (present ?? owned.at(-1)) : active.length === 1 ? active[0] : undefined;
    if (scaled) scaled.spec.replicas = spec.replicas;
    const count = (of: ReplicaSet[]) => of.reduce((sum, set) => sum + set.spec.replicas, 0);
    deployment.status = {
      observedGeneration: metadata.generation,
      replicas: count(owned),
      updatedReplicas: count(present ? [present] : []),
      availableReplicas: count(owned),
    };
  }

  /** Lets go of what its selector does not match any more, and takes what matches and belongs to nobody. */
  #claim(deployment: Json, set: ReplicaSet, selector: Labels): void {
    const isMatch = matches(selector, set.metadata.labels ?? {});
    const owner = ownerOf(set);
    if (owner === deployment.metadata.uid && !isMatch) delete set.metadata.ownerReferences;
    else if (owner === undefined && isMatch) set.metadata.ownerReferences = [reference(deployment)];
  }

  #replicate(object: Json): void {
    const { metadata, spec } = object as unknown as ReplicaSet;
    const selector = spec.selector.matchLabels ?? {};
    for (const pod of this.all('pods')) {
      const isOurs = ownerOf(pod) === metadata.uid;
      // A pod that lost a label is let go, and another one is made: what must never happen.
      if (isOurs && !matches(selector, pod.metadata.labels ?? {})) delete pod.metadata.ownerReferences;
    }
    const pods = this.all('pods').filter((pod) => ownerOf(pod) === metadata.uid);
    for (let number = pods.length; number < spec.replicas; number += 1) {
      const name = `${metadata.name}-${++this.#uid}`;
      const { labels, annotations } = spec.template.metadata;
      this.add('pods', {
        metadata: { name, labels, annotations, ownerReferences: [reference(object)] },
        spec: {},
      });
      this.made.push(name);
    }
    for (const { metadata: pod } of pods.slice(spec.replicas)) {
      this.objects.delete(`pods/${pod.name}`);
      this.removed.push(String(pod.name));
    }
  }
}

type Labels = Record<string, string>;
type Json = { metadata: KubeObject['metadata'] & Record<string, unknown>; [field: string]: unknown };
type Operation = { op: string; path: string; value: unknown };

function placeOf(path: string): { collection: string; name?: string; subresource?: string } {
  const [, collection = '', name, subresource] =
    /namespaces\/[^/]+\/([^/]+)(?:\/([^/]+))?(?:\/([^/]+))?$/.exec(path) ?? [];
  return { collection, ...(name ? { name } : {}), ...(subresource ? { subresource } : {}) };
}

function status(reason: string, code: number): object {
  return { kind: 'Status', status: 'Failure', reason, code, message: reason };
}

function ownerOf({ metadata }: KubeObject): string | undefined {
  return metadata.ownerReferences?.find(({ controller }) => controller)?.uid;
}

function reference({ metadata, spec }: Json): OwnerReference {
  const kind = (spec as { paused?: boolean; strategy?: object; selector?: { matchLabels: Labels } }).selector
    ?.matchLabels['pod-template-hash']
    ? 'ReplicaSet'
    : 'Deployment';
  return {
    apiVersion: 'apps/v1',
    kind,
    name: String(metadata.name),
    uid: String(metadata.uid),
    controller: true,
  };
}

function matches(selector: Labels, labels: Labels): boolean {
  const wanted = Object.entries(selector);
  return wanted.length > 0 && wanted.every(([name, value]) => labels[name] === value);
}

function isSelected(selector: string | null, labels: Labels): boolean {
  return (selector ?? '')
    .split(',')
    .filter((part) => part !== '')
    .every((part) => {
      const [name = '', value] = part.split('=');
      return value === undefined ? name in labels : labels[name] === value;
    });
}

function same(a: ReplicaSet['spec']['template'], b: ReplicaSet['spec']['template']): boolean {
  const text = ({ metadata, spec }: typeof a) => {
    const { 'pod-template-hash': _hash, ...labels } = metadata.labels ?? {};
    const sorted = (fields: Labels = {}) => Object.entries(fields).sort();
    return JSON.stringify([sorted(labels), sorted(metadata.annotations), spec]);
  };
  return text(a) === text(b);
}

function mergePatched(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return structuredClone(patch);
  const merged: Record<string, unknown> = { ...(target as object) };
  for (const [field, value] of Object.entries(patch)) {
    if (value === null) delete merged[field];
    else merged[field] = mergePatched(merged[field] ?? {}, value);
  }
  return merged;
}

/** @returns undefined when a test of it fails */
function jsonPatched(target: Json, operations: readonly Operation[]): Json | undefined {
  const result = structuredClone(target);
  for (const { op, path, value } of operations) {
    const names = path
      .slice(1)
      .split('/')
      .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));
    const last = names.pop() ?? '';
    const holder = names.reduce(
      (object, name) => object[name] as Record<string, unknown>,
      result as Record<string, unknown>,
    );
    if (op === 'test') {
      if (JSON.stringify(holder[last]) !== JSON.stringify(value)) return undefined;
    } else if (op === 'remove') delete holder[last];
    else holder[last] = structuredClone(value);
  }
  return result;
}

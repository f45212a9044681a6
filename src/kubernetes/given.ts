import type { BackendRef, IngressBackend } from './network.ts';
import type { KubeObject } from './types.ts';

/** What an object was before an App took it over, kept on it for that App to give back. Several Apps may share one. */

const GIVEN_PREFIX = 'given.crossfade.dev/';

export function givenAnnotation(app: string): string {
  return `${GIVEN_PREFIX}${app}`;
}

/** What a rule of an HTTPRoute said. */
export interface GivenRule {
  rule: number;
  backendRefs: BackendRef[];
}

/** What the paths of an Ingress that lead to the App led to. */
export interface GivenPaths {
  backend: IngressBackend;
}

/** @returns what was noted for this App; undefined: nothing, or nothing that can be read, for anybody may write there */
export function givenOf<T>({ metadata }: KubeObject, app: string): T | undefined {
  const text = metadata.annotations?.[givenAnnotation(app)];
  if (text === undefined) return undefined;
  try {
    const noted = JSON.parse(text) as T | null;
    return typeof noted === 'object' && noted !== null ? noted : undefined;
  } catch {
    return undefined;
  }
}

/** Names of the Apps that have something noted there. */
export function givenTo({ metadata }: KubeObject): string[] {
  return Object.keys(metadata.annotations ?? {})
    .filter((name) => name.startsWith(GIVEN_PREFIX))
    .map((name) => name.slice(GIVEN_PREFIX.length));
}

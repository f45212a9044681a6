import { API_VERSION } from '../spec/schema.ts';
import type { KubeObject, Resource } from './types.ts';

/** The kinds that Crossfade itself brings, as they are stored in a cluster. */

export const API_GROUP = API_VERSION.replace(/\/.*/, '');

/** As every kind of Kubernetes tells what is true of an object. */
export interface Condition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  reason: string;
  message: string;
  lastTransitionTime: string;
  observedGeneration?: number;
}

/** What the controller writes. Texts are JSON: field by field, the API server would keep as many lines of who owns them. */
export interface AppStatus {
  observedGeneration?: number;
  conditions?: Condition[];
  /** Generation of the spec that `object` holds. */
  acceptedGeneration?: number;
  /** Of `state`; compared before each commit. */
  stateVersion?: number;
  object?: string;
  state?: string;
  log?: string;
  seen?: string;
  [field: string]: unknown;
}

export interface AppResource extends KubeObject {
  spec?: Record<string, unknown>;
  status?: AppStatus;
}

export interface CommandResource extends KubeObject {
  spec: {
    app: string;
    verb: string;
    full?: boolean;
    toRevision?: string;
    reason?: string;
    actor?: string;
    /** Milliseconds since 1970. */
    at?: number;
  };
  status?: { result?: string; code?: string; message?: string; at?: string };
}

export const APPS: Resource<AppResource> = {
  apiVersion: API_VERSION,
  kind: 'App',
  plural: 'apps',
  namespaced: true,
};

export const APP_COMMANDS: Resource<CommandResource> = {
  apiVersion: API_VERSION,
  kind: 'AppCommand',
  plural: 'appcommands',
  namespaced: true,
};

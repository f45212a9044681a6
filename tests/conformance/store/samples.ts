import { emptyState } from '../../../src/core/decide/state.ts';
import type { Action, AppObject, AppState, Command, Event } from '../../../src/core/model.ts';
import type { AuditEntry } from '../../../src/ports/store.ts';
import type { AppSpec } from '../../../src/spec/app.ts';

/** A complete App; `change` replaces fields of its spec. */
export function sampleSpec(
  name: string,
  change: Partial<AppSpec['spec']> = {},
  namespace = 'default',
): AppSpec {
  return {
    apiVersion: 'crossfade.dev/v1',
    kind: 'App',
    metadata: { name, namespace, labels: {}, annotations: {} },
    spec: {
      replicas: 3,
      run: { command: ['node', 'server.js'], env: { GREETING: 'hello' }, envFiles: [], configFiles: {} },
      port: 8080,
      health: { minReadySeconds: 0 },
      route: {
        listen: { host: '127.0.0.1', port: 8000 },
        host: `${name}.localhost`,
        revisionHeader: true,
        upstreamTimeoutMs: 30_000,
      },
      strategy: { kind: 'rolling', maxSurge: 1, maxUnavailable: 0 },
      verify: { onNoTraffic: 'probe' },
      onNewRevision: 'supersede',
      progressDeadlineSeconds: 600,
      terminationGracePeriodSeconds: 30,
      drainTimeoutMs: 30_000,
      drainLongTimeoutMs: 60_000,
      revisionHistoryLimit: 10,
      ...change,
    },
  };
}

export function sampleObject(name: string, generation = 1): AppObject {
  return {
    key: `default/${name}`,
    generation,
    spec: sampleSpec(name),
    revision: {
      id: 'v1-0123456789ab',
      hashVersion: 1,
      number: 1,
      run: {
        artifact: { kind: 'none' },
        command: ['node', 'server.js'],
        env: { GREETING: 'hello' },
        secretEnv: {},
        configFiles: {},
        hasPort: true,
        health: { minReadySeconds: 0 },
      },
      provenance: { createdAt: 1_000, actor: 'ann', source: '' },
    },
    actor: 'ann',
    deleting: false,
  };
}

export function stateAt(version: number, change: Partial<AppState> = {}): AppState {
  return { ...emptyState(), version, ...change };
}

export function sampleEvent(message: string): Event {
  return { at: 1_000, type: 'Normal', reason: 'Tested', message };
}

export function sampleAction(key: string, stateVersion: number): Action {
  return { key, stateVersion, kind: 'grow', pool: '1-1', replicas: 3 };
}

export function sampleCommand(id: string): Command {
  return { id, verb: 'promote', actor: 'ann', at: 1_000, full: true };
}

export function sampleAudit(action: string, app?: string): AuditEntry {
  return { at: 1_000, actor: 'ann', verified: false, action, ...(app === undefined ? {} : { app }) };
}

import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { AppPhase } from '../api/types.ts';
import type { AppKey } from '../core/model.ts';

export interface ControllerMetrics {
  leads(shard: number, leads: boolean): void;
  phase(app: AppKey, phase: AppPhase): void;
  gone(app: AppKey): void;
  looked(): void;
  refused(): void;
  /** A request to the API server. */
  requested(method: string): void;
  text(): Promise<string>;
  readonly contentType: string;
}

/** Figures of one controller, in the form that Prometheus reads. None has the name of an App in it: there may be thousands. */
export function createMetrics(): ControllerMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const leading = new Gauge({
    name: 'crossfade_leader',
    help: '1 while this controller holds the lease of the shard.',
    labelNames: ['shard'],
    registers,
  });
  const apps = new Gauge({
    name: 'crossfade_apps',
    help: 'Apps that this controller leads, by phase.',
    labelNames: ['phase'],
    registers,
  });
  const looks = new Counter({ name: 'crossfade_looks_total', help: 'Decisions about Apps.', registers });
  const refusals = new Counter({
    name: 'crossfade_refused_specs_total',
    help: 'Specs that could not be taken up.',
    registers,
  });
  const requests = new Counter({
    name: 'crossfade_api_requests_total',
    help: 'Requests to the API server, by HTTP method. A watch is one.',
    labelNames: ['method'],
    registers,
  });
  const phases = new Map<AppKey, AppPhase>();

  function phase(app: AppKey, next: AppPhase | undefined): void {
    const before = phases.get(app);
    if (before === next) return;
    if (before !== undefined) apps.dec({ phase: before });
    if (next === undefined) phases.delete(app);
    else {
      phases.set(app, next);
      apps.inc({ phase: next });
    }
  }

  return {
    leads: (shard, leads) => leading.set({ shard }, leads ? 1 : 0),
    phase,
    gone: (app) => phase(app, undefined),
    looked: () => looks.inc(),
    refused: () => refusals.inc(),
    requested: (method) => requests.inc({ method }),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

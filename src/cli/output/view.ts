import type { AppView, ReleaseView, StageView } from '../../api/types.ts';
import { percentText } from './units.ts';

/** Small readings of an App that several pictures share. */

export function specReplicas(app: AppView): number {
  const spec = app.spec as { replicas?: unknown } | null;
  return typeof spec?.replicas === 'number' ? spec.replicas : app.status.replicas;
}

export function strategyOf(app: AppView): string {
  const strategy = (app.spec as { strategy?: unknown } | null)?.strategy;
  if (typeof strategy === 'string') return strategy;
  if (typeof strategy !== 'object' || strategy === null) return '-';
  if ('kind' in strategy) return String(strategy.kind);
  return Object.keys(strategy)[0] ?? '-';
}

/** `#4 (v1-0123456789ab)` */
export function revisionText(number: number | null, id: string | null): string {
  if (id === null) return '-';
  return number === null ? id : `#${number} (${id})`;
}

export function currentStage(release: ReleaseView): { stage: StageView; index: number } | undefined {
  const index = release.stages.findIndex((stage) => stage.state === 'current');
  const stage = release.stages[index];
  return stage === undefined ? undefined : { stage, index };
}

/** It ended without reaching its goal. */
export function gaveUp({ verdict }: ReleaseView): boolean {
  return verdict !== null && verdict !== 'promoted';
}

/** What a stage waits for: the details of its gates that have not passed. */
export function waitingFor(stage: StageView): string {
  return stage.gates
    .filter((gate) => gate.state === 'waiting' || gate.state === 'measuring' || gate.state === 'held')
    .map((gate) => (gate.detail === '' ? gate.kind : gate.detail))
    .join('; ');
}

/** `asked 8%, measured 8.02% of 1000 requests`, as far as known. */
export function shareText(stage: StageView): string {
  if (stage.askedPercent === null) return '';
  const asked = `asked ${percentText(stage.askedPercent)}`;
  if (stage.measuredPercent === null) return asked;
  const over = stage.requests === null ? '' : ` of ${stage.requests} requests`;
  return `${asked}, measured ${percentText(stage.measuredPercent)}${over}`;
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

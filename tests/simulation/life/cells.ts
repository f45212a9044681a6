/** What was reached: which fault and which verb met which stage of which strategy. */
import type { AppState, Verb } from '../../../src/core/model.ts';

export class Cells {
  readonly counts = new Map<string, number>();
  readonly stages = new Set<string>();

  visit(state: AppState): void {
    this.stages.add(placeOf(state));
  }

  fault(state: AppState, fault: string): void {
    this.#count(`${placeOf(state)} | ${fault}`);
  }

  verb(state: AppState, verb: Verb): void {
    this.#count(`${placeOf(state)} | ${verb}`);
  }

  #count(cell: string): void {
    this.counts.set(cell, (this.counts.get(cell) ?? 0) + 1);
  }
}

/** Strategy, kind of stage, and which way it goes: `canary/weight`, `rolling/roll back`. */
function placeOf({ release, deleting }: AppState): string {
  if (deleting) return 'deleting';
  if (release?.phase.kind !== 'advancing' && release?.phase.kind !== 'aborting') return 'at rest';
  const { phase, stages, strategy } = release;
  const name = stages[phase.stage]?.name ?? '';
  return `${strategy}/${kindOf(name)}${phase.kind === 'aborting' ? ' back' : ''}`;
}

function kindOf(name: string): string {
  if (name === 'canary 100%' || name === 'switch') return 'switch';
  if (name.startsWith('canary ')) return 'weight';
  if (name.startsWith('scale ')) return 'scale';
  return name.startsWith('header route ') || name.startsWith('no header route ') ? 'header' : name;
}

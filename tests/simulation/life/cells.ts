/** What was reached: which fault, happening and verb met which stage of which strategy, which way it went. */
import { compile } from '../../../src/core/compile.ts';
import type { AppState, Verb } from '../../../src/core/model.ts';
import { Random } from '../random.ts';
import { specOf } from '../world.ts';
import { CALL_FAULTS, HAPPENINGS } from './profiles.ts';
import { strategyOf } from './strategies.ts';

export const VERBS: readonly Verb[] = ['promote', 'abort', 'pause', 'resume', 'undo', 'restart', 'retry'];
const COLUMNS: readonly string[] = [...CALL_FAULTS, ...HAPPENINGS, ...VERBS];

export class Cells {
  readonly counts = new Map<string, number>();

  visit(state: AppState): void {
    this.#count(placeOf(state), 'seen');
  }

  met(state: AppState, what: string): void {
    this.#count(placeOf(state), what);
  }

  add(counts: ReadonlyMap<string, number>): void {
    for (const [cell, count] of counts) this.counts.set(cell, (this.counts.get(cell) ?? 0) + count);
  }

  /** Cells that can be reached and were not. */
  empty(): string[] {
    const cells = reachablePlaces().flatMap((place) => COLUMNS.map((column) => `${place} | ${column}`));
    return cells.filter((cell) => !this.counts.has(cell));
  }

  /** Strategy and stage down, faults and verbs across, one line for each: how often they met. */
  table(): string {
    const lines = reachablePlaces().map((place) => {
      const of = (columns: readonly string[]) =>
        columns.map((column) => this.counts.get(`${place} | ${column}`) ?? 0);
      const cells = [
        ...of(['seen']),
        ...[CALL_FAULTS, HAPPENINGS, VERBS].flatMap((group) => summary(of(group))),
      ];
      return `${place.padEnd(34)}${cells.map((cell) => String(cell).padStart(9)).join('')}`;
    });
    const heads = ['seen', 'faults', 'least', 'happen.', 'least', 'verbs', 'least'];
    return [
      `${'strategy / stage'.padEnd(34)}${heads.map((head) => head.padStart(9)).join('')}`,
      ...lines,
    ].join('\n');
  }

  #count(place: string, what: string): void {
    const cell = `${place} | ${what}`;
    this.counts.set(cell, (this.counts.get(cell) ?? 0) + 1);
  }
}

function summary(counts: readonly number[]): [sum: number, least: number] {
  return [counts.reduce((sum, count) => sum + count, 0), Math.min(...counts)];
}

/** Strategy, kind of stage, and which way it goes: `canary / weight`, `rolling / roll (aborting)`. */
function placeOf({ release, deleting }: AppState): string {
  if (deleting) return 'deleting';
  if (release?.phase.kind !== 'advancing' && release?.phase.kind !== 'aborting') return 'at rest';
  const { phase, stages, strategy } = release;
  const place = `${strategy} / ${kindOf(stages[phase.stage]?.name ?? '')}`;
  return phase.kind === 'aborting' ? `${place} (aborting)` : place;
}

function kindOf(name: string): string {
  if (name === 'canary 100%' || name === 'switch') return 'switch';
  if (name.startsWith('canary ')) return 'weight';
  if (name.startsWith('scale ')) return 'scale';
  if (name.startsWith('mirror ')) return 'mirror';
  return name.startsWith('header route ') ? 'header' : name;
}

/** Every stage that the strategies compile to, on the way there and on the way back. */
function reachablePlaces(): string[] {
  const places = new Set(['at rest', 'deleting']);
  const random = new Random(1);
  for (let n = 0; n < 400; n++) {
    const strategy = strategyOf(random);
    const { spec } = specOf(strategy);
    for (const cause of ['apply', 'undo', 'restart'] as const)
      for (const hasStable of [true, false])
        for (const stage of compile({ spec, cause, hasStable, salt: '' })) {
          if (stage.commits) continue;
          const place = `${strategy.kind} / ${kindOf(stage.name)}`;
          places.add(place);
          // A first release has nothing to go back to: it is over at once.
          if (hasStable) places.add(`${place} (aborting)`);
        }
  }
  return [...places].sort();
}

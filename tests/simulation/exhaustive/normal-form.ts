import type { Action, Outcome, RouteTable } from '../../../src/core/model.ts';
import type { Node } from './node.ts';

/**
 * What matters of a moment, as text: versions and generations by their order only, no history beyond what undo needs, no
 * names of actions. Two moments with the same text go on in the same way.
 */
export function normalForm({ state, world, todo, done, outcomes, commands }: Node): string {
  const {
    version,
    pending,
    history,
    commandsDone: _,
    revisions: __,
    table,
    routed,
    backoff,
    ...rest
  } = state;
  const { object } = world;
  const actions = [...todo, ...done, ...Object.values(pending)];
  const versions = ranks([version, world.seenVersion, ...actions.map((action) => action.stateVersion)]);
  const generations = ranks([
    state.routeGeneration,
    table?.generation ?? 0,
    world.serving?.generation ?? 0,
    routed?.generation ?? 0,
    ...Object.values(state.leaving).map((leaving) => leaving.generation),
    ...actions.map(generationOf),
  ]);
  const action = (one: Action) => [
    versions.get(one.stateVersion),
    generations.get(generationOf(one)),
    nameless(one, table),
  ];
  const outcome = ({ key, result }: Outcome) => [pending[key] ? nameless(pending[key], table) : key, result];
  const value = [
    rest,
    table,
    routed,
    Object.entries(backoff).map(([key, wait]) => [key.replace(/^(route|probe):.*/, '$1'), wait]),
    Object.values(pending).map(action).map(text).sort(),
    history.map(({ revision, fromRevision, phase }) => [revision, fromRevision, phase]),
    {
      ...world,
      object: [object.generation, object.revision.id],
      seenVersion: versions.get(world.seenVersion),
    },
    todo.map(action).map(text).sort(),
    done.map(action).map(text).sort(),
    outcomes.map(outcome).map(text).sort(),
    commands.map(({ verb, full }) => [verb, full]),
  ];
  return JSON.stringify(value, (key, field) => {
    // Of one scenario: they follow from the cause of the release.
    if (key === 'stages') return undefined;
    return key === 'generation' || key === 'routeGeneration'
      ? (generations.get(field as number) ?? field)
      : field;
  });
}

function nameless({ key: _, stateVersion: __, ...rest }: Action, wanted: RouteTable | undefined): unknown {
  if (rest.kind !== 'route') return rest;
  // The table that is wanted is in the state already.
  return rest.table.generation === wanted?.generation ? 'the table that is wanted' : rest;
}

function generationOf(action: Action): number {
  if (action.kind === 'route') return action.table.generation;
  return action.kind === 'probe' ? action.generation : 0;
}

function ranks(numbers: readonly number[]): Map<number, number> {
  const sorted = [...new Set(numbers)].sort((a, b) => a - b);
  return new Map(sorted.map((number, rank) => [number, rank]));
}

const text = (value: unknown): string => JSON.stringify(value);

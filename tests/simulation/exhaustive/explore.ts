import { hash } from 'node:crypto';
import { expected, surprising } from './moves.ts';
import { firstNode, type Node, pathTo } from './node.ts';
import { normalForm } from './normal-form.ts';
import type { Scenario } from './scenarios.ts';

export interface Explored {
  states: number;
  moves: number;
  deepest: number;
}

export class Broken extends Error {
  constructor(scenario: Scenario, node: Node, cause: unknown) {
    const what = cause instanceof Error ? cause.message : String(cause);
    super(`${scenario.name}: ${what}\n${pathTo(node).join('\n')}`, { cause });
    this.name = 'Broken';
  }
}

/** More moves than any way to rest takes. */
const MOST_MOVES_TO_REST = 300;

/**
 * Every way that a release can go with at most so many surprises, each at every moment and in every order; to its end, for
 * after the last surprise everything has to come to rest. Moments that differ in nothing that matters are one state.
 * @throws Broken
 */
export function explore(scenario: Scenario, surprises: number): Explored {
  /** The most surprises that were left when a state was seen: with fewer there is nothing new in it. */
  const seen = new Map<string, number>();
  /** Where each state goes by itself; those at rest are not in it. */
  const onward = new Map<string, string>();
  const explored: Explored = { states: 0, moves: 0, deepest: 0 };
  const first = released(scenario, surprises);
  let frontier = [{ node: first, from: keyOf(first) }];
  while (frontier.length > 0) {
    const reached: { node: Node; from: string }[] = [];
    for (const { node, from } of frontier) {
      for (const after of movesFrom(node, scenario)) {
        explored.moves += 1;
        const key = keyOf(after);
        // A commit of the same once more (its fields in another order) is no step.
        if (after.surprises === node.surprises && key !== from) onward.set(from, key);
        const before = seen.get(key);
        if (before !== undefined && before >= after.surprises && key !== from) continue;
        if (before === undefined) explored.states += 1;
        seen.set(key, after.surprises);
        explored.deepest = after.depth;
        reached.push({ node: after, from: key });
      }
    }
    frontier = reached;
  }
  const endless = inCircles(onward);
  if (endless !== undefined) throw new Error(`${scenario.name}: ${endless} states go round in circles`);
  return explored;
}

function keyOf(node: Node): string {
  return hash('sha1', normalForm(node), 'base64');
}

/** @returns how many states never come to rest, though nothing surprising happens any more */
function inCircles(onward: ReadonlyMap<string, string>): number | undefined {
  const ends = new Set<string>();
  for (const start of onward.keys()) {
    const way = new Set<string>();
    let at: string | undefined = start;
    while (at !== undefined && !ends.has(at)) {
      if (way.has(at)) return way.size;
      way.add(at);
      at = onward.get(at);
    }
    for (const key of way) ends.add(key);
  }
  return undefined;
}

function movesFrom(node: Node, scenario: Scenario): Node[] {
  try {
    if (node.quiet > MOST_MOVES_TO_REST) throw new Error('does not come to rest');
    return [...(isAtRest(node) ? [] : [expected(node)]), ...(node.surprises > 0 ? surprising(node) : [])];
  } catch (error) {
    throw new Broken(scenario, node, error);
  }
}

/** Version 1 at rest, and version 2 just applied. */
function released(scenario: Scenario, surprises: number): Node {
  let node = firstNode(scenario);
  while (!isAtRest(node)) node = expected(node);
  const { object } = node.world;
  const revision = {
    ...object.revision,
    run: { ...object.revision.run, command: ['v2'] },
    id: 'v1-000000000002',
  };
  const { parent: _, ...first } = node;
  return {
    ...first,
    done: [],
    depth: 0,
    quiet: 0,
    surprises,
    move: 'apply v2',
    world: { ...node.world, object: { ...object, generation: object.generation + 1, revision } },
  };
}

function isAtRest({ state, todo, outcomes, commands, world: { object, replicas, serving } }: Node): boolean {
  const { release, queued, retiring, warm, leaving, stable, generationSeen } = state;
  if (generationSeen !== object.generation || release || queued || commands.length > 0) return false;
  if (retiring.length > 0 || warm.length > 0 || Object.keys(leaving).length > 0) return false;
  if (todo.length > 0 || outcomes.length > 0 || stable === undefined) return false;
  const whole =
    replicas.length === object.spec.spec.replicas && replicas.every((r) => r.ready && r.pool === stable);
  return (
    whole &&
    serving?.route.admit.kind === 'open' &&
    (serving.members[stable]?.length ?? 0) === replicas.length
  );
}

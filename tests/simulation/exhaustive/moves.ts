import { decide } from '../../../src/core/decide/index.ts';
import type { Action, Command, Outcome } from '../../../src/core/model.ts';
import { describe, objectOf } from '../world.ts';
import { judgeDecision, judgeMoment } from './judge.ts';
import { type Node, observe, type Small } from './node.ts';
import { COMMANDS } from './scenarios.ts';
import { becomeReady, exit, perform, second } from './small-world.ts';

/** Actions of which the last ones may arrive again. */
const REMEMBERED = 3;

/** The one move that is expected: whatever is to be done is done, then decided, then replicas get ready, then time goes by. */
export function expected(node: Node): Node {
  const [action] = node.todo;
  if (action) return carryOut(node, action);
  const decided = decideNow(node);
  if (decided) return decided;
  const { world, state } = node;
  const unready = world.replicas.find((replica) => !replica.ready);
  if (unready) return next(node, `ready ${unready.id}`, { world: becomeReady(world, unready.id) });
  const [busy] = world.busy;
  if (busy !== undefined) return next(node, `answered ${busy}`, { world: { ...world, busy: [] } });
  if (state.release?.pausedBy !== undefined && node.commands.length === 0)
    return command(node, { verb: 'resume' });
  return next(node, 'a second goes by', { world: second(world) });
}

/** Everything else that can happen at this moment: another order, faults, people. */
export function* surprising(node: Node): Generator<Node> {
  for (const after of [...otherOrders(node), ...faults(node), ...people(node)])
    yield { ...after, surprises: node.surprises - 1, quiet: 0 };
}

function* otherOrders(node: Node): Generator<Node> {
  const { todo, world } = node;
  for (const action of todo.slice(1)) yield carryOut(node, action);
  // Decided while something is still under way; ready before it was decided; time before everything.
  if (todo.length > 0) {
    const decided = decideNow(node);
    if (decided) yield decided;
  }
  for (const replica of world.replicas)
    if (!replica.ready) yield next(node, `ready ${replica.id}`, { world: becomeReady(world, replica.id) });
  yield next(node, 'a second goes by', { world: second(world) });
}

function* faults(node: Node): Generator<Node> {
  const { state, world, todo } = node;
  if (Object.keys(state.pending).length > 0) {
    const outcomes = Object.keys(state.pending).map((key) => ({ key, result: 'unknown' as const }));
    yield next(node, 'the daemon crashes', { todo: [], outcomes });
  }
  for (const action of todo)
    yield next(node, `${describe(action)} fails`, {
      todo: todo.filter((other) => other !== action),
      outcomes: [...node.outcomes, failed(action, 'E_TEST')],
    });
  for (const action of node.done) {
    const again = perform(world, action);
    if (again !== 'refused') yield next(node, `${describe(action)} arrives again`, { world: again });
  }
  for (const replica of world.replicas)
    if (replica.ready) yield next(node, `exits ${replica.id}`, { world: exit(world, replica) });
  if (!world.serving) return;
  const { serving, ...rest } = world;
  const empty: Small = { ...rest, epoch: world.epoch + 1, counts: {}, busy: [] };
  yield next(node, 'the router comes back with nothing', { world: empty });
  for (const { replica } of Object.values(serving.members).flat())
    if (!world.busy.includes(replica))
      yield next(node, `a long request to ${replica}`, {
        world: { ...world, busy: [...world.busy, replica] },
      });
}

function* people(node: Node): Generator<Node> {
  const { object } = node.world;
  for (const given of COMMANDS) yield command(node, given);
  for (const version of ['v1', 'v3']) {
    const applied = objectOf(object.spec, version, object.generation + 1);
    yield next(node, `apply ${version}`, { world: { ...node.world, object: applied } });
  }
}

/** Observe, decide, commit. @returns undefined where nothing changes */
function decideNow(node: Node): Node | undefined {
  const decision = decide(node.state, observe(node), node.world.now);
  judgeDecision(node, decision);
  if (decision.next === node.state && node.outcomes.length === 0) return undefined;
  return next(node, 'decide', {
    state: decision.next,
    outcomes: [],
    todo: [...node.todo, ...decision.actions],
    commands: node.commands.filter(({ id }) => !decision.next.commandsDone[id]),
  });
}

function carryOut(node: Node, action: Action): Node {
  const world = perform(node.world, action);
  const todo = node.todo.filter((other) => other !== action);
  if (world === 'refused')
    return next(node, `${describe(action)} is refused`, {
      todo,
      outcomes: [...node.outcomes, failed(action, 'E_STALE_WRITER')],
    });
  const outcomes = [...node.outcomes, { key: action.key, result: 'ok' as const }];
  const done = node.surprises > 0 ? [...node.done, action].slice(-REMEMBERED) : [];
  return next(node, describe(action), { world, todo, done, outcomes });
}

function failed({ key }: Action, code: string): Outcome {
  return { key, result: 'failed', reason: { code, message: 'it failed' } };
}

function command(node: Node, given: Pick<Command, 'verb' | 'full'>): Node {
  const id = `c${node.depth}`;
  const { now: at } = node.world;
  return next(node, `${given.verb}${given.full ? ' --full' : ''}`, {
    commands: [...node.commands, { id, actor: 'ann', at, ...given }],
  });
}

function next(parent: Node, move: string, change: Partial<Node>): Node {
  const node = { ...parent, ...change, depth: parent.depth + 1, quiet: parent.quiet + 1, parent, move };
  if (node.world !== parent.world) judgeMoment(node);
  return node;
}

import { emptyState } from '../../../src/core/decide/state.ts';
import type {
  Action,
  AppObject,
  AppState,
  Command,
  Counts,
  Ms,
  Observed,
  Outcome,
  PoolId,
  Replica,
  ReplicaId,
  RouteTable,
} from '../../../src/core/model.ts';
import { objectOf, specOf } from '../world.ts';
import type { Scenario } from './scenarios.ts';

/** The world around the core, small enough to be looked at in all its states. Never changed in place. */
export interface Small {
  now: Ms;
  object: AppObject;
  replicas: readonly Replica[];
  /** How many of each pool were ever started, for their names. */
  started: Readonly<Record<PoolId, number>>;
  serving?: RouteTable;
  epoch: number;
  counts: Readonly<Record<PoolId, Counts>>;
  busy: readonly ReplicaId[];
  /** Adapters refuse what is older than they have seen. */
  seenVersion: number;
}

/** A moment: what is stored, what is under way, and what the world looks like. */
export interface Node {
  state: AppState;
  world: Small;
  /** Committed, and not done yet. */
  todo: readonly Action[];
  /** Done: they may arrive again. */
  done: readonly Action[];
  outcomes: readonly Outcome[];
  commands: readonly Command[];
  /** How many things may still happen that nobody expects: faults, commands, what is late. */
  surprises: number;
  depth: number;
  /** Moves since the last surprise. */
  quiet: number;
  parent?: Node;
  move: string;
}

export function firstNode({ strategy, replicas }: Scenario): Node {
  const spec = specOf(strategy, {
    replicas,
    verify: { minRequests: 2, onNoTraffic: 'probe' },
    drainTimeoutMs: 500,
    drainLongTimeoutMs: 500,
  });
  return {
    state: emptyState(),
    world: {
      now: 1_000_000,
      object: objectOf(spec, 'v1', 1),
      replicas: [],
      started: {},
      epoch: 1,
      counts: {},
      busy: [],
      seenVersion: 0,
    },
    todo: [],
    done: [],
    outcomes: [],
    commands: [],
    surprises: 0,
    depth: 0,
    quiet: 0,
    move: 'start',
  };
}

export function observe({ state, world, outcomes, commands }: Node): Observed {
  const { now: at, serving } = world;
  const epoch = `e${world.epoch}`;
  return {
    app: { kind: 'known', value: world.object, at },
    commands: commands.filter((command) => !state.commandsDone[command.id]),
    replicas: { kind: 'known', value: [...world.replicas], at },
    router: {
      kind: 'known',
      at,
      value: {
        epoch,
        workers: 1,
        ackedGeneration: serving?.generation ?? 0,
        ...(serving ? { serving } : {}),
        inFlight: Object.fromEntries(world.busy.map((id) => [id, 1])),
        admission: { refused: 0, held: 0 },
        firstAnswerAt: {},
      },
    },
    measured: { kind: 'known', at, value: { source: 'router', epoch, perPool: world.counts } },
    outcomes: [...outcomes],
  };
}

/** How it came to this, for people. */
export function pathTo(node: Node): string[] {
  const path: string[] = [];
  for (let at: Node | undefined = node; at; at = at.parent) path.unshift(`${at.depth} ${at.move}`);
  return path;
}

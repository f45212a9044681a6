/** Worlds at moments that many tests begin from, and single decisions in the making. */
import assert from 'node:assert/strict';
import type { RouterCapabilities } from '../../../src/core/capabilities.ts';
import { Draft } from '../../../src/core/decide/draft.ts';
import type { AppState, Observed, Release, RouterView, RouteTable } from '../../../src/core/model.ts';
import type { AppSpec, Strategy } from '../../../src/spec/app.ts';
import { specOf, World } from '../../simulation/world.ts';

type Spec = AppSpec['spec'];

/** A router that has no limits. */
export const EVERYTHING: RouterCapabilities = {
  weightResolutionBp: 1,
  header: true,
  cookie: true,
  sticky: true,
  hold: true,
  preview: true,
  mirrorResolutionBp: 1,
  measuredBy: 'router',
};

export const CANARY: Strategy = {
  kind: 'canary',
  steps: [{ kind: 'setWeight', weightBp: 2000 }, { kind: 'pause' }],
  warmMs: 5000,
};
export const ROLLING = { kind: 'rolling', maxSurge: 1, maxUnavailable: 1 } satisfies Strategy;

/** A stable revision (pool 1-1), and nothing under way. */
export function started(strategy: Strategy = CANARY, more: Partial<Spec> = {}): World {
  return new World(specOf(strategy, more)).runUntil((w) => w.state.stable !== undefined && !w.state.release);
}

/** 80% to stable (1-1), 20% to the candidate (2-2), which waits for `promote`. */
export function halfway(strategy: Strategy = CANARY, more: Partial<Spec> = {}): World {
  const world = started(strategy, more);
  world.apply('v2');
  return world.runUntil(
    (w) => w.state.release?.gates.some(({ kind }) => kind === 'waiting') ?? false,
    20_000,
  );
}

/** v2 is known and wanted, and nothing is under way. */
export function wanting(strategy: Strategy = CANARY): World {
  const world = started(strategy);
  world.apply('v2');
  const { revision } = world.object;
  world.state.revisions[revision.id] = { ...revision, number: 2 };
  world.state.generationSeen = world.object.generation;
  return world;
}

/** A decision at this moment, with what is seen changed by hand. */
export function draftOf(world: World, seen: Partial<Observed> = {}, state: AppState = world.state): Draft {
  return new Draft(state, { ...world.observed(), ...seen }, world.object, world.now);
}

/** The table was another one, and the router serves that. */
export function withTable(world: World, change: (table: RouteTable) => void): World {
  const table = structuredClone(world.state.table ?? assert.fail('no table'));
  change(table);
  world.state.table = table;
  world.table = table;
  return world;
}

export function releaseOf(draft: Draft): Release {
  return draft.state.release ?? assert.fail('no release');
}

/** What a decision tells, a line for each event. */
export function said({ events }: Draft): string[] {
  return events.map(({ type, reason, message }) => `${type} ${reason}: ${message}`);
}

/** What is observed of this world, but for what the router says. */
export function seeing(world: World, change: Partial<RouterView>): Partial<Observed> {
  const { router } = world.observed();
  assert.ok(router.kind === 'known');
  return { router: { ...router, value: { ...router.value, ...change } } };
}

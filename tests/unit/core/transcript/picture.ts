import type { AppState, GateState, PoolId, Release } from '../../../../src/core/model.ts';
import { planFor } from '../../../../src/core/plan.ts';
import type { World } from '../../../simulation/world.ts';

/** The stages as `crossfade plan` says them. */
export function describePlan({ object }: World): string[] {
  const plan = planFor({ spec: object.spec });
  return [
    ...plan.stages.map((stage, n) => {
      const replicas = Object.entries(stage.replicas).map(([arm, count]) => `${count} ${arm}`);
      const gates = stage.gates.length > 0 ? `; until ${stage.gates.join(', then ')}` : '';
      const outage = stage.outage ? `; an outage: requests are ${stage.outage}` : '';
      return `${n + 1}. ${stage.name}: ${replicas.join(', ')}; ${stage.route}${gates}${outage}; abort: ${stage.onAbort}`;
    }),
    `at most ${plan.peakReplicas} replicas`,
  ];
}

/** Everything that a person would look at, in a few lines. */
export function describeStatus(world: World): string[] {
  const { state, users, replicas } = world;
  const known = new Set(Object.keys(state.pools));
  return [
    `stable: ${state.stable === undefined ? 'none' : describePool(world, state.stable)}`,
    ...state.warm.map(({ pool }) => `warm: ${describePool(world, pool)}`),
    ...(state.release ? describeRelease(world, state.release) : []),
    ...(state.queued ? [`waits its turn: revision ${state.revisions[state.queued.revision]?.number}`] : []),
    ...state.retiring.map((pool) => `on its way out: ${describePool(world, pool)}`),
    ...state.held.map(
      (held) => `revision ${state.revisions[held.revision]?.number} is held: ${held.why.message}`,
    ),
    ...(state.frozen ? [`FROZEN: ${state.frozen.message}`] : []),
    ...(replicas.some((replica) => !known.has(replica.pool)) ? ['ORPHANS'] : []),
    `users: ${users.answered} answered, ${users.failed} failed, ${users.refused} refused, ${users.waiting} waiting`,
  ];
}

function describePool({ state, replicas }: World, id: PoolId): string {
  const all = replicas.filter((replica) => replica.pool === id);
  const ready = all.filter((replica) => replica.ready).length;
  const colour = state.pools[id]?.colour;
  return `revision ${numberOf(state, id)}${colour ? ` (${colour})` : ''}, pool ${id}, ${ready} of ${all.length} ready`;
}

function describeRelease(world: World, release: Release): string[] {
  const { phase } = release;
  const candidate = release.arms.candidate;
  const at =
    phase.kind === 'advancing'
      ? `at "${release.stages[phase.stage]?.name}"${phase.fullSpeed ? ', at full speed' : ''}`
      : phase.kind;
  const paused = release.pausedBy === undefined ? [] : [`paused by ${release.pausedBy}`];
  const gates = phase.kind === 'advancing' ? release.gates.map(describeGate) : [];
  return [
    `release ${release.id} (${release.cause}) ${[at, ...paused, ...gates].join(', ')}`,
    ...(candidate === undefined ? [] : [`candidate: ${describePool(world, candidate)}`]),
  ];
}

function describeGate(gate: GateState): string {
  return gate.kind === 'waiting' ? `waiting: ${gate.why}` : gate.kind;
}

function numberOf(state: AppState, pool: PoolId): number | undefined {
  return state.revisions[state.pools[pool]?.revision ?? '']?.number;
}

/**
 * Many short lives of one App, each from a seed: `node tests/simulation/simulate.ts [--releases N] [--seed S] [--profile P]`.
 * A failure prints the seed that replays it and the end of its transcript, and the exit code is 1.
 */
import { parseArgs } from 'node:util';
import type { AppSpec } from '../../src/spec/app.ts';
import { FaultyWorld, PROFILES } from './faulty-world.ts';
import { Random } from './random.ts';

type Strategy = AppSpec['spec']['strategy'];
export type ProfileName = keyof typeof PROFILES;

/** Everything about one life follows from its seed. @throws SimulationFailure */
export async function oneLife(seed: number, profile: ProfileName): Promise<FaultyWorld> {
  const random = new Random(seed);
  const world = new FaultyWorld(random, PROFILES[profile], strategyOf(random), {
    replicas: random.int(1, 4),
    onNewRevision: random.pick(['supersede', 'supersede', 'queue', 'reject'] as const),
    health: { minReadySeconds: random.pick([0, 0, 0.2]) },
    verify: { minRequests: 30, onNoTraffic: 'probe' },
  });
  try {
    for (let n = 0; n < 200; n++) world.step();
    world.settleDown();
  } catch (error) {
    throw new SimulationFailure(seed, profile, world, error);
  }
  return world;
}

export class SimulationFailure extends Error {
  constructor(seed: number, profile: ProfileName, world: FaultyWorld, cause: unknown) {
    const what = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
    const replay = `node tests/simulation/simulate.ts --seed ${seed} --profile ${profile}`;
    super(`${what}\n\nlast of the transcript:\n${world.log.slice(-40).join('\n')}\n\nreplay: ${replay}`);
    this.name = 'SimulationFailure';
  }
}

function strategyOf(random: Random): Strategy {
  const warmMs = random.pick([0, 500, 3000]);
  const by = { kind: 'header', name: 'x-user' } as const;
  return random.pick<Strategy>([
    { kind: 'recreate' },
    { kind: 'recreate', hold: { maxRequests: 100, maxMs: 5000 } },
    { kind: 'rolling', maxSurge: random.pick([0, 1, '25%']), maxUnavailable: random.pick([1, '25%', '50%']) },
    { kind: 'rolling', maxSurge: 1, maxUnavailable: 0 },
    { kind: 'blueGreen', autoPromotion: random.chance(0.7), warmMs },
    { kind: 'blueGreen', autoPromotion: true, autoPromotionMs: 300, previewReplicas: 1, warmMs },
    {
      kind: 'canary',
      steps: [
        { kind: 'setWeight', weightBp: random.int(1, 5000) },
        random.chance(0.5) ? { kind: 'pause', durationMs: 300 } : { kind: 'pause' },
        { kind: 'setCanaryScale', scale: { kind: 'count', replicas: 2 } },
        { kind: 'setWeight', weightBp: random.int(5000, 10_000) },
      ],
      warmMs,
    },
    { kind: 'abTest', matches: [], split: { weightBp: random.int(1000, 9000), by }, warmMs },
  ]);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      releases: { type: 'string', default: '1000' },
      seed: { type: 'string' },
      profile: { type: 'string' },
    },
  });
  const names = Object.keys(PROFILES) as ProfileName[];
  if (values.seed !== undefined) {
    const world = await oneLife(Number(values.seed), (values.profile ?? 'hostile') as ProfileName);
    process.stdout.write(`${world.log.join('\n')}\n`);
    return;
  }
  const wanted = Number(values.releases);
  const first = Math.floor(Math.random() * 2 ** 31);
  const begun = performance.now();
  const seen = new Map<string, number>();
  let [releases, lives] = [0, 0];
  while (releases < wanted) {
    const profile =
      (values.profile as ProfileName | undefined) ??
      (lives % 2 === 0 ? 'hostile' : (names[(lives >> 1) % 3] ?? 'calm'));
    const world = await oneLife(first + lives, profile);
    releases += world.releases;
    lives += 1;
    for (const what of [...world.seen.stages, ...world.seen.verbs, ...world.seen.ends])
      seen.set(what, (seen.get(what) ?? 0) + 1);
  }
  const seconds = (performance.now() - begun) / 1000;
  for (const [what, count] of [...seen].sort())
    process.stdout.write(`${String(count).padStart(8)} ${what}\n`);
  process.stdout.write(
    `${releases} releases in ${lives} lives, seeds ${first}..${first + lives - 1}, ${Math.round(releases / seconds)} releases/s: no broken invariant\n`,
  );
}

if (process.argv[1] === import.meta.filename) {
  try {
    await main();
  } catch (error) {
    process.stderr.write(
      `${error instanceof SimulationFailure ? error.message : ((error as Error).stack ?? error)}\n`,
    );
    process.exitCode = 1;
  }
}

/**
 * Many short lives of one App, each from a seed: `node tests/simulation/simulate.ts [--releases N] [--seed S] [--profile P]`.
 * A failure prints the seed that replays it and the end of its transcript, and the exit code is 1.
 */
import { parseArgs } from 'node:util';
import { planOf } from './life/plan.ts';
import { PROFILES, type ProfileName } from './life/profiles.ts';
import { World } from './life/world.ts';

/** Everything about one life follows from its seed. @throws SimulationFailure */
export async function oneLife(seed: number, profile: ProfileName): Promise<World> {
  const world = new World({ seed, profile: PROFILES[profile], plan: planOf(seed, PROFILES[profile]) });
  try {
    await world.live();
  } catch (error) {
    throw new SimulationFailure(seed, profile, world, error);
  }
  return world;
}

export class SimulationFailure extends Error {
  constructor(seed: number, profile: ProfileName, world: World, cause: unknown) {
    const what = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
    const replay = `node tests/simulation/simulate.ts --seed ${seed} --profile ${profile}`;
    super(`${what}\n\nlast of the transcript:\n${world.log.slice(-40).join('\n')}\n\nreplay: ${replay}`);
    this.name = 'SimulationFailure';
  }
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
    for (const [what, count] of world.judge.verdicts) seen.set(what, (seen.get(what) ?? 0) + count);
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

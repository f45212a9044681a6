import { planOf } from './plan.ts';
import { PROFILES, type ProfileName } from './profiles.ts';
import { World } from './world.ts';

const LINES_SHOWN = 40;

/** Everything about one life follows from its seed. @throws SimulationFailure */
export async function oneLife(seed: number, profile: ProfileName): Promise<World> {
  const world = new World({ seed, plan: planOf(seed, PROFILES[profile]) });
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
    const end = world.log.slice(-LINES_SHOWN).join('\n');
    const replay = `npm run simulate -- --seed ${seed} --profile ${profile}`;
    super(`${what}\n\nlast of the transcript:\n${end}\n\nreplay: ${replay}`);
    this.name = 'SimulationFailure';
  }
}

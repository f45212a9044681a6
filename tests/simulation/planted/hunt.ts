/**
 * Lives until the planted bug is found: `CROSSFADE_PLANTED=NAME node --import ./tests/simulation/planted/plant.ts
 * tests/simulation/planted/hunt.ts FIRST LIVES`. Prints one line of JSON.
 */
import { planOf } from '../life/plan.ts';
import { PROFILES, type Profile, type ProfileName } from '../life/profiles.ts';
import { World } from '../life/world.ts';
import { BUGS } from './bugs.ts';

export interface Found {
  lives: number;
  /** Absent: not found. */
  seed?: number;
  profile?: ProfileName;
  what?: string;
}

/** In the order in which they are lived. */
const ORDER: readonly ProfileName[] = ['hostile', 'rough', 'hostile', 'calm'];

async function hunt(first: number, most: number): Promise<Found> {
  const bug = BUGS.find(({ name }) => name === process.env.CROSSFADE_PLANTED);
  for (let [seed, lives] = [first, 0]; lives < most; seed++) {
    const name = ORDER[lives % ORDER.length] ?? 'hostile';
    const profile: Profile = { ...PROFILES[name], perMinute: { ...PROFILES[name].perMinute, ...bug?.often } };
    const plan = planOf(seed, profile);
    if (bug?.strategy !== undefined && plan.first.strategy.kind !== bug.strategy) continue;
    lives += 1;
    try {
      await new World({ seed, plan }).live();
    } catch (error) {
      const what = error instanceof Error ? error.message : String(error);
      return { lives, seed, profile: name, what: what.split('\n', 1)[0] ?? '' };
    }
  }
  return { lives: most };
}

const [first = '1', lives = '100'] = process.argv.slice(2);
process.stdout.write(`${JSON.stringify(await hunt(Number(first), Number(lives)))}\n`);

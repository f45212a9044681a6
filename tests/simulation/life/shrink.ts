/** Leaves out what a failing life does not need: operations, happenings and faults, until what is left all matters. */
import type { Item, Plan } from './plan.ts';
import { planOf } from './plan.ts';
import { PROFILES, type ProfileName } from './profiles.ts';
import { World } from './world.ts';

/** Lives that may be spent on it. */
const MOST_TRIES = 600;

interface Parts {
  items: readonly Item[];
  faults: readonly string[];
}

/** A life that needs no draws: it stays what it is when the draws change. */
export interface Script {
  seed: number;
  plan: Plan;
  faults: readonly string[];
}

export interface Shrunk {
  script: Script;
  log: readonly string[];
  message: string;
  tries: number;
}

/** @returns the shortest life found that fails in the same way; undefined: it does not fail when it is lived again */
export async function shrink(seed: number, profile: ProfileName): Promise<Shrunk | undefined> {
  const plan = planOf(seed, PROFILES[profile]);
  const whole = await live(seed, plan, undefined);
  if (whole.message === undefined) return undefined;
  const kind = kindOf(whole.message);
  let tries = 0;
  const fails = async ({ items, faults }: Parts): Promise<boolean> => {
    tries += 1;
    const { message } = await live(seed, { ...plan, items: [...items] }, new Set(faults));
    return message !== undefined && kindOf(message) === kind;
  };
  let parts: Parts = { items: plan.items, faults: whole.faults };
  if (!(await fails(parts)))
    return { script: { seed, plan, faults: whole.faults }, log: whole.log, message: whole.message, tries };
  for (let before = Number.POSITIVE_INFINITY; sizeOf(parts) < before && tries < MOST_TRIES; ) {
    before = sizeOf(parts);
    const kept = parts;
    parts = {
      ...parts,
      items: await without(
        parts.items,
        (items) => fails({ ...kept, items }),
        () => tries,
      ),
    };
    const { items } = parts;
    parts = {
      items,
      faults: await without(
        parts.faults,
        (faults) => fails({ items, faults }),
        () => tries,
      ),
    };
  }
  const script = { seed, plan: { ...plan, items: [...parts.items] }, faults: parts.faults };
  const { log, message = '' } = await live(seed, script.plan, new Set(parts.faults));
  return { script, log, message, tries };
}

/** Leaves out halves, quarters and so on, as long as it still fails. */
async function without<T>(
  all: readonly T[],
  fails: (rest: readonly T[]) => Promise<boolean>,
  tries: () => number,
): Promise<readonly T[]> {
  let list = all;
  for (let size = Math.ceil(list.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < list.length && tries() < MOST_TRIES; ) {
      const rest = [...list.slice(0, at), ...list.slice(at + size)];
      if (await fails(rest)) list = rest;
      else at += size;
    }
  }
  return list;
}

/** Lives a script again. @returns what failed */
export async function relive({ seed, plan, faults }: Script): Promise<string | undefined> {
  return (await live(seed, plan, new Set(faults))).message;
}

async function live(seed: number, plan: Plan, only: ReadonlySet<string> | undefined) {
  const world = new World({ seed, plan, ...(only ? { only } : {}) });
  const life = { log: world.log, faults: world.faults.happened };
  try {
    await world.live();
    return { ...life, message: undefined };
  } catch (error) {
    return { ...life, message: (error as Error).message };
  }
}

function sizeOf({ items, faults }: Parts): number {
  return items.length + faults.length;
}

/** Two failures are the same when they say the same but for numbers and names. */
function kindOf(message: string): string {
  return (message.split('\n')[0] ?? '').replace(/[\w-]*\d[\w.-]*/g, '#');
}

/**
 * Many short lives of one App, each from a seed (docs/reliability.md). `npm run simulate -- [options]`:
 *
 *   --releases N   at least so many releases (1000), or
 *   --minutes N    for so long
 *   --profile P    calm, rough or hostile; absent: all of them, at least half of the releases hostile
 *   --jobs N       threads (1)
 *   --from S       the first seed; absent: a fresh one
 *   --cells        the table of what met what; exit code 1 when a cell that can be reached is empty
 *   --keep-going   do not stop at the first failure
 *   --shrink N     of so many failures the shortest transcript that still fails (3); minutes each, 0: none
 *   --seed S       one life again, with its whole transcript
 *   --save FILE    with --seed: keeps the shortest life that still fails, for tests/simulation/found
 *
 * A failure prints its seed, and the exit code is 1.
 */
import { randomInt } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { Cells } from './life/cells.ts';
import { oneLife } from './life/one-life.ts';
import { PROFILES, type ProfileName } from './life/profiles.ts';
import { shrink } from './life/shrink.ts';
import { addYield, emptyYield, soak, type Yield } from './life/soak.ts';

export { oneLife, SimulationFailure } from './life/one-life.ts';

const LIVES_PER_LOT = 20;
const SAYS_EVERY_MS = 30_000;

const OPTIONS = {
  releases: { type: 'string', default: '1000' },
  minutes: { type: 'string' },
  profile: { type: 'string' },
  jobs: { type: 'string', default: '1' },
  from: { type: 'string' },
  seed: { type: 'string' },
  save: { type: 'string' },
  cells: { type: 'boolean', default: false },
  'keep-going': { type: 'boolean', default: false },
  shrink: { type: 'string', default: '3' },
} as const;

async function main(): Promise<void> {
  const { values } = parseArgs({ options: OPTIONS });
  const profile = values.profile === undefined ? undefined : profileNamed(values.profile);
  if (values.seed !== undefined) return again(Number(values.seed), profile ?? 'hostile', values);
  const total = emptyYield();
  const first = values.from === undefined ? randomInt(2 ** 31) : Number(values.from);
  print(ratesOf(profile));
  const last = await soakAll(total, first, profile, values);
  report(total, first, last);
  for (const { seed, profile: own } of total.failures.slice(0, Number(values.shrink)))
    await explain(seed, own);
  if (total.failures.length > 0) process.exitCode = 1;
  if (values.cells) showCells(total);
}

function profileNamed(name: string): ProfileName {
  if (name in PROFILES) return name as ProfileName;
  throw new Error(`--profile ${name}: expected ${Object.keys(PROFILES).join(', ')}`);
}

async function soakAll(
  total: Yield,
  first: number,
  profile: ProfileName | undefined,
  values: { releases: string; minutes?: string; jobs: string; 'keep-going': boolean },
): Promise<number> {
  const until =
    values.minutes === undefined ? undefined : performance.now() + Number(values.minutes) * 60_000;
  const goesOn = () => {
    if (total.failures.length > 0 && !values['keep-going']) return false;
    return until === undefined ? total.releases < Number(values.releases) : performance.now() < until;
  };
  let next = first;
  let saidAt = performance.now();
  const nextLot = () => {
    if (!goesOn()) return undefined;
    const lot = { first: next, lives: LIVES_PER_LOT, profile };
    next += LIVES_PER_LOT;
    return lot;
  };
  await soak(Number(values.jobs), nextLot, (more) => {
    addYield(total, more);
    for (const { seed, profile: own, message } of more.failures)
      print(`FAILED --seed ${seed} --profile ${own}: ${message.split('\n')[0]}`);
    if (performance.now() - saidAt < SAYS_EVERY_MS) return;
    saidAt = performance.now();
    print(`... ${summary(total)}`);
  });
  return next - 1;
}

function report(total: Yield, first: number, last: number): void {
  const { requests, verdicts } = total;
  const failed = Object.entries(requests.failed).map(([fault, count]) => `${count} ${fault}`);
  print(summary(total));
  print(`ended as: ${[...verdicts].map(([verdict, count]) => `${count} ${verdict}`).join(', ')}`);
  print(
    `requests: ${requests.sent} sent, ${requests.ok} ok; failed, by who is to answer: ${failed.join(', ')}`,
  );
  const found = total.failures.length === 0 ? 'no broken invariant' : `${total.failures.length} lives failed`;
  print(`seeds ${first}..${last}: ${found}`);
}

function summary({ releases, hostileReleases, lives, cpuMs }: Yield): string {
  const hostile = releases === 0 ? 0 : Math.round((100 * hostileReleases) / releases);
  const perSecond = Math.round(releases / Math.max(0.001, cpuMs / 1000));
  return `${releases} releases (${hostile}% hostile) in ${lives} lives, ${perSecond} per second and core`;
}

function ratesOf(profile: ProfileName | undefined): string {
  const names = profile === undefined ? (Object.keys(PROFILES) as ProfileName[]) : [profile];
  return names
    .map((name) => {
      const { perCall, perMinute, operationsPerMinute, badVersions } = PROFILES[name];
      const list = (rates: Record<string, number>, unit: (rate: number) => string) =>
        Object.entries(rates)
          .map(([what, rate]) => `${what} ${unit(rate)}`)
          .join(', ');
      const percent = (rate: number) => `${Number((100 * rate).toPrecision(2))}%`;
      const often = (rate: number) => `${Number(rate.toPrecision(2))}/min`;
      return `${name}: ${list(perCall, percent)}; ${list(perMinute, often)}; ${list(operationsPerMinute, often)}; bad versions ${percent(badVersions)}`;
    })
    .join('\n');
}

function showCells(total: Yield): void {
  const cells = new Cells();
  cells.add(total.cells);
  print(cells.table());
  const empty = cells.empty();
  print(empty.length === 0 ? 'no reachable cell is empty' : `empty: ${empty.join('; ')}`);
  if (empty.length > 0) process.exitCode = 1;
}

async function explain(seed: number, profile: ProfileName, file?: string): Promise<void> {
  print('\nleaving out what it does not need ...');
  const shrunk = await shrink(seed, profile);
  if (!shrunk) return print(`--seed ${seed} --profile ${profile} does not fail again`);
  print(`\n--seed ${seed} --profile ${profile}, shrunk in ${shrunk.tries} lives:`);
  print(`${shrunk.log.join('\n')}\n${shrunk.message}`);
  if (file !== undefined) await writeFile(file, `${JSON.stringify(shrunk.script, null, 1)}\n`);
}

async function again(
  seed: number,
  profile: ProfileName,
  { save, shrink: shortest }: { save?: string; shrink: string },
): Promise<void> {
  try {
    print((await oneLife(seed, profile)).log.join('\n'));
  } catch (error) {
    process.exitCode = 1;
    print((error as Error).message);
    if (Number(shortest) > 0 || save !== undefined) await explain(seed, profile, save);
  }
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

if (process.argv[1] === import.meta.filename) {
  try {
    await main();
  } catch (error) {
    process.stderr.write(`${(error as Error).stack ?? error}\n`);
    process.exitCode = 1;
  }
}

/**
 * Runs the tests of the core for Stryker, in one process: every mutant is in the code already, and one is switched on at a
 * time. Only the tests that reach it are run, those first that are likely to tell and quick, until one fails.
 */
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Collected, collectFrom } from './collect.ts';
import { type Mutant, Tried, type Verdict } from './tried.ts';

/** What the instrumented code reads and counts (Stryker's `INSTRUMENTER_CONSTANTS`). */
interface Switch {
  activeMutant?: string | undefined;
  currentTestId?: string | undefined;
  hitCount?: number | undefined;
  hitLimit?: number | undefined;
  mutantCoverage: { static: Hits; perTest: Record<string, Hits> };
  /** Ours: counting is for the first run only, and dear. */
  counting?: boolean;
}

type Hits = Record<string, number>;

/** What the first run found out, for the processes after it. */
interface Known {
  costMs: Record<string, number>;
  perTest: Record<string, Hits>;
}

interface MutantRun {
  activeMutant: Mutant;
  /** Absent: all, because the mutant is reached while modules are loaded. */
  testFilter?: string[];
  mutantActivation: 'runtime' | 'static';
}

type TestResult = { id: string; name: string; fileName: string; timeSpentMs: number } & (
  | { status: 0 }
  | { status: 1; failureMessage: string }
);

/** From main.ts. */
const QUICK = process.env.CROSSFADE_MUTATE_QUICK !== undefined;
const FOLDER = process.env.CROSSFADE_MUTATE_FOLDER ?? '.';

const TESTS = (process.env.CROSSFADE_MUTATE_TESTS ?? '').split(' ');
const KNOWN_FILE = '.first-run.json';
const COSTS_FILE = path.join(FOLDER, 'costs.json');
/** Where a test that passes goes through some code so often, one that goes through it so much oftener does not end. */
const HITS_FACTOR = 20;
const HITS_LEAST = 10_000;
/** A test that told for one mutant often tells for the next one. */
const REMEMBERED = 12;
/** A test in the file that is called like the changed one, or like what it is a part of, is tried before others. */
const OWN_SHARE = 0.005;
/**
 * `npm run mutate -- --quick` tries no test that takes longer in the first run, where counting makes it several times as slow,
 * and each mutant for as long as main.ts says.
 */
const QUICK_TEST_MS = 600;
const QUICK_MUTANT_MS = Number(process.env.CROSSFADE_MUTATE_QUICK);

class CoreTests {
  readonly #switch: Switch = prepareSwitch();
  #tests: readonly Collected[] | undefined;
  #known: Known | undefined;
  readonly #told = new Map<string, string[]>();
  #tried: Tried | undefined;

  capabilities() {
    return { reloadEnvironment: false };
  }

  async dryRun() {
    this.#switch.counting = true;
    const results: TestResult[] = [];
    const costMs = costsBefore();
    for (const test of await this.#all()) {
      if (QUICK && (costMs[test.id] ?? 0) > QUICK_TEST_MS) continue;
      const before = cpuMs();
      const failure = await this.#failureOf(test);
      const timeSpentMs = cpuMs() - before;
      costMs[test.id] = timeSpentMs;
      const result = { id: test.id, name: test.id, fileName: test.file, timeSpentMs };
      results.push(failure === undefined ? { ...result, status: 0 } : { ...result, ...failedWith(failure) });
    }
    this.#switch.counting = false;
    const { mutantCoverage } = this.#switch;
    const perTest = Object.fromEntries(results.map(({ id }) => [id, mutantCoverage.perTest[id] ?? {}]));
    writeFileSync(KNOWN_FILE, JSON.stringify({ costMs, perTest } satisfies Known));
    writeFileSync(COSTS_FILE, JSON.stringify(costMs, undefined, 1));
    return { status: 'complete', tests: results, mutantCoverage };
  }

  async mutantRun(run: MutantRun): Promise<Verdict> {
    if (run.mutantActivation === 'static') this.#switch.activeMutant = interned(run.activeMutant.id);
    const tests = await this.#all().catch((error: Error) => error.message);
    if (typeof tests === 'string') return { status: 'timeout', reason: `it cannot be loaded: ${tests}` };
    const files = new Map(tests.map(({ id, file }) => [id, file]));
    this.#tried ??= new Tried(
      path.join(FOLDER, 'tried.jsonl'),
      [...new Set(files.values())],
      QUICK ? `quick ${QUICK_MUTANT_MS}` : 'all',
    );
    const tried = this.#tried.find(run.activeMutant, files);
    if (tried) return tried;
    const verdict = await this.#try(run);
    this.#tried.keep(run.activeMutant, verdict, files);
    return verdict;
  }

  async #try({ activeMutant, testFilter }: MutantRun): Promise<Verdict> {
    const known = this.#knownOfFirstRun();
    const id = interned(activeMutant.id);
    try {
      const tests = await this.#all();
      this.#switch.activeMutant = id;
      const wanted = new Set(testFilter ?? Object.keys(known.perTest));
      const inOrder = this.#inOrder(
        tests.filter((test) => wanted.has(test.id)),
        activeMutant.fileName,
      );
      return await this.#untilOneFails(inOrder, id, activeMutant.fileName);
    } finally {
      this.#switch.activeMutant = undefined;
    }
  }

  async #untilOneFails(tests: readonly Collected[], mutant: string, file: string): Promise<Verdict> {
    let nrOfTests = 0;
    const until = QUICK ? cpuMs() + QUICK_MUTANT_MS : Number.POSITIVE_INFINITY;
    for (const test of tests) {
      if (cpuMs() > until) break;
      nrOfTests += 1;
      const hits = this.#knownOfFirstRun().perTest[test.id]?.[mutant] ?? 0;
      this.#switch.hitCount = 0;
      this.#switch.hitLimit = Math.max(HITS_LEAST, hits * HITS_FACTOR);
      const failure = await this.#failureOf(test);
      if (failure === undefined) continue;
      this.#told.set(file, [test.id, ...(this.#told.get(file) ?? []).filter((id) => id !== test.id)]);
      if (this.#switch.hitCount > this.#switch.hitLimit)
        return { status: 'timeout', reason: `${test.id} does not end` };
      return { status: 'killed', killedBy: [test.id], failureMessage: failure.slice(0, 500), nrOfTests };
    }
    return { status: 'survived', nrOfTests };
  }

  /** Those that told last for this file, those that are about it, then the quickest. */
  #inOrder(tests: readonly Collected[], file: string): Collected[] {
    const { costMs } = this.#knownOfFirstRun();
    const told = (this.#told.get(file) ?? []).slice(0, REMEMBERED);
    const name = path.basename(file, '.ts');
    const isOwn = (test: Collected) => `${name}-`.startsWith(`${path.basename(test.file, '.test.ts')}-`);
    const share = (test: Collected) =>
      told.includes(test.id) ? 0.01 * (1 + told.indexOf(test.id)) : isOwn(test) ? OWN_SHARE : 1;
    const rank = (test: Collected) => (costMs[test.id] ?? 0) * share(test);
    return [...tests].sort((a, b) => rank(a) - rank(b));
  }

  async #failureOf(test: Collected): Promise<string | undefined> {
    this.#switch.currentTestId = test.id;
    try {
      await test.run();
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    } finally {
      this.#switch.currentTestId = undefined;
    }
  }

  async #all(): Promise<readonly Collected[]> {
    if (this.#tests) return this.#tests;
    const root = process.cwd();
    const tests: Collected[] = [];
    for (const file of TESTS.flatMap((glob) => globSync(glob, { cwd: root }).sort()))
      tests.push(...(await collectFrom(path.join(root, file))));
    this.#tests = tests;
    return tests;
  }

  #knownOfFirstRun(): Known {
    this.#known ??= JSON.parse(readFileSync(KNOWN_FILE, 'utf8')) as Known;
    return this.#known;
  }
}

function failedWith(failureMessage: string): { status: 1; failureMessage: string } {
  return { status: 1, failureMessage };
}

/** The machine may be busy with other things. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** What earlier runs took, so that a quick one need not find out. Ids are paths in sandboxes: told by what follows. */
function costsBefore(): Record<string, number> {
  return existsSync(COSTS_FILE) ? JSON.parse(readFileSync(COSTS_FILE, 'utf8')) : {};
}

/** Compared with a literal at every step of the core: the engine does that by address when both are names. */
function interned(text: string): string {
  return Object.keys({ [text]: true })[0] ?? text;
}

function prepareSwitch(): Switch {
  const prepared: Switch = { mutantCoverage: { static: {}, perTest: {} } };
  Object.assign(globalThis, { __stryker__: prepared });
  return prepared;
}

registerHooks({
  resolve(specifier, context, next) {
    if (specifier !== 'node:test') return next(specifier, context);
    return { url: pathToFileURL(path.join(import.meta.dirname, 'collect.ts')).href, shortCircuit: true };
  },
  load(url, context, next) {
    const loaded = next(url, context);
    if (!url.includes('/src/core/')) return loaded;
    const text = typeof loaded.source === 'string' ? loaded.source : new TextDecoder().decode(loaded.source);
    const source = text.replace('function cover() {', 'function cover() { if (!ns.counting) return;');
    return { ...loaded, source };
  },
});

export const strykerPlugins = [{ kind: 'TestRunner', name: 'core-tests', factory: () => new CoreTests() }];

import type { Command, Ms, Release } from '../../../../src/core/model.ts';
import type { AppSpec } from '../../../../src/spec/app.ts';
import { type Behaviour, specOf, World } from '../../../simulation/world.ts';
import { describePlan, describeStatus } from './picture.ts';
import { STRATEGIES } from './strategies.ts';

type Spec = AppSpec['spec'];

/** How the replicas of a version behave, by the words of a transcript. */
const BEHAVIOURS: Record<string, Behaviour> = {
  well: { readyAfterMs: 100, answers: 'ok' },
  'exits before it is ready': { readyAfterMs: 1000, exitsAfterMs: 50, answers: 'ok' },
  'exits after it was ready': { readyAfterMs: 100, exitsAfterMs: 300, answers: 'ok' },
  'never gets ready': { readyAfterMs: 1e9, answers: 'ok' },
  'loses its readiness': { readyAfterMs: 100, unreadyAfterMs: 300, answers: 'ok' },
  'answers errors': { readyAfterMs: 100, answers: 'failed' },
  'never answers': { readyAfterMs: 100, answers: 'none' },
};

const LIMIT_MS = 200_000;

/** One transcript being played: a world, and the words that move it. */
export class Play {
  #world: World | undefined;
  #shown = 0;

  /** @returns the lines that one input line led to */
  line(input: string): string[] {
    const [word = '', ...rest] = input.split(' ');
    const answer = this.#do(word, rest, rest.join(' '));
    const log = this.#world?.log ?? [];
    const news = log.slice(this.#shown);
    this.#shown = log.length;
    return [...together(news), ...answer];
  }

  get world(): World {
    if (!this.#world) throw new Error('a transcript begins with `app STRATEGY`');
    return this.#world;
  }

  #do(word: string, words: string[], text: string): string[] {
    switch (word) {
      case 'app':
        this.#world = new World(specOf(strategyOf(words[0]), optionsOf(words.slice(1))));
        if (!this.#world.object.spec.spec.route) this.#world.rps = 0;
        return [];
      case 'given':
        return this.#given(words);
      case 'plan':
        return describePlan(this.world);
      case 'status':
        return describeStatus(this.world);
      case 'run':
        this.world.run(msOf(text));
        return [];
      case 'until':
        this.#until(text);
        return [];
      default:
        return this.#disturb(word, words, text);
    }
  }

  /** How the story begins, without its telling: an App with a stable revision, or the next one released to its end. */
  #given(words: string[]): string[] {
    if (this.#world) this.world.apply(words[0] ?? '');
    else this.#do('app', words, '');
    const { world } = this;
    for (world.run(20); !isAtRest(world); world.run(20)) {
      if (world.now > 1_000_000 + LIMIT_MS) throw new Error('what is given does not come to rest');
      if (isWaiting(world)) world.command('promote');
    }
    Object.assign(world.users, { answered: 0, failed: 0, refused: 0 });
    this.#shown = world.log.length;
    return describeStatus(world).slice(0, -1);
  }

  /** What people and the world do; each is decided at once. */
  #disturb(word: string, words: string[], text: string): string[] {
    const { world } = this;
    switch (word) {
      case 'apply':
        world.apply(words[0] ?? '', edited(world, words.slice(1)));
        break;
      case 'edit':
        world.object = {
          ...world.object,
          spec: edited(world, words),
          generation: world.object.generation + 1,
        };
        break;
      case 'delete':
        world.object = { ...world.object, deleting: true };
        break;
      case 'version':
        world.behaviours.set(words[0] ?? '', behaviourOf(words.slice(1).join(' ')));
        return [];
      case 'users':
        world.rps = Number(words[0]);
        return [];
      case 'router':
        this.#router(text);
        break;
      case 'busy':
        world.inFlight[words[0] ?? ''] = Number(words[1]);
        break;
      default:
        world.command(verbOf(word), optionsOfVerb(word, words, text));
    }
    world.settle();
    return [];
  }

  #router(text: string): void {
    const { world } = this;
    if (text === 'restarts empty' || text === 'restarts with its table')
      world.restartRouter(text !== 'restarts empty');
    else if (text === 'answers' || text === 'slow' || text === 'lost') world.router = text;
    else throw new Error(`the router does what? ${text}`);
  }

  #until(text: string): void {
    const reached = CONDITIONS.find(([pattern]) => pattern.test(text));
    if (!reached) throw new Error(`until what? ${text}`);
    const name = text.match(/"(.*)"/)?.[1] ?? '';
    this.world.runUntil((world) => reached[1](world, name), LIMIT_MS);
  }
}

/** What happens to several replicas at once is one line. */
function together(lines: readonly string[]): string[] {
  const told: string[] = [];
  for (const line of lines) {
    const [what, replica] = line.match(OF_REPLICA)?.slice(1) ?? [];
    const before = told.at(-1);
    if (what !== undefined && before?.startsWith(what)) told[told.length - 1] = `${before} ${replica}`;
    else told.push(line);
  }
  return told;
}

/** When and what, and to which replica. */
const OF_REPLICA = /^(\d+ (?: {2}stop|\. [a-z ]+) )(\d+-\d+-\d+)$/;

const CONDITIONS: [RegExp, (world: World, name: string) => boolean][] = [
  [/^stage "/, (world, name) => stageOf(world.state.release) === name],
  [
    /^routed "/,
    ({ state }, name) => {
      const record = state.release?.record.at(-1);
      return record?.name === name && record.routedAt !== undefined;
    },
  ],
  [/^waiting$/, isWaiting],
  [/^measuring$/, ({ state }) => state.release?.gates.some((gate) => gate.kind === 'measuring') ?? false],
  [
    /^\d+ old ones are gone$/,
    (world) => world.replicas.filter((r) => r.pool === world.state.stable).length < 3,
  ],
  [/^rest$/, isAtRest],
  [/^gone$/, ({ gone }) => gone],
];

function isWaiting({ state }: World): boolean {
  return state.release?.gates.some((gate) => gate.kind === 'waiting') ?? false;
}

function stageOf(release: Release | undefined): string | undefined {
  return release?.phase.kind === 'advancing' ? release.stages[release.phase.stage]?.name : undefined;
}

/** Nothing moves any more: what is warm may stay. */
function isAtRest({ state, object }: World): boolean {
  return (
    state.generationSeen === object.generation &&
    !state.release &&
    !state.queued &&
    state.retiring.length === 0 &&
    Object.keys(state.leaving).length === 0
  );
}

function strategyOf(name: string | undefined): Spec['strategy'] {
  const strategy = STRATEGIES[name ?? ''];
  if (!strategy) throw new Error(`no strategy ${name}: ${Object.keys(STRATEGIES).join(', ')}`);
  return strategy;
}

function behaviourOf(words: string): Behaviour {
  const behaviour = BEHAVIOURS[words];
  if (!behaviour)
    throw new Error(`no such behaviour: ${words}; there are ${Object.keys(BEHAVIOURS).join(', ')}`);
  return behaviour;
}

/** `replicas=5 onNewRevision=queue` */
function optionsOf(words: string[]): Partial<Spec> {
  return Object.assign({}, ...words.map(optionOf));
}

function optionOf(word: string): Partial<Spec> {
  const [name, value = ''] = word.split('=');
  switch (name) {
    case 'replicas':
    case 'progressDeadlineSeconds':
    case 'drainTimeoutMs':
    case 'drainLongTimeoutMs':
      return { [name]: Number(value) };
    case 'minReadySeconds':
      return { health: { minReadySeconds: Number(value) } };
    case 'onNewRevision':
      return { onNewRevision: value as Spec['onNewRevision'] };
    case 'onNoTraffic':
      return { verify: { onNoTraffic: value as Spec['verify']['onNoTraffic'] } };
    case 'strategy':
      return { strategy: strategyOf(value) };
    case 'route':
      if (value !== 'none') throw new Error('route=none is the only route here');
      return { route: undefined } as unknown as Partial<Spec>;
    default:
      throw new Error(`no option ${name}`);
  }
}

function edited({ object }: World, words: string[]): AppSpec {
  return { ...object.spec, spec: { ...object.spec.spec, ...optionsOf(words) } };
}

const VERBS: readonly Command['verb'][] = ['promote', 'abort', 'pause', 'resume', 'undo', 'restart', 'retry'];

function verbOf(word: string): Command['verb'] {
  const verb = VERBS.find((known) => known === word);
  if (!verb) throw new Error(`no such line in a transcript: ${word}`);
  return verb;
}

function optionsOfVerb(word: string, words: string[], text: string): Partial<Command> {
  if (word === 'promote' && words[0] === '--full') return { full: true };
  if (word === 'undo' && words[0] === '--to-revision') return { toRevision: words[1] ?? '' };
  return text === '' ? {} : { reason: text };
}

function msOf(text: string): Ms {
  const match = text.match(/^(\d+)(ms|s)$/);
  if (!match) throw new Error(`not a time: ${text}`);
  return Number(match[1]) * (match[2] === 's' ? 1000 : 1);
}

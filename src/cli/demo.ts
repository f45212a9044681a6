import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import type { AppView, ReleaseView } from '../api/types.ts';
import { OperatingError } from '../core/errors.ts';
import { millis } from '../probe/text.ts';
import type { CliContext } from './context.ts';
import { demoReport, reportLines, succeeded, type Told } from './demo-report.ts';
import { type DemoHome, openDemoHome, SHOP_REF } from './demo-run.ts';
import { createScreen, type NamedShare } from './demo-screen.ts';
import { DEMO_STRATEGIES, type DemoStrategy, SHOP } from './demo-shop.ts';
import { startTraffic, TRAFFIC_RPS, type Traffic } from './demo-traffic.ts';
import { EXIT, Exit } from './exit.ts';
import { untilInterrupted } from './interrupt.ts';
import { type Session, withSession } from './session.ts';
import { watchApp } from './views.ts';

/** Everything that one run of the demo works with. */
interface Stage {
  session: Session;
  home: DemoHome;
  strategy: DemoStrategy;
  signal: AbortSignal;
  /** For people: stdout, or stderr when stdout is for JSON. */
  say(line?: string): void;
  write(text: string): void;
  /** Revision -> edition, as they become known. */
  editions: Map<string, string>;
  /** All that was started, to be ended however the demo ends. */
  traffic: Traffic[];
  /** A command is being typed: nothing may be drawn over what it prints. */
  typing: boolean;
}

const REDRAW_MS = 150;
const RELEASE_LIMIT_MS = 60_000;
/** Traffic before, between and after the releases, so that each has something to be compared with. */
const QUIET_MS = 1_500;
const EXPERIMENT_MS = 4_000;

/** `crossfade demo`: a good release and a bad one under traffic, by the same commands and API that a user has. */
export function registerDemo(program: Command, ctx: CliContext): void {
  program
    .command('demo')
    .summary('watch a release and a stopped release under real traffic')
    .description(
      'Starts a web shop behind a Crossfade of its own in a temporary folder, puts traffic on it, releases ' +
        'a new version, then a broken one, and reports what the users noticed. Removes everything at the end.',
    )
    .addOption(
      new Option('--strategy <name>', 'how to release').choices([...DEMO_STRATEGIES]).default('canary'),
    )
    .action(
      withSession(ctx, (session, flags: { strategy: DemoStrategy }) => demoCommand(session, flags.strategy)),
    );
}

async function demoCommand(session: Session, strategy: DemoStrategy): Promise<void> {
  const { ctx, out } = session;
  const to = out.structured ? ctx.stderr : ctx.stdout;
  const write = (text: string) => to.write(text);
  const say = (line = '') => void write(`${line}\n`);
  const home = await openDemoHome(ctx, strategy);
  const traffic: Traffic[] = [];
  let failure: unknown;
  const ended = await untilInterrupted((signal) =>
    perform({ session, home, strategy, signal, say, write, editions: new Map(), traffic, typing: false }),
  ).catch((error) => {
    failure = error;
    return undefined;
  });
  const ok = ended === 'interrupted' || ended?.ok === true;
  if (ended === 'interrupted') say('\nstopping the daemon and all that it runs');
  await Promise.all(traffic.map((one) => one.stop()));
  await home.close({ keep: !ok });
  if (!ok) say(`the logs are kept in ${home.folder}/state`);
  if (failure !== undefined) throw failure;
  if (ended === 'interrupted') throw new Exit(EXIT.interrupted);
  if (ended !== undefined && out.structured) out.streamed(ended.report);
  if (!ok) throw new Exit(EXIT.failed);
}

/** The demo itself, step by step. */
async function perform(stage: Stage) {
  const { session, strategy, home, say } = stage;
  const { paint } = session.out;
  say(paint('bold', `Crossfade demo: a release by ${strategy}`));
  say(`A shop goes from ${SHOP.old} to ${SHOP.next}, then meets a broken ${SHOP.broken}.`);
  say(paint('dim', `It all happens in ${home.folder}, which is removed at the end.`));

  const before = await startShop(stage);
  const traffic = sendTraffic(stage, addressOf(before));
  say();
  say(`The shop is on ${addressOf(before)} and gets ${TRAFFIC_RPS} requests a second,`);
  say('half of them on kept-alive connections, half on new ones.');
  await sleep(QUIET_MS, undefined, { signal: stage.signal });

  const good = await release(stage, SHOP.next, traffic);
  const nextTraffic = sendTraffic(stage, addressOf(before));
  const goodTold: Told = { release: good, traffic: await traffic.stop(), answers: traffic.answers };

  const bad = await release(stage, SHOP.broken, nextTraffic);
  const badTold: Told = { release: bad, traffic: await nextTraffic.stop(), answers: nextTraffic.answers };

  const report = demoReport(strategy, goodTold, badTold);
  say();
  for (const line of reportLines(report, goodTold, badTold, paint)) say(line);
  await showWhoServes(stage, bad);
  return { report, ok: succeeded(report) };
}

function sendTraffic(stage: Stage, url: string): Traffic {
  const traffic = startTraffic(url);
  stage.traffic.push(traffic);
  return traffic;
}

async function startShop(stage: Stage): Promise<AppView> {
  await typed(stage, 'apply', '-f', stage.home.file(SHOP.old), '--wait', '--timeout', '60s');
  const app = await stage.home.client.app(SHOP_REF);
  if (app.status.stableRevision !== null) stage.editions.set(app.status.stableRevision, SHOP.old);
  return app;
}

/** Applies an edition and shows its release until it has ended and what it left behind has settled. */
async function release(stage: Stage, edition: string, traffic: Traffic) {
  const { home, session, signal } = stage;
  const { out } = session;
  const lastBefore = (await home.client.app(SHOP_REF)).status.lastRelease?.id;
  await typed(stage, 'apply', '-f', home.file(edition));
  const screen = createScreen(session.ctx, out.paint, out.glyphs, stage.write);
  let app = await home.client.app(SHOP_REF);
  const draw = () => {
    if (stage.typing) {
      screen.end();
      return;
    }
    const running = app.status.release;
    const last = app.status.lastRelease;
    const shown = running ?? (last?.id === lastBefore ? null : last);
    screen.draw({
      release: shown,
      status: app.status,
      traffic: traffic.summary(),
      shares: sharesOf(stage, traffic),
    });
  };
  const redraw = setInterval(draw, REDRAW_MS);
  const deadline = AbortSignal.timeout(RELEASE_LIMIT_MS);
  const decided = edition === SHOP.next ? decide(stage) : undefined;
  try {
    for await (app of watchApp(home.client, SHOP_REF, AbortSignal.any([signal, deadline]))) {
      const candidate = app.status.candidateRevision;
      if (candidate !== null) stage.editions.set(candidate, edition);
      if (app.status.release === null && app.status.lastRelease?.id !== lastBefore) break;
    }
    await decided;
    await sleep(QUIET_MS, undefined, { signal });
  } finally {
    clearInterval(redraw);
  }
  app = await home.client.app(SHOP_REF);
  draw();
  screen.end();
  const { lastRelease } = app.status;
  if (lastRelease === null || lastRelease.id === lastBefore) throw notEnded(edition, app);
  return lastRelease;
}

/** An A/B test ends when somebody decides. */
async function decide(stage: Stage): Promise<void> {
  if (stage.strategy !== 'abTest') return;
  await sleep(EXPERIMENT_MS, undefined, { signal: stage.signal });
  await typed(stage, 'rollout', 'promote', SHOP_REF.name);
}

function notEnded(edition: string, app: AppView): OperatingError {
  return new OperatingError(
    'E_TIMEOUT',
    `the release of ${edition} did not end within ${RELEASE_LIMIT_MS / 1000} s: ${app.status.message}`,
  );
}

/** Types a command where everybody can see it; what it prints is shown below. */
async function typed(stage: Stage, ...args: string[]): Promise<void> {
  const { paint } = stage.session.out;
  stage.say();
  stage.say(`${paint('dim', '$')} ${paint('bold', `crossfade ${args.join(' ')}`)}`);
  stage.typing = true;
  const code = await stage.home.type(args, (line) => stage.say(paint('dim', line)), stage.signal);
  stage.typing = false;
  stage.signal.throwIfAborted();
  if (code === EXIT.ok) return;
  throw new OperatingError('E_DEMO', `crossfade ${args.join(' ')} ended with code ${code}`, {
    hint: 'what it printed is above',
  });
}

/** A broken release must leave users where they were. */
async function showWhoServes(stage: Stage, bad: ReleaseView): Promise<void> {
  const { stableRevision } = (await stage.home.client.app(SHOP_REF)).status;
  const edition = stableRevision === null ? undefined : stage.editions.get(stableRevision);
  const how =
    bad.outageMs === null ? 'untouched by it' : `which was started again after ${millis(bad.outageMs)}`;
  stage.say(`  Users are on ${edition ?? 'nothing'}, ${how}.`);
}

function sharesOf(stage: Stage, traffic: Traffic): NamedShare[] {
  const recent = traffic.recent();
  return [...stage.editions].map(([revision, name]) => ({ name, share: recent.get(revision) ?? 0 }));
}

function addressOf(app: AppView): string {
  if (app.status.url === null) throw new Error('the shop was applied with a route and has no address');
  return app.status.url;
}

import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { AppRef, Client } from '../api/client.ts';
import type { AppView } from '../api/types.ts';
import { OperatingError } from '../core/errors.ts';
import { type AskedLedger, createAskedLedger } from '../probe/asked.ts';
import { createProbe, type ProbeOptions } from '../probe/probe.ts';
import { count, logLine, millis, summaryLines, switchLine } from '../probe/text.ts';
import type { RequestRecord } from '../probe/types.ts';
import type { CliContext } from './context.ts';
import { EXIT, Exit, usageError } from './exit.ts';
import { parseDurationMs } from './output/units.ts';
import { type Session, withSession } from './session.ts';

interface ProbeFlags {
  path: string;
  rps?: number;
  concurrency?: number;
  duration?: number;
  requests?: number;
  timeout?: number;
  log?: boolean;
  fresh?: boolean;
  mixed?: boolean;
  header: Record<string, string>;
  acceptStatus?: number[];
}

interface Goal {
  url: string;
  /** Probed by name: what the route asks for is known. */
  app?: { client: Client; ref: AppRef };
}

const ROUTE_POLL_MS = 250;
const LIVE_EVERY_MS = 200;

/** `crossfade probe`: sends requests until it is stopped, and says what became of each. */
export function registerProbe(program: Command, ctx: CliContext): void {
  program
    .command('probe')
    .argument('<url|app>', 'any http:// or https:// URL, or the name of an App')
    .summary('send requests continuously and account for each one')
    .description(
      'Sends GET requests continuously and keeps account of each: who answered, how long it took, what failed. ' +
        'Works against any URL, also one that is not behind Crossfade. Ctrl-C ends it with the report. ' +
        'Exits 0 when no request failed, 1 otherwise.\n\n' +
        'A failed request is of one kind: refused (nobody listens), unreachable (no way there), tls, reset, closed ' +
        '(before an answer), timeout, bad_body (the answer died before its end), bad_answer (not HTTP), ' +
        "http_503_router (the router's own 503), http_router (another error of the router's own), http_5xx, http_4xx.",
    )
    .option('--path <path>', 'path to ask for when an App is named', '/')
    .option('--rps <n>', 'requests per second; latency then counts from when each was due', positive)
    .option('--concurrency <n>', 'most requests open at a time (default: 1, with --rps 64)', whole)
    .option('--duration <time>', 'stop after this: 30s, 5m (default: at Ctrl-C)', duration)
    .option('--requests <n>', 'stop after this many', whole)
    .option('--timeout <time>', 'limit for one whole answer (default: 30s)', duration)
    .option('--log', 'print a line for every request')
    .addOption(new Option('--fresh', 'a new connection for each request').conflicts('mixed'))
    .option('--mixed', 'a new connection for every second request, the others kept alive')
    .option('-H, --header <name: value>', 'send this header too (repeatable)', header, {})
    .option(
      '--accept-status <codes>',
      'statuses that are no failure although 400 or above: 404,410',
      statuses,
    )
    .action(
      withSession(ctx, (session, target: string, flags: ProbeFlags) => probeCommand(session, target, flags)),
    );
}

async function probeCommand(session: Session, target: string, flags: ProbeFlags): Promise<void> {
  const { out } = session;
  const goal = await goalOf(session, target, flags);
  const asked = createAskedLedger();
  const live = createLiveLine(session, flags);
  const say = (line: string) => live.above(() => (out.structured ? out.note(line) : out.print(line)));
  const probe = createProbe({
    ...probeOptions(goal.url, flags),
    onRecord: (record) => {
      asked.add(record);
      live.add(record);
      if (flags.log) say(logLine(record));
    },
    onSwitch: (found) => say(out.paint('cyan', switchLine(found))),
  });
  const stop = new AbortController();
  const interrupted = () => probe.stop();
  // Once: a second Ctrl-C, while a last answer is waited for, ends it at once.
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  const watching = watchRoute(goal, asked, stop.signal);
  const summary = await probe.run().finally(async () => {
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
    live.end();
    stop.abort();
    await watching;
  });
  const periods = asked.periods();
  // One line, so that it can be taken from the end of a longer output.
  if (out.structured) (out.format === 'json' ? out.streamed : out.object)({ ...summary, asked: periods });
  else out.lines(summaryLines(summary, periods, out.paint));
  // Nothing sent proves nothing.
  if (summary.failed > 0 || summary.requests === 0) throw new Exit(EXIT.failed);
}

function probeOptions(url: string, flags: ProbeFlags): ProbeOptions {
  return {
    url,
    connections: flags.fresh ? 'fresh' : flags.mixed ? 'mixed' : 'kept',
    headers: flags.header,
    ...(flags.rps === undefined ? {} : { rps: flags.rps }),
    ...(flags.timeout === undefined ? {} : { timeoutMs: flags.timeout }),
    ...(flags.concurrency === undefined ? {} : { concurrency: flags.concurrency }),
    ...(flags.duration === undefined ? {} : { durationMs: flags.duration }),
    ...(flags.requests === undefined ? {} : { requests: flags.requests }),
    ...(flags.acceptStatus === undefined ? {} : { acceptStatus: flags.acceptStatus }),
  };
}

async function goalOf(session: Session, target: string, flags: ProbeFlags): Promise<Goal> {
  if (/^https?:\/\//i.test(target)) {
    if (!URL.canParse(target)) throw usageError(`${target} is not a URL`);
    return { url: target };
  }
  if (!/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(target)) {
    throw usageError(`${target} is neither a URL nor the name of an App`, `did you mean http://${target} ?`);
  }
  const client = await session.runningClient();
  if (client === undefined) {
    throw new OperatingError(
      'E_DAEMON_UNREACHABLE',
      `no daemon runs, so nothing is known of an App ${target}`,
      {
        hint: 'give a URL, or another --state-dir',
      },
    );
  }
  const ref = session.ref(target);
  const { url } = (await client.app(ref)).status;
  if (url === null) {
    throw new OperatingError(
      'E_NO_ROUTE',
      `App ${target} has no route: there is no address to send requests to`,
      {
        hint: 'add spec.route.listen to its file, or probe a URL',
      },
    );
  }
  return { url: new URL(flags.path, url).href, app: { client, ref } };
}

/** Asks again and again what the route is to be. A daemon that is away for a while costs periods, not the probe. */
async function watchRoute(goal: Goal, asked: AskedLedger, signal: AbortSignal): Promise<void> {
  if (goal.app === undefined) return;
  const { client, ref } = goal.app;
  const now = () => performance.timeOrigin + performance.now();
  while (!signal.aborted) {
    const from = now();
    const shares = await client.app(ref).then(sharesOf, () => null);
    asked.saw(shares, from, now());
    await sleep(ROUTE_POLL_MS, undefined, { signal }).catch(() => undefined);
  }
}

function sharesOf(app: AppView): Record<string, number> | null {
  const shares = app.status.route.filter((share) => share.weightPercent !== null);
  if (shares.length === 0) return null;
  return Object.fromEntries(shares.map((share) => [share.revision, share.weightPercent ?? 0]));
}

interface LiveLine {
  add(record: RequestRecord): void;
  /** Prints something that stays, above the line. */
  above(print: () => void): void;
  end(): void;
}

/** One line that is drawn again and again; nothing where output is not a terminal, or a log is printed. */
function createLiveLine(session: Session, flags: ProbeFlags): LiveLine {
  const { out, ctx } = session;
  if (!out.isTTY || out.structured || flags.log) {
    return { add: () => {}, above: (print) => print(), end: () => {} };
  }
  const beganAt = performance.now();
  const recent: string[] = [];
  let [requests, failed, slowestMs] = [0, 0, 0];
  const clear = () => ctx.stdout.write('\r\u001b[2K');
  const draw = () => {
    const seconds = ((performance.now() - beganAt) / 1000).toFixed(1);
    const line = `${seconds} s  ${count(requests)} requests  ${count(failed)} failed  slowest ${millis(slowestMs)}  ${sharesText(recent)}`;
    clear();
    ctx.stdout.write(line.slice(0, out.columns - 1));
  };
  const timer = setInterval(draw, LIVE_EVERY_MS);
  return {
    add(record) {
      requests += 1;
      if (record.failure !== null) failed += 1;
      slowestMs = Math.max(slowestMs, record.endedAt - record.intendedAt);
      if (record.revision !== null) recent.push(record.revision);
      if (recent.length > 500) recent.shift();
    },
    above(print) {
      clear();
      print();
    },
    end() {
      clearInterval(timer);
      clear();
    },
  };
}

/** Who gave the last few hundred answers. */
function sharesText(recent: readonly string[]): string {
  const perRevision = Map.groupBy(recent, (revision) => revision);
  return [...perRevision]
    .map(([id, answers]) => `${id} ${Math.round((answers.length * 100) / recent.length)}%`)
    .join('  ');
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 100_000))
    throw new InvalidArgumentError('expected a number above 0, at most 100000');
  return value;
}

function whole(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('expected a whole number from 1');
  return Number(text);
}

function duration(text: string): number {
  const ms = parseDurationMs(text);
  if (ms === undefined || ms === 0)
    throw new InvalidArgumentError('expected a time with its unit: 500ms, 30s, 5m');
  return ms;
}

function header(text: string, before: Record<string, string>): Record<string, string> {
  const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):\s*(.*)$/.exec(text);
  if (match === null) throw new InvalidArgumentError('expected "Name: value"');
  return { ...before, [match[1] ?? '']: match[2] ?? '' };
}

function statuses(text: string): number[] {
  const codes = text.split(',').map(Number);
  if (!codes.every((code) => Number.isInteger(code) && code >= 100 && code <= 599)) {
    throw new InvalidArgumentError('expected statuses between 100 and 599: 404,410');
  }
  return codes;
}

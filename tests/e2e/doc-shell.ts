import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Step, stepsOf } from './doc-blocks.ts';
import { matches, type Varying } from './doc-match.ts';

const root = path.dirname(path.dirname(import.meta.dirname));
const COMMAND_LIMIT_MS = 60_000;
const PATIENCE_MS = 30_000;

export interface Place {
  /** Where the reader stands at first. */
  cwd: string;
  stateDir: string;
  here: Varying;
}

/** Types every command of a page into a shell and compares what it prints with what the page shows. @returns commands run */
export async function follow(page: string, place: Place): Promise<number> {
  const steps = stepsOf(page);
  const shell = openShell(place);
  let second: SecondTerminal | undefined;
  try {
    for (const step of steps) {
      if (step.how === 'start') second = startSecond(step.command, await shell.cwd(), place);
      else if (step.how === 'stop') await stopSecond(step, second, place);
      else await typeStep(step, shell, place);
    }
  } finally {
    second?.kill();
    await shell.close();
  }
  return steps.length;
}

async function stopSecond(step: Step, second: SecondTerminal | undefined, { here }: Place): Promise<void> {
  assert.ok(second, `line ${step.line}: nothing runs in the second terminal`);
  const printed = await second.interrupt();
  assert.ok(matches(step.prints ?? [], printed, here), differs(step, printed));
}

async function typeStep(step: Step, shell: Shell, { here }: Place): Promise<void> {
  const giveUpAt = performance.now() + PATIENCE_MS;
  for (;;) {
    const { printed, exit } = await shell.type(step.command);
    // A script shows nothing: its exit code tells. What a console shows says more than its exit code.
    const agrees = step.prints === undefined ? exit === 0 : matches(step.prints, printed, here);
    if (agrees) return;
    assert.ok(step.how === 'eventually' && performance.now() < giveUpAt, differs(step, printed));
    await sleep(500);
  }
}

function differs({ line, command, prints = [] }: Step, printed: readonly string[]): string {
  return `line ${line}: ${command}\n--- the page says\n${prints.join('\n')}\n--- it printed\n${printed.join('\n')}`;
}

function environment({ cwd, stateDir }: Place): NodeJS.ProcessEnv {
  return {
    PATH: `${path.join(root, 'bin')}:${process.env.PATH}`,
    HOME: cwd,
    TMPDIR: process.env.TMPDIR,
    LC_ALL: 'C.UTF-8',
    CROSSFADE_STATE_DIR: stateDir,
  };
}

const END = /^end of command (\d+)$/;

interface Shell {
  type(command: string): Promise<{ printed: string[]; exit: number }>;
  cwd(): Promise<string>;
  close(): Promise<void>;
}

function openShell(place: Place): Shell {
  const bash = spawn('bash', ['--noprofile', '--norc'], {
    cwd: place.cwd,
    env: environment(place),
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = lineReader(bash);
  bash.stdin.write('exec 2>&1\n');
  let exit = 0;

  async function type(command: string) {
    // `$?` of the next command is this one's, as in a terminal; nothing reads the rest of the script as its input.
    bash.stdin.write(
      `(exit ${exit})\n{ ${command}\n} < /dev/null\n__exit=$?\nprintf '\nend of command %s\n' "$__exit"\n`,
    );
    const printed: string[] = [];
    for (;;) {
      const line = await lines.next(COMMAND_LIMIT_MS, command);
      const code = END.exec(line)?.[1];
      if (code === undefined) printed.push(line);
      else {
        exit = Number(code);
        return { printed: printed.slice(0, printed.findLastIndex((text) => text !== '') + 1), exit };
      }
    }
  }

  return {
    type,
    cwd: async () => (await type('pwd')).printed[0] ?? place.cwd,
    async close() {
      if (bash.exitCode !== null || bash.signalCode !== null) return;
      const ended = once(bash, 'exit');
      // A command may hang in it.
      bash.kill('SIGKILL');
      await ended;
    },
  };
}

function lineReader(child: ChildProcess) {
  const ready: string[] = [];
  let rest = '';
  let wake = Promise.withResolvers<void>();
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    const all = (rest + text).split('\n');
    rest = all.pop() ?? '';
    ready.push(...all);
    wake.resolve();
  });
  return {
    async next(limitMs: number, command: string): Promise<string> {
      const giveUpAt = performance.now() + limitMs;
      for (;;) {
        const line = ready.shift();
        if (line !== undefined) return line;
        assert.ok(performance.now() < giveUpAt, `did not end: ${command}`);
        wake = Promise.withResolvers<void>();
        await Promise.race([wake.promise, sleep(1_000)]);
      }
    },
  };
}

interface SecondTerminal {
  /** Ctrl-C: what it had printed, and printed then. */
  interrupt(): Promise<string[]>;
  kill(): void;
}

function startSecond(command: string, cwd: string, place: Place): SecondTerminal {
  const child = spawn('bash', ['-c', `exec ${command} 2>&1`], {
    cwd,
    env: environment(place),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (more: string) => {
    text += more;
  });
  return {
    async interrupt() {
      const closed = once(child, 'close');
      child.kill('SIGINT');
      await closed;
      return text.trimEnd().split('\n');
    },
    kill: () => void child.kill('SIGKILL'),
  };
}

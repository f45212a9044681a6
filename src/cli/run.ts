import { type Command, CommanderError } from 'commander';
import { OperatingError } from '../core/errors.ts';
import type { CliContext } from './context.ts';
import { EXIT, Exit, exitCodeOf } from './exit.ts';
import { buildProgram } from './program.ts';

/**
 * Runs one command line and returns the exit code.
 * @param args what follows the program's name
 */
export async function runCli(ctx: CliContext, args: readonly string[]): Promise<number> {
  endQuietlyWithoutReader(ctx);
  const program = buildProgram(ctx);
  for (const command of withSubcommands(program)) {
    command.exitOverride().configureOutput({
      writeOut: (text) => ctx.stdout.write(text),
      writeErr: (text) => ctx.stderr.write(text),
      outputError: () => undefined,
      getOutHelpWidth: () => ctx.stdout.columns || 80,
      getErrHelpWidth: () => ctx.stdout.columns || 80,
    });
  }
  if (args.length === 0) {
    program.outputHelp();
    return EXIT.ok;
  }
  try {
    await program.parseAsync(args.flatMap(splitShortFlag), { from: 'user' });
    return EXIT.ok;
  } catch (error) {
    if (error instanceof Exit) return error.code;
    if (error instanceof CommanderError) return commanderEnd(ctx, args, error, program);
    printError(ctx, args, error);
    return exitCodeOf(error);
  }
}

/** `crossfade logs -f shop | head -1`: the reader has what it wanted, which is no error. */
function endQuietlyWithoutReader(ctx: CliContext): void {
  if (ctx.stdout !== process.stdout) return;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(EXIT.ok);
  });
}

/** `-o=json` as kubectl reads it; commander would take the value to be `=json`. */
function splitShortFlag(arg: string): string[] {
  const match = /^(-[a-zA-Z])=(.*)$/s.exec(arg);
  return match === null ? [arg] : [match[1] ?? '', match[2] ?? ''];
}

function* withSubcommands(command: Command): Iterable<Command> {
  yield command;
  for (const child of command.commands) yield* withSubcommands(child);
}

function commanderEnd(
  ctx: CliContext,
  args: readonly string[],
  error: CommanderError,
  program: Command,
): number {
  if (error.exitCode === 0) return EXIT.ok;
  // `commander.help`: a group without its subcommand; the help has been printed.
  if (error.code === 'commander.help') return EXIT.usage;
  const [message = '', ...more] = error.message.replace(/^error: /, '').split('\n');
  const hint = more.join(' ').replace(/^\((.*)\)$/, '$1') || usageOf(program, args);
  printError(ctx, args, new OperatingError('E_USAGE', message, { hint }));
  return EXIT.usage;
}

/** How the command that was meant is written. */
function usageOf(program: Command, args: readonly string[]): string {
  let [command, name] = [program, program.name()];
  for (const arg of args) {
    const child = command.commands.find((one) => one.name() === arg || one.aliases().includes(arg));
    if (!child) continue;
    command = child;
    name = `${name} ${child.name()}`;
  }
  return `usage: ${name} ${command.usage()}\n${name} --help tells more`;
}

function printError(ctx: CliContext, args: readonly string[], error: unknown): void {
  const { code, message, hint, details } = errorBody(error);
  if (wantsJson(args)) {
    ctx.stderr.write(`${JSON.stringify({ error: { code, message, hint, details } })}\n`);
    return;
  }
  const bug =
    error instanceof OperatingError ? '' : `\n${(error as Error)?.stack?.replace(/^.*\n/, '') ?? ''}`;
  ctx.stderr.write(`error: ${message}${bug}\n`);
  for (const line of hint?.split('\n') ?? []) ctx.stderr.write(`hint: ${line}\n`);
}

function errorBody(error: unknown): { code: string; message: string; hint?: string; details?: unknown } {
  if (error instanceof OperatingError) {
    const { code, message, hint, details } = error;
    return {
      code,
      message,
      ...(hint === undefined ? {} : { hint }),
      ...(details === undefined ? {} : { details }),
    };
  }
  return {
    code: 'E_BUG',
    message: `a defect of crossfade itself: ${error instanceof Error ? error.message : String(error)}`,
    hint: 'please report it with the lines above',
  };
}

/** Read from the raw arguments: the line may be too wrong to parse. */
function wantsJson(args: readonly string[]): boolean {
  return args.some(
    (arg, index) =>
      /^(-o=?|--output=)json$/.test(arg) || (/^(-o|--output)$/.test(arg) && args[index + 1] === 'json'),
  );
}

import { Command } from 'commander';
import type { CliContext } from './context.ts';
import { addGlobalFlags } from './globals.ts';

/** The whole command line, ready to parse. Use `runCli` to get errors printed and an exit code. */
export function buildProgram(ctx: CliContext): Command {
  const program = new Command('crossfade')
    .description('Moves live traffic from one version of a service to the next without dropping a request.')
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .showSuggestionAfterError(true);
  addGlobalFlags(program);
  program.action(() => {
    ctx.stdout.write(program.helpInformation());
  });
  return program;
}

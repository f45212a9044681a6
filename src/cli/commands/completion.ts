import { Argument, type Command } from 'commander';
import { completionScript, SHELLS, type Shell } from '../completion/script.ts';
import type { CliContext } from '../context.ts';
import { withSession } from '../session.ts';

export function registerCompletion(program: Command, ctx: CliContext): void {
  program
    .command('completion')
    .summary('completion for bash, zsh or fish')
    .description(
      'Prints a completion script. bash: source <(crossfade completion bash); zsh: the same; fish: crossfade completion fish | source',
    )
    .addArgument(new Argument('<shell>', 'which shell').choices([...SHELLS]))
    .action((shell: Shell) => {
      ctx.stdout.write(completionScript(program, shell));
    });
  program
    .command('__apps', { hidden: true })
    .description('names of Apps for completion; prints nothing when no daemon runs')
    .action(
      withSession(ctx, async (session) => {
        const client = await session.runningClient();
        if (client === undefined) return;
        const apps = await client.apps(session.namespace);
        session.out.lines(apps.map(({ metadata }) => metadata.name));
      }),
    );
}

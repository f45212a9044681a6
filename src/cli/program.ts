import { Command } from 'commander';
import { registerAdopt, registerReleaseOwnership } from './commands/adopt.ts';
import { registerApply } from './commands/apply.ts';
import { registerCompletion } from './commands/completion.ts';
import { registerController } from './commands/controller.ts';
import { registerDaemon } from './commands/daemon.ts';
import { registerDelete } from './commands/delete.ts';
import { registerDescribe } from './commands/describe.ts';
import { registerDiff } from './commands/diff.ts';
import { registerDoctor } from './commands/doctor.ts';
import { registerExplain } from './commands/explain.ts';
import { registerGet } from './commands/get.ts';
import { registerInstall } from './commands/install.ts';
import { registerLogs } from './commands/logs.ts';
import { registerPlan } from './commands/plan.ts';
import { registerRender } from './commands/render.ts';
import { registerRollout } from './commands/rollout.ts';
import { registerScale } from './commands/scale.ts';
import { registerSchema } from './commands/schema.ts';
import { registerSecret } from './commands/secret.ts';
import { registerSet } from './commands/set.ts';
import { registerStatus } from './commands/status.ts';
import { registerToken } from './commands/token.ts';
import { registerVersion } from './commands/version.ts';
import type { CliContext } from './context.ts';
import { registerDemo } from './demo.ts';
import { addGlobalFlags } from './globals.ts';
import { registerProbe } from './probe.ts';
import { programVersion } from './version.ts';

/** Order and headings of `crossfade --help`. */
const GROUPS: [heading: string, register: ((program: Command, ctx: CliContext) => void)[]][] = [
  ['Release', [registerApply, registerRollout, registerScale, registerSet, registerDelete]],
  ['Look', [registerStatus, registerGet, registerDescribe, registerLogs, registerProbe]],
  ['Before anything happens', [registerPlan, registerDiff, registerRender, registerExplain, registerSchema]],
  ['A Kubernetes cluster', [registerInstall, registerController, registerAdopt, registerReleaseOwnership]],
  [
    'This machine',
    [
      registerDemo,
      registerDaemon,
      registerSecret,
      registerToken,
      registerDoctor,
      registerCompletion,
      registerVersion,
    ],
  ],
];

/** The whole command line, ready to parse. Use `runCli` to get errors printed and an exit code. */
export function buildProgram(ctx: CliContext): Command {
  const program = new Command('crossfade')
    .description('Moves live traffic from one version of a service to the next without dropping a request.')
    .usage('[flags] COMMAND')
    .configureHelp({ showGlobalOptions: true })
    .showSuggestionAfterError(true)
    .version(programVersion(), '--version', 'print the version of this program')
    .helpCommand(false);
  addGlobalFlags(program);
  for (const [heading, registers] of GROUPS) {
    program.commandsGroup(`${heading}:`);
    for (const register of registers) register(program, ctx);
  }
  return program;
}

import type { Argument, Command, Option } from 'commander';
import { EXIT_MEANING } from '../../../src/cli/exit.ts';

/** docs/reference/cli.md, made from the program itself. */
export function referencePage(program: Command): string {
  const commands = [...walk(program, program.name())].filter(({ command }) => command !== program);
  return `${[
    '# The command line',
    'Made from the program: `UPDATE_GOLDEN=1 npm test` writes this page anew, and a test fails when it is out of date.',
    '`crossfade`, or `xf` for short, works in the manner of kubectl. `crossfade COMMAND --help` prints what follows here.',
    INTRODUCTION,
    '## Flags of every command',
    'They may stand anywhere on the line.',
    optionTable(program.options),
    '## Exit codes',
    'The same for every command:',
    [
      '| code | meaning |',
      '| --- | --- |',
      ...Object.entries(EXIT_MEANING).map(([code, text]) => `| ${code} | ${text} |`),
    ].join('\n'),
    '`error:` and `hint:` lines go to standard error; with `-o json` it is one line of JSON there: `{"error": {"code", "message", "hint", "details"}}`.',
    '## Commands',
    ...commands.map(({ command, path }) => section(command, path)),
  ].join('\n\n')}\n`;
}

const INTRODUCTION = `## How it finds the daemon

Everything lives in the state dir: \`--state-dir\`, else \`$CROSSFADE_STATE_DIR\`, else \`$XDG_STATE_HOME/crossfade\`, else
\`~/.local/state/crossfade\`. Commands talk to the daemon through \`daemon.sock\` in there, and start one when none runs; its
output is in \`daemon.log\`. \`plan\`, \`render\`, \`explain\`, \`schema\`, \`doctor\`, \`version\`, \`completion\`, \`daemon status\` and
\`daemon stop\` never start one. With \`--server URL --token TOKEN\` (or \`$CROSSFADE_TOKEN\`) another machine's daemon is used.

With \`--context NAME\` or \`--kubeconfig FILE\` the commands are for a Kubernetes cluster instead, with your own rights there, and print
the same. As \`kubectl crossfade ...\` (or with \`CROSSFADE_TARGET=kubernetes\`) they are for the cluster that kubectl would talk to.
Secrets and tokens are Kubernetes' own there.

## What it prints

Results go to standard output; progress of starting a daemon, notes and errors go to standard error. \`-o json\` and \`-o yaml\`
print objects: one as it is, several as \`{ apiVersion, kind: List, items }\`; with \`--watch\`, one object a line. \`-o name\`
prints \`app/NAME\` lines, \`-o wide\` more columns. Colours are used on a terminal only, and never with \`--no-color\` or when
\`NO_COLOR\` is set. Trees are drawn with box characters when \`LC_ALL\`, \`LC_CTYPE\` or \`LANG\` says UTF-8, with ASCII otherwise.

Ctrl-C while a command waits for a release ends the waiting, never the release.

## How Apps are named

\`shop\`, \`app/shop\` and \`app shop\` mean the same. Revisions are named by number (\`3\` or \`#3\`) or id (\`v1-0123456789ab\`).
Short kinds for \`get\`: \`app\`, \`rev\`, \`rel\`, \`rep\`, \`ev\`.`;

function* walk(command: Command, path: string): Iterable<{ command: Command; path: string }> {
  yield { command, path };
  for (const child of command.commands) {
    if (!child.name().startsWith('__')) yield* walk(child, `${path} ${child.name()}`);
  }
}

function section(command: Command, path: string): string {
  const parts = [`### ${path}`, command.description()];
  if (command.commands.length === 0) {
    parts.push(`\`\`\`\n${usage(command, path)}\n\`\`\``);
    const args = command.registeredArguments.filter(({ description }) => description !== '');
    if (args.length > 0)
      parts.push(args.map((argument) => `- \`${argument.name()}\`: ${argumentText(argument)}`).join('\n'));
    if (command.options.length > 0) parts.push(optionTable(command.options));
  } else {
    parts.push(command.commands.map((child) => `\`${child.name()}\``).join(', '));
  }
  return parts.join('\n\n');
}

function usage(command: Command, path: string): string {
  const args = command.registeredArguments.map((argument) => {
    const name = argument.variadic ? `${argument.name()}...` : argument.name();
    return argument.required ? `<${name}>` : `[${name}]`;
  });
  return [path, ...(command.options.length > 0 ? ['[flags]'] : []), ...args].join(' ');
}

function argumentText({ description, argChoices }: Argument): string {
  return argChoices === undefined ? description : `${description} (${argChoices.join(', ')})`;
}

function optionTable(options: readonly Option[]): string {
  return [
    '| flag | meaning |',
    '| --- | --- |',
    ...options.filter(({ hidden }) => !hidden).map(optionRow),
  ].join('\n');
}

function optionRow(option: Option): string {
  const choices = option.argChoices === undefined ? '' : ` (${option.argChoices.join(', ')})`;
  const preset = typeof option.defaultValue === 'string' || typeof option.defaultValue === 'number';
  const text = preset ? `; default ${option.defaultValue}` : '';
  const required = option.mandatory ? '; required' : '';
  return `| \`${option.flags.replaceAll('|', '\\|')}\` | ${option.description}${choices}${text}${required} |`;
}

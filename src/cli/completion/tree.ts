import type { Command, Option } from 'commander';

/** What completion knows of one command: read from the program itself, so that it cannot be out of date. */
export interface CompletionNode {
  /** Words after the program's name: `rollout undo`; empty for the program. */
  path: string;
  subcommands: { name: string; about: string }[];
  options: CompletionOption[];
  /** Fixed words for the first argument. */
  words: string[];
  takesApp: boolean;
}

export interface CompletionOption {
  flags: string[];
  about: string;
  takesValue: boolean;
  values: string[];
  takesFile: boolean;
}

export function completionNodes(program: Command): CompletionNode[] {
  const globals = program.options.filter(isShown).map(optionOf);
  return [...walk(program, '')].map((node) => ({
    ...node,
    options: node.path === '' ? node.options : [...node.options, ...globals],
  }));
}

function* walk(command: Command, path: string): Iterable<CompletionNode> {
  const visible = command.commands.filter((child) => !isHidden(child));
  const args = command.registeredArguments;
  yield {
    path,
    subcommands: visible.map((child) => ({
      name: child.name(),
      about: child.summary() || child.description(),
    })),
    options: command.options.filter(isShown).map(optionOf),
    words: args.flatMap((argument, index) =>
      index === 0 ? wordsOf(argument.argChoices, argument.name()) : [],
    ),
    takesApp: args.some((argument) => argument.name() === 'app' || argument.name() === 'name'),
  };
  for (const child of visible) yield* walk(child, path === '' ? child.name() : `${path} ${child.name()}`);
}

const KNOWN_WORDS: Record<string, string[]> = {
  kind: ['apps', 'revisions', 'releases', 'replicas', 'events'],
  strategy: ['recreate', 'rolling', 'blueGreen', 'canary', 'abTest'],
};

function wordsOf(choices: readonly string[] | undefined, name: string): string[] {
  return choices === undefined ? (KNOWN_WORDS[name] ?? []) : [...choices];
}

function isHidden(command: Command): boolean {
  return command.name().startsWith('__');
}

function isShown(option: Option): boolean {
  return !option.hidden;
}

function optionOf(option: Option): CompletionOption {
  return {
    flags: [option.short, option.long].filter((flag) => flag !== undefined && flag !== null),
    about: option.description,
    takesValue: option.required || option.optional,
    values: [...(option.argChoices ?? [])],
    takesFile: /file|dir/.test(option.flags),
  };
}

import type { CompletionNode, CompletionOption } from './tree.ts';

export function fishScript(nodes: readonly CompletionNode[], names: readonly string[]): string {
  const lines = names.flatMap((name) => [
    `complete -c ${name} -f`,
    ...nodes.flatMap((node) => nodeLines(name, node)),
  ]);
  return `# fish completion for ${names.join(' and ')}
function __crossfade_at
  # Whether the words on the line, flags left out, begin with exactly these subcommands.
  set -l words (commandline -opc)
  set -e words[1]
  set -l plain (string match -v -- '-*' $words)
  set -l depth (count $argv)
  test $depth -eq 0; and return 0
  test (count $plain) -ge $depth; or return 1
  test "$plain[1..$depth]" = "$argv"
end
function __crossfade_before
  # At this command, and none of its subcommands (after --) chosen yet.
  set -l words (commandline -opc)
  set -e words[1]
  set -l depth $argv[1]
  set -e argv[1]
  test (count (string match -v -- '-*' $words)) -eq $depth; and __crossfade_at $argv
end
${lines.join('\n')}
`;
}

function nodeLines(
  program: string,
  { path, subcommands, options, words, takesApp }: CompletionNode,
): string[] {
  const parts = path === '' ? [] : path.split(' ');
  const before = `-n ${quote(['__crossfade_before', String(parts.length), ...parts].join(' '))}`;
  const at = `-n ${quote(['__crossfade_at', ...parts].join(' '))}`;
  const argument = (word: string, about?: string): string =>
    `complete -c ${program} ${before} -a ${quote(word)}${about === undefined ? '' : ` -d ${quote(about)}`}`;
  return [
    ...subcommands.map(({ name, about }) => argument(name, about)),
    ...words.map((word) => argument(word)),
    ...(takesApp ? [`complete -c ${program} ${at} -a ${quote(`(${program} __apps 2>/dev/null)`)}`] : []),
    ...options.map((option) => `complete -c ${program} ${at} ${optionWords(option)}`),
  ];
}

function optionWords({ flags, about, takesValue, values, takesFile }: CompletionOption): string {
  const names = flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`));
  const value = !takesValue
    ? ''
    : values.length > 0
      ? ` -x -a ${quote(values.join(' '))}`
      : takesFile
        ? ' -r -F'
        : ' -x';
  return `${names.join(' ')}${value} -d ${quote(about)}`;
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

import type { CompletionNode } from './tree.ts';

/** One function that finds the command on the line, then offers its subcommands, flags, values or Apps. */
export function bashScript(nodes: readonly CompletionNode[], names: readonly string[]): string {
  return `# bash completion for ${names.join(' and ')}
_crossfade() {
  local cur prev path word index
  cur=\${COMP_WORDS[COMP_CWORD]}
  prev=\${COMP_WORDS[COMP_CWORD-1]}
  path=
  for ((index = 1; index < COMP_CWORD; index++)); do
    word=\${COMP_WORDS[index]}
    case "$path/$word" in
${commandCases(nodes)}
    esac
  done
  COMPREPLY=()
  case "$path:$prev" in
${valueCases(nodes)}
  esac
  if [[ $cur == -* ]]; then
    case "$path" in
${flagCases(nodes)}
    esac
    return
  fi
  case "$path" in
${wordCases(nodes)}
  esac
}
complete -o default -F _crossfade ${names.join(' ')}
`;
}

function commandCases(nodes: readonly CompletionNode[]): string {
  const cases = nodes.flatMap(({ path, subcommands }) =>
    subcommands.map(({ name }) => {
      const next = path === '' ? name : `${path} ${name}`;
      return `      "${path}/${name}") path="${next}" ;;`;
    }),
  );
  return cases.join('\n');
}

function valueCases(nodes: readonly CompletionNode[]): string {
  const cases = nodes.flatMap(({ path, options }) =>
    options
      .filter(({ takesValue }) => takesValue)
      .map(({ flags, values, takesFile }) => {
        const patterns = flags.map((flag) => `"${path}:${flag}"`).join('|');
        if (values.length > 0)
          return `    ${patterns}) COMPREPLY=($(compgen -W "${values.join(' ')}" -- "$cur")); return ;;`;
        return takesFile
          ? `    ${patterns}) COMPREPLY=($(compgen -f -- "$cur")); return ;;`
          : `    ${patterns}) return ;;`;
      }),
  );
  return cases.join('\n');
}

function flagCases(nodes: readonly CompletionNode[]): string {
  return nodes
    .map(({ path, options }) => {
      const flags = [...options.flatMap((option) => option.flags), '--help'].join(' ');
      return `      "${path}") COMPREPLY=($(compgen -W "${flags}" -- "$cur")) ;;`;
    })
    .join('\n');
}

function wordCases(nodes: readonly CompletionNode[]): string {
  return nodes
    .map(({ path, subcommands, words, takesApp }) => {
      const fixed = [...subcommands.map(({ name }) => name), ...words].join(' ');
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is bash that fills it in
      const apps = takesApp ? ' $("${COMP_WORDS[0]}" __apps 2>/dev/null)' : '';
      if (fixed === '' && apps === '') return undefined;
      return `    "${path}") COMPREPLY=($(compgen -W "${fixed}${apps}" -- "$cur")) ;;`;
    })
    .filter((line) => line !== undefined)
    .join('\n');
}

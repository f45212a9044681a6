import { bashScript } from './bash.ts';
import type { CompletionNode } from './tree.ts';

/** zsh runs bash completions through its own compatibility layer: one generator to keep right instead of two. */
export function zshScript(nodes: readonly CompletionNode[], names: readonly string[]): string {
  return `#compdef ${names.join(' ')}
autoload -U +X compinit && compinit -i
autoload -U +X bashcompinit && bashcompinit
${bashScript(nodes, names)}`;
}

import type { Command } from 'commander';
import { bashScript } from './bash.ts';
import { fishScript } from './fish.ts';
import { completionNodes } from './tree.ts';
import { zshScript } from './zsh.ts';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

export function completionScript(program: Command, shell: Shell): string {
  const nodes = completionNodes(program);
  const names = [program.name(), 'xf'];
  if (shell === 'bash') return bashScript(nodes, names);
  return shell === 'zsh' ? zshScript(nodes, names) : fishScript(nodes, names);
}

/** The characters of trees and marks; ASCII for terminals that show no others. */
export interface Glyphs {
  branch: string;
  last: string;
  through: string;
  gap: string;
  done: string;
  current: string;
  todo: string;
  skipped: string;
  failed: string;
  arrow: string;
}

export const UNICODE: Glyphs = {
  branch: '├─ ',
  last: '└─ ',
  through: '│  ',
  gap: '   ',
  done: '✓',
  current: '▶',
  todo: '○',
  skipped: '–',
  failed: '✗',
  arrow: '→',
};

export const ASCII: Glyphs = {
  branch: '|- ',
  last: '`- ',
  through: '|  ',
  gap: '   ',
  done: '+',
  current: '>',
  todo: '.',
  skipped: '-',
  failed: 'x',
  arrow: '->',
};

export interface TreeNode {
  /** First line beside the branch; more lines hang below it. */
  text: string;
  children?: TreeNode[];
}

/** The children of a root as lines of a tree; the root itself is printed by the caller. */
export function treeLines(nodes: readonly TreeNode[], glyphs: Glyphs, indent = ''): string[] {
  return nodes.flatMap((node, index) => {
    const isLast = index === nodes.length - 1;
    const below = indent + (isLast ? glyphs.gap : glyphs.through);
    const children = node.children ?? [];
    const hang = children.length > 0 ? glyphs.through : glyphs.gap;
    const [first = '', ...more] = node.text.split('\n');
    return [
      indent + (isLast ? glyphs.last : glyphs.branch) + first,
      ...more.map((line) => below + hang + line),
      ...treeLines(children, glyphs, below),
    ];
  });
}

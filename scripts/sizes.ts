/** Files and functions that have outgrown their name. Pure. */
import { lineAt, type SourceFile, type SyntaxNode, walk } from './source-tree.ts';

export const MAX_FILE_LINES = 400;
export const MAX_FUNCTION_LINES = 70;

const FUNCTIONS = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression']);

/** One line for each offender: where, how many lines, how many are allowed. */
export function findOversized(sources: readonly SourceFile[]): string[] {
  return sources.flatMap((source) => {
    const lines = source.text.trimEnd().split('\n').length;
    const file = lines > MAX_FILE_LINES ? [`${source.file}: ${lines} lines, at most ${MAX_FILE_LINES}`] : [];
    return [...file, ...longFunctions(source)];
  });
}

function longFunctions(source: SourceFile): string[] {
  const found: string[] = [];
  walk(source.program, (node: SyntaxNode) => {
    if (!FUNCTIONS.has(node.type)) return;
    const first = lineAt(source.text, node.start);
    const lines = lineAt(source.text, node.end) - first + 1;
    if (lines > MAX_FUNCTION_LINES) {
      found.push(`${source.file}:${first}: a function of ${lines} lines, at most ${MAX_FUNCTION_LINES}`);
    }
  });
  return found;
}

/** What a source file takes from outside of itself: modules, and globals that read the world. Pure. */
import { isSyntaxNode, lineAt, type SourceFile, type SyntaxNode, walk } from './source-tree.ts';

export interface Import {
  /** Absent: the argument of import() is not a literal. */
  specifier?: string;
  /** Names as the module exports them; `*` for everything, `default`. */
  names: string[];
  line: number;
}

/** Time, randomness, the process and the network: what a pure function must be given instead. */
const IMPURE_GLOBALS = new Set([
  'process',
  'console',
  'fetch',
  'performance',
  'crypto',
  'globalThis',
  'global',
  'require',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
]);
const IMPURE_MEMBERS = new Set(['Date.now', 'Math.random', 'Temporal.Now']);

export function importsOf(source: SourceFile): Import[] {
  const found: Import[] = [];
  walk(source.program, (node) => {
    const from = moduleOf(node);
    if (from === undefined) return;
    const line = lineAt(source.text, node.start);
    const names = namesOf(node);
    found.push(from === null ? { names, line } : { specifier: from, names, line });
  });
  return found;
}

export function impureUses(source: SourceFile): { line: number; name: string }[] {
  const found: { line: number; name: string }[] = [];
  walk(source.program, (node, parent) => {
    const name = impureName(node, parent);
    if (name !== undefined) found.push({ line: lineAt(source.text, node.start), name });
  });
  return found;
}

/** The module that a node names; null when it is computed; undefined when the node imports nothing. */
function moduleOf(node: SyntaxNode): string | null | undefined {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportAllDeclaration':
    case 'ExportNamedDeclaration':
      return isSyntaxNode(node.source) ? literal(node.source) : undefined;
    case 'ImportExpression':
    case 'TSImportType':
      return literal(node.source);
    case 'TSExternalModuleReference':
      return literal(node.expression);
    default:
      return undefined;
  }
}

function literal(node: unknown): string | null {
  return isSyntaxNode(node) && node.type === 'Literal' && typeof node.value === 'string' ? node.value : null;
}

function namesOf(node: SyntaxNode): string[] {
  const specifiers = Array.isArray(node.specifiers) ? node.specifiers.filter(isSyntaxNode) : [];
  if (node.type !== 'ImportDeclaration' && node.type !== 'ExportNamedDeclaration') return ['*'];
  return specifiers.map((specifier) => {
    if (specifier.type === 'ImportDefaultSpecifier') return 'default';
    if (specifier.type === 'ImportNamespaceSpecifier') return '*';
    return identifier(specifier.imported ?? specifier.local) ?? '*';
  });
}

function impureName(node: SyntaxNode, parent: SyntaxNode | undefined): string | undefined {
  if (node.type === 'NewExpression' && identifier(node.callee) === 'Date') {
    return Array.isArray(node.arguments) && node.arguments.length === 0 ? 'new Date()' : undefined;
  }
  if (node.type === 'MemberExpression') {
    const name = `${identifier(node.object)}.${identifier(node.property)}`;
    return IMPURE_MEMBERS.has(name) ? name : undefined;
  }
  const name = identifier(node);
  if (name === undefined || !IMPURE_GLOBALS.has(name)) return undefined;
  return isReference(node, parent) ? name : undefined;
}

/** Not the name of a property, a parameter or a type. */
function isReference(node: SyntaxNode, parent: SyntaxNode | undefined): boolean {
  switch (parent?.type) {
    case 'MemberExpression':
      return parent.object === node || parent.computed === true;
    case 'CallExpression':
    case 'NewExpression':
    case 'AwaitExpression':
    case 'SpreadElement':
    case 'AssignmentExpression':
    case 'VariableDeclarator':
    case 'TSTypeQuery':
      return parent.id !== node;
    default:
      return false;
  }
}

function identifier(node: unknown): string | undefined {
  return isSyntaxNode(node) && node.type === 'Identifier' && typeof node.name === 'string'
    ? node.name
    : undefined;
}

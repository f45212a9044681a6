import { type Document, isAlias, isMap, isScalar, isSeq, type Node } from 'yaml';
import type { Span } from './source.ts';

interface Found {
  key: Node | undefined;
  node: Node | null;
  /** The whole path exists. */
  complete: boolean;
}

/** Where in the text a path stands. A path that does not exist stands at the nearest thing around it that does. */
export function placeOf(document: Document, path: readonly PropertyKey[], at: 'value' | 'key'): Span {
  const found = walk(document, path);
  const useKey = at === 'key' || !found.complete || found.node === null || isEmpty(found.node);
  const node = useKey ? (found.key ?? found.node) : found.node;
  return spanOf(node ?? document.contents);
}

/** How a number was written: `010`, `1e3`. */
export function writtenNumber(document: Document, path: readonly PropertyKey[]): string | undefined {
  const { node, complete } = walk(document, path);
  return complete && isScalar(node) && typeof node.value === 'number' ? node.source : undefined;
}

function walk(document: Document, path: readonly PropertyKey[]): Found {
  let node: Node | null = document.contents;
  let key: Node | undefined;
  for (const part of path) {
    const target: Node | null | undefined = isAlias(node) ? node.resolve(document) : node;
    const next = step(target ?? null, part);
    if (!next) return { key, node, complete: false };
    if (next.key) key = next.key;
    else key = undefined;
    node = next.node;
  }
  return { key, node, complete: true };
}

function step(
  node: Node | null,
  part: PropertyKey,
): { key: Node | undefined; node: Node | null } | undefined {
  if (isSeq(node) && typeof part === 'number') {
    if (part >= node.items.length) return undefined;
    return { key: undefined, node: node.items[part] as Node | null };
  }
  if (!isMap(node)) return undefined;
  // The last of duplicate keys is the one that is complained about.
  const pair = node.items.findLast((item) => isScalar(item.key) && item.key.value === part);
  return pair && { key: pair.key as Node, node: pair.value as Node | null };
}

export function isEmpty(node: Node): boolean {
  return isScalar(node) && node.value === null && (node.source === undefined || node.source === '');
}

/** Collections are marked at their first character only: a caret under half a file says nothing. */
export function spanOf(node: Node | null): Span {
  const from = node?.range?.[0] ?? 0;
  if (isMap(node) && node.items[0] && !node.flow) return spanOf(node.items[0].key as Node);
  const to =
    isScalar(node) && (node.type?.startsWith('BLOCK') ?? false) ? from + 1 : (node?.range?.[1] ?? from + 1);
  return { from, to: isScalar(node) || isAlias(node) ? to : from + 1 };
}

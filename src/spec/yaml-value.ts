import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  type Scalar,
} from 'yaml';
import type { Problem } from './problem.ts';
import { lineAt, type Source } from './source.ts';

const MAX_DEPTH = 40;
const MAX_ALIASES = 20;
/** Values that aliases may stand for in all: real files need a handful, a bomb needs billions. */
const MAX_ALIASED_VALUES = 1_000;

/** Core tags that only say what the value is anyway. */
const HARMLESS_TAGS = /^tag:yaml\.org,2002:(str|int|float|bool|null|map|seq)$/;

interface Walk {
  document: Document;
  source: Source;
  problems: Problem[];
  aliases: number;
  aliasedValues: number;
  /** Anchored values that we are inside of: one that contains itself has no end. */
  open: Set<Node>;
  /** A limit was passed: said once, and the rest is not looked at. */
  refused: boolean;
}

/** The nodes of a document -> plain data, and what YAML allows but an App file does not. */
export function plainValue(
  document: Document,
  source: Source,
): { value: unknown; problems: Problem[]; refused: boolean } {
  const walk: Walk = {
    document,
    source,
    problems: [],
    aliases: 0,
    aliasedValues: 0,
    open: new Set(),
    refused: false,
  };
  const value = convert(document.contents, [], walk);
  return { value, problems: walk.problems, refused: walk.refused };
}

function convert(node: Node | null, path: PropertyKey[], walk: Walk): unknown {
  if (node === null || walk.refused) return null;
  if (path.length > MAX_DEPTH)
    return refuse(walk, path, 'E_YAML_TOO_DEEP', `is nested more than ${MAX_DEPTH} levels deep`);
  if (walk.open.size > 0 && ++walk.aliasedValues > MAX_ALIASED_VALUES) {
    return refuse(walk, path, 'E_YAML_ALIAS', `aliases stand for more than ${MAX_ALIASED_VALUES} values`);
  }
  if (isAlias(node)) return convertAlias(node, path, walk);
  checkTag(node, path, walk);
  if (isMap(node)) return convertMap(node.items, path, walk);
  if (isSeq(node))
    return node.items.map((item, index) => convert(item as Node | null, [...path, index], walk));
  return isScalar(node) ? convertScalar(node, path, walk) : null;
}

function refuse(
  walk: Walk,
  path: PropertyKey[],
  code: Problem['code'],
  message: string,
  suggestion?: string,
): null {
  walk.refused = true;
  report(walk, path, code, message, suggestion);
  return null;
}

function report(
  walk: Walk,
  path: PropertyKey[],
  code: Problem['code'],
  message: string,
  suggestion?: string,
  at: Problem['at'] = 'value',
) {
  walk.problems.push({ path, at, code, message, ...(suggestion !== undefined && { suggestion }) });
}

function convertAlias(node: Alias, path: PropertyKey[], walk: Walk): unknown {
  walk.aliases += 1;
  if (walk.aliases > MAX_ALIASES)
    return refuse(
      walk,
      path,
      'E_YAML_ALIAS',
      `more than ${MAX_ALIASES} aliases are used`,
      'write the values out',
    );
  const target = node.resolve(walk.document);
  if (!target) {
    report(
      walk,
      path,
      'E_YAML_ALIAS',
      `the alias *${node.source} names no anchor (&${node.source}) above it`,
    );
    return null;
  }
  if (walk.open.has(target))
    return refuse(
      walk,
      path,
      'E_YAML_ALIAS',
      `the alias *${node.source} stands inside the value that it repeats`,
    );
  walk.open.add(target);
  const value = convert(target, path, walk);
  walk.open.delete(target);
  return value;
}

function checkTag(node: Node, path: PropertyKey[], walk: Walk): void {
  const { tag } = node;
  if (tag === undefined || HARMLESS_TAGS.test(tag)) return;
  report(
    walk,
    path,
    'E_YAML_TAG',
    `the tag ${tag} is not allowed`,
    'remove the tag; only plain values have a meaning here',
  );
}

function convertMap(pairs: Pair[], path: PropertyKey[], walk: Walk): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  const firstLines = new Map<string, number>();
  for (const pair of pairs) {
    const key = convertKey(pair.key as Node | null, path, walk);
    if (key === undefined) continue;
    const line = lineAt(walk.source, (pair.key as Node).range?.[0] ?? 0);
    const firstLine = firstLines.get(key);
    if (firstLine === undefined) {
      firstLines.set(key, line);
      result[key] = convert(pair.value as Node | null, [...path, key], walk);
    } else
      report(
        walk,
        [...path, key],
        'E_SPEC_DUPLICATE',
        `is given twice, first in line ${firstLine}`,
        'remove one of them',
        'key',
      );
  }
  return result;
}

function convertKey(node: Node | null, path: PropertyKey[], walk: Walk): string | undefined {
  if (!isScalar(node)) {
    report(walk, path, 'E_YAML_KEY', 'a field name must be plain text, found a list or a mapping');
    return undefined;
  }
  checkTag(node, path, walk);
  const { value } = node;
  if (typeof value === 'string') return convertTextKey(value, path, walk);
  report(
    walk,
    path,
    'E_YAML_KEY',
    `a name must be text, found ${value === null ? 'nothing' : String(node.source ?? value)}`,
    value === null ? undefined : `put it in quotes: "${node.source ?? value}"`,
  );
  return undefined;
}

function convertTextKey(key: string, path: PropertyKey[], walk: Walk): string | undefined {
  if (key === '<<') {
    report(
      walk,
      [...path, key],
      'E_YAML_KEY',
      'merge keys (<<) are not part of YAML 1.2',
      'write the fields out, or repeat a whole value with an alias',
      'key',
    );
    return undefined;
  }
  if (key === '__proto__') {
    report(walk, path, 'E_YAML_KEY', 'the name __proto__ is not allowed');
    return undefined;
  }
  return key;
}

function convertScalar(node: Scalar, path: PropertyKey[], walk: Walk): unknown {
  const { value, source } = node;
  if (
    typeof value === 'number' &&
    node.type === 'PLAIN' &&
    source !== undefined &&
    /^[-+]?0[0-9]/.test(source)
  ) {
    const decimal = source.replace(/^([-+]?)0+(?=\d)/, '$1');
    report(
      walk,
      path,
      'E_YAML_AMBIGUOUS',
      `${source} means ${Number.parseInt(source, 8)} in YAML 1.1 and ${decimal} in YAML 1.2`,
      `write ${decimal}, or "${source}" for text`,
    );
  }
  if (typeof value === 'string' && value.includes('\u0000')) {
    report(walk, path, 'E_SPEC_VALUE', 'text must not contain a NUL character');
  }
  return value;
}

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
import { brokenText, forbiddenName, MAX_DEPTH, tooDeep } from './plain-value.ts';
import { MAX_PROBLEMS, type Problem } from './problem.ts';
import { lineAt, type Source } from './source.ts';

const MAX_ALIASES = 20;
/** Values that aliases may stand for in all: real files need a handful, a bomb needs billions. */
const MAX_ALIASED_VALUES = 1_000;

/** Core tags that only say what the value is anyway. */
const HARMLESS_TAGS = /^tag:yaml\.org,2002:(str|int|float|bool|null|map|seq)$/;

/** Far above any App; below what makes reading it slow. */
const MAX_VALUES = 20_000;

type What = Omit<Problem, 'path' | 'at'>;

/** Something that YAML allows but an App file does not, at the node where it stands. */
export interface Finding {
  what: What & { path: PropertyKey[] };
  node: Node | null;
}

interface Walk {
  document: Document;
  source: Source;
  findings: Finding[];
  values: number;
  aliases: number;
  aliasedValues: number;
  /** How many aliases we are inside of. */
  aliasDepth: number;
  /** Anchored values that we are inside of: one that contains itself has no end. */
  open: Set<Node>;
  /** A limit was passed: said once, and the rest is not looked at. */
  refused: boolean;
}

export interface PlainValue {
  value: unknown;
  findings: Finding[];
  /** The value is not whole: nothing can be said about its fields. */
  refused: boolean;
}

/** The nodes of a document as plain data. */
export function plainValue(document: Document, source: Source): PlainValue {
  const walk: Walk = {
    document,
    source,
    findings: [],
    values: 0,
    aliases: 0,
    aliasedValues: 0,
    aliasDepth: 0,
    open: new Set(),
    refused: false,
  };
  const value = convert(document.contents, [], walk);
  return { value, findings: walk.findings, refused: walk.refused };
}

function convert(node: Node | null, path: PropertyKey[], walk: Walk): unknown {
  if (node === null || walk.refused) return null;
  if (path.length > MAX_DEPTH) return refuse(walk, node, tooDeep(path));
  if (++walk.values > MAX_VALUES) return refuse(walk, node, { path, ...tooManyValues() });
  if (walk.aliasDepth > 0 && ++walk.aliasedValues > MAX_ALIASED_VALUES) {
    return refuse(walk, node, { path, ...tooManyAliasedValues() });
  }
  if (isAlias(node)) return convertAlias(node, path, walk);
  checkTag(node, path, walk);
  if (isScalar(node)) return convertScalar(node, path, walk);
  if (node.anchor !== undefined) walk.open.add(node);
  const value = convertCollection(node, path, walk);
  walk.open.delete(node);
  return value;
}

function convertCollection(node: Node, path: PropertyKey[], walk: Walk): unknown {
  if (isMap(node)) return convertMap(node.items, path, walk);
  if (!isSeq(node)) throw new Error('a YAML node that is no scalar, mapping, list or alias');
  return node.items.map((item, index) => convert(item as Node | null, [...path, index], walk));
}

function report(walk: Walk, node: Node | null, what: Finding['what']): void {
  if (walk.findings.length <= MAX_PROBLEMS) walk.findings.push({ what, node });
}

function refuse(walk: Walk, node: Node | null, what: Finding['what']): null {
  walk.refused = true;
  report(walk, node, what);
  return null;
}

function convertAlias(node: Alias, path: PropertyKey[], walk: Walk): unknown {
  walk.aliases += 1;
  if (walk.aliases > MAX_ALIASES) return refuse(walk, node, { path, ...tooManyAliases() });
  const target = node.resolve(walk.document);
  if (!target) {
    const message = `the alias *${node.source} names no anchor (&${node.source}) above it`;
    return refuse(walk, node, { path, code: 'E_YAML_ALIAS', message });
  }
  if (walk.open.has(target)) {
    const message = `the alias *${node.source} stands inside the value that it repeats`;
    return refuse(walk, node, { path, code: 'E_YAML_ALIAS', message });
  }
  walk.aliasDepth += 1;
  const value = convert(target, path, walk);
  walk.aliasDepth -= 1;
  return value;
}

function tooManyAliases(): What {
  const message = `more than ${MAX_ALIASES} aliases are used`;
  return { code: 'E_YAML_ALIAS', message, suggestion: 'write the values out' };
}

function tooManyValues(): What {
  return { code: 'E_YAML_TOO_LARGE', message: `the document has more than ${MAX_VALUES} values` };
}

function tooManyAliasedValues(): What {
  return { code: 'E_YAML_ALIAS', message: `aliases stand for more than ${MAX_ALIASED_VALUES} values` };
}

function checkTag(node: Node, path: PropertyKey[], walk: Walk): void {
  const { tag } = node;
  if (tag === undefined || HARMLESS_TAGS.test(tag)) return;
  const message = `the tag ${tag.replace('tag:yaml.org,2002:', '!!')} is not allowed`;
  report(walk, node, {
    path,
    code: 'E_YAML_TAG',
    message,
    suggestion: 'remove it: only plain values mean something here',
  });
}

function convertMap(pairs: Pair[], path: PropertyKey[], walk: Walk): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  const firstLines = new Map<string, number>();
  for (const pair of pairs) {
    const keyNode = pair.key as Node | null;
    const key = convertKey(keyNode, path, walk);
    if (key === undefined) continue;
    const firstLine = firstLines.get(key);
    if (firstLine === undefined) {
      firstLines.set(key, lineAt(walk.source, keyNode?.range?.[0] ?? 0));
      result[key] = convert(pair.value as Node | null, [...path, key], walk);
    } else {
      const message = `is given twice, first in line ${firstLine}`;
      report(walk, keyNode, {
        path: [...path, key],
        code: 'E_SPEC_DUPLICATE',
        message,
        suggestion: 'remove one of them',
      });
    }
  }
  return result;
}

function convertKey(node: Node | null, path: PropertyKey[], walk: Walk): string | undefined {
  const what = isScalar(node) ? refuseKey(node, path) : oddKey(path, 'a list, a mapping or an alias');
  if (node) checkTag(node, path, walk);
  if (what) report(walk, node, what);
  return what === undefined ? String((node as Scalar).value) : undefined;
}

function refuseKey({ value, source }: Scalar, path: PropertyKey[]): Finding['what'] | undefined {
  if (value === null) return oddKey(path, 'nothing');
  if (typeof value !== 'string')
    return oddKey(path, String(source ?? value), `put it in quotes: "${source ?? value}"`);
  if (value === '__proto__') return forbiddenName(path);
  const [broken] = brokenText(value, path);
  if (broken) return broken;
  if (value !== '<<') return undefined;
  return {
    path,
    code: 'E_YAML_KEY',
    message: 'merge keys (<<) are not part of YAML 1.2',
    suggestion: 'write the fields out, or repeat a whole value with an alias',
  };
}

function oddKey(path: PropertyKey[], found: string, suggestion?: string): Finding['what'] {
  const message = `names must be text, found ${found}`;
  return { path, code: 'E_YAML_KEY', message, found, ...(suggestion !== undefined && { suggestion }) };
}

function convertScalar(node: Scalar, path: PropertyKey[], walk: Walk): unknown {
  const { value, source, type } = node;
  if (typeof value === 'number' && type === 'PLAIN' && source !== undefined) {
    const ambiguous = ambiguousNumber(source, value);
    if (ambiguous) report(walk, node, { path, ...ambiguous });
  }
  if (typeof value === 'string') for (const what of brokenText(value, path)) report(walk, node, what);
  // A tag can make an object of it (!!binary); the tag was complained about, the text stays text.
  return typeof value === 'object' && value !== null ? source : value;
}

/** Numbers that other YAML readers read as another number, or that people misread. */
function ambiguousNumber(source: string, value: number): What | undefined {
  const suggestion = `write ${value}, or "${source}" for text`;
  if (/^[-+]?0[xo]/.test(source)) {
    return { code: 'E_YAML_AMBIGUOUS', message: `${source} is not a decimal number`, suggestion };
  }
  if (!/^[-+]?0\d/.test(source)) return undefined;
  const octal = Number.parseInt(source, 8);
  const meaning = /[89]/.test(source) ? 'text in YAML 1.1' : `${octal} in YAML 1.1`;
  return {
    code: 'E_YAML_AMBIGUOUS',
    message: `${source} means ${meaning} and ${value} in YAML 1.2`,
    suggestion,
  };
}

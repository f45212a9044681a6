import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { it } from 'node:test';

const root = path.dirname(path.dirname(path.dirname(import.meta.dirname)));

function read(file: string): string {
  return readFileSync(path.join(root, file), 'utf8');
}

/** All source, without comments: a code that only a comment names does not occur. */
function sources(folder: string): string[] {
  const names = readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' });
  const texts = names.filter((name) => name.endsWith('.ts')).map((name) => read(path.join(folder, name)));
  assert.ok(texts.length > 10, `${folder} has no source`);
  return texts.map(withoutComments);
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
}

function all(texts: readonly string[], pattern: RegExp): string[] {
  const found = texts.flatMap((text) => [...text.matchAll(pattern)].map((match) => match[1] ?? ''));
  return [...new Set(found)].sort();
}

/** First cells of the tables of a page, or of one of its sections, where they are code. */
function listed(page: string, heading?: string): string[] {
  const text = heading === undefined ? read(page) : section(read(page), heading);
  const cells = [...text.matchAll(/^\| `([^`]+)` \|/gm)].map((match) => match[1] ?? '');
  assert.equal(new Set(cells).size, cells.length, `${page} lists something twice: ${cells.sort().join(' ')}`);
  assert.ok(cells.length > 0, `${page} ${heading ?? ''} lists nothing`);
  return cells.sort();
}

function section(text: string, heading: string): string {
  const start = text.indexOf(`\n## ${heading}\n`);
  assert.ok(start >= 0, `there is no section ${heading}`);
  const end = text.indexOf('\n## ', start + 1);
  return text.slice(start, end < 0 ? undefined : end);
}

/** The words of a union of literals: those between `before` and the next semicolon. */
function union(file: string, before: string): string[] {
  return words(file, before, ';', /'(\w+)'/g);
}

function words(file: string, before: string, end: string, pattern: RegExp): string[] {
  const text = withoutComments(read(file));
  const start = text.indexOf(before);
  assert.ok(start >= 0, `${file} does not have ${before}`);
  const from = start + before.length;
  return all([text.slice(from, text.indexOf(end, from))], pattern);
}

it('docs/errors.md lists every error code, and no other', () => {
  const codes = all(sources('src'), /\b(E_[A-Z0-9_]*[A-Z0-9])\b/g);
  assert.ok(codes.length > 100);
  assert.deepEqual(listed('docs/errors.md'), codes);
});

it('docs/reference/events.md lists every reason of an event, and no other', () => {
  const words = all(sources('src/core/decide'), /'((?:[A-Z][a-z]+)+)'/g);
  const literal = words.filter((word) => !['Normal', 'Warning'].includes(word));
  const verdicts = union('src/core/model.ts', 'export type Verdict =');
  const ended = verdicts.map((verdict) => `Release${verdict.charAt(0).toUpperCase()}${verdict.slice(1)}`);
  assert.ok(literal.length > 10 && ended.length === 4);
  assert.deepEqual(listed('docs/reference/events.md'), [...literal, ...ended].sort());
});

it('docs/reference/status.md lists every word of a status, and no other', () => {
  const page = 'docs/reference/status.md';
  const types = 'src/api/types.ts';
  assert.deepEqual(listed(page, 'Phase'), union(types, 'export type AppPhase ='));
  assert.deepEqual(listed(page, 'Release verdict'), union('src/core/model.ts', 'export type Verdict ='));
  assert.deepEqual(listed(page, 'Stage state'), unionOf(types, 'StageView', 'state'));
  assert.deepEqual(listed(page, 'Gate state'), unionOf(types, 'GateView', 'state'));
  assert.deepEqual(listed(page, 'Role'), unionOf(types, 'RevisionView', 'role'));
  const gates = words('src/core/model.ts', 'export type Gate =', 'export interface', /kind: '(\w+)'/g);
  assert.deepEqual(listed(page, 'Gate kind'), gates);
  const phases = words('src/server/view/replica.ts', 'function replicaPhase', '\n}', /'([A-Z]\w+)'/g);
  assert.deepEqual(listed(page, 'Replica phase'), phases);
});

/** The words that a property of an interface may have. */
function unionOf(file: string, name: string, property: string): string[] {
  const body = withoutComments(read(file)).split(`export interface ${name} {`)[1]?.split('\n}')[0] ?? '';
  const value = new RegExp(`\\b${property}: ([^;]+);`).exec(body)?.[1];
  assert.ok(value, `${file}: ${name} has no ${property}`);
  return all([value], /'(\w+)'/g);
}

it('docs/reference/matrix.md says of the embedded router what it says of itself', () => {
  const declared = words(
    'src/core/capabilities.ts',
    'export interface RouterCapabilities {',
    '\n}',
    /(\w+): /g,
  );
  const own = section(read('docs/reference/matrix.md'), 'Router: embedded');
  const rows = [...own.matchAll(/^\| `(\w+)` \| (\w+) \|/gm)].map(([, name, value]) => [name, value]);
  const source = withoutComments(read('src/routers/embedded/index.ts'));
  const object = source.split('CAPABILITIES: RouterCapabilities = {')[1]?.split('}')[0] ?? '';
  const values = [...object.matchAll(/(\w+): '?(\w+)'?,/g)].map(([, name, value]) => [name, yesNo(value)]);
  assert.deepEqual(rows.map(([name]) => name).sort(), declared);
  assert.deepEqual(rows, values);
});

function yesNo(value = ''): string {
  return value === 'true' ? 'yes' : value === 'false' ? 'no' : value;
}

it('every link between pages leads somewhere', () => {
  const pages = [...markdown('.', false), ...markdown('docs', true), ...markdown('examples', true)];
  assert.ok(pages.length > 30);
  const broken = pages.flatMap((page) =>
    [...read(page).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)]
      .filter(
        ([, file = '', anchor]) =>
          !leadsSomewhere(path.join(root, path.dirname(page)), file || path.basename(page), anchor),
      )
      .map(([link]) => `${page}: ${link}`),
  );
  assert.deepEqual(broken, []);
});

function leadsSomewhere(folder: string, file: string, anchor: string | undefined): boolean {
  const target = path.join(folder, file);
  if (!existsSync(target)) return false;
  return anchor === undefined || anchorsOf(readFileSync(target, 'utf8')).includes(anchor);
}

/** As GitHub makes them from headings. */
function anchorsOf(text: string): string[] {
  const headings = [...text.matchAll(/^#+ (.*)$/gm)].map((match) => match[1] ?? '');
  return headings.map((heading) =>
    heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}

function markdown(folder: string, recursive: boolean): string[] {
  const names = readdirSync(path.join(root, folder), { recursive, encoding: 'utf8' });
  return names.filter((name) => name.endsWith('.md')).map((name) => path.join(folder, name));
}

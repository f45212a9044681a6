/**
 * The dependency rule of docs/architecture.md, checked on every import of src/: which part of the code may know which.
 * Type-only imports count too: a type that is known is a decision that leaks. `node scripts/dependency-rule.ts` runs it.
 */
import path from 'node:path';
import { type Import, importsOf, impureUses } from './imports.ts';
import { readSources, type SourceFile } from './source-tree.ts';
import { ROOT } from './testing/files.ts';

export interface Violation {
  file: string;
  line: number;
  what: string;
}

interface Zone {
  /** Other zones that it may import; its own folder is always allowed. */
  imports: readonly string[];
  /** Absent: it may use every built-in module and every package. */
  pure?: {
    /** Built-in module -> the names that may be imported from it. */
    builtins: Readonly<Record<string, readonly string[]>>;
    packages: readonly string[];
  };
}

const PURE = ['spec', 'core', 'analysis'];
/** Families of adapters: `engines/process` is one, `engines/*.ts` is what the adapters of a family share. */
const FAMILIES = ['engines', 'routers', 'store', 'metrics', 'clock'];
/** Functions of their arguments alone; the rest of node:crypto reads randomness. */
const HASHING = ['createHash', 'createHmac', 'hash'];
const ADAPTER: Zone = { imports: ['ports', ...PURE] };
/** Adapters to a cluster share its client. */
const ON_KUBERNETES = [
  'engines/kubernetes',
  'routers/gateway-api',
  'routers/ingress-nginx',
  'routers/service',
  'store/app-status',
];

const ZONES: Readonly<Record<string, Zone>> = {
  // node:path: its posix half computes on strings. zod and yaml: untrusted text becomes data here.
  spec: {
    imports: ['core'],
    pure: { builtins: { 'node:path': ['posix'] }, packages: ['zod', 'yaml'] },
  },
  core: { imports: ['spec'], pure: { builtins: { 'node:crypto': HASHING }, packages: [] } },
  analysis: { imports: ['core', 'spec'], pure: { builtins: {}, packages: [] } },
  ports: { imports: ['core', 'spec'], pure: { builtins: {}, packages: [] } },
  // Kinds and names of a cluster, as data: nothing of them is asked for there.
  adoption: {
    imports: ['core', 'spec', 'kubernetes'],
    pure: { builtins: { 'node:crypto': HASHING }, packages: [] },
  },
  kubernetes: { imports: ['ports', ...PURE] },
  controller: { imports: ['ports', 'core', 'spec'] },
  build: { imports: ['ports', 'core', 'spec'] },
  api: { imports: ['core', 'spec'] },
  probe: { imports: ['api', 'core', 'spec'] },
  server: { imports: ['api', 'ports', ...PURE] },
  cli: { imports: ['adoption', 'api', 'probe', 'install', ...PURE] },
  install: { imports: ['core', 'spec'], pure: { builtins: {}, packages: ['yaml'] } },
  cluster: { imports: ['adoption', 'api', 'server', 'ports', 'kubernetes', ...PURE] },
  web: { imports: ['api'] },
};

/** Every violation in `files`, in their order. Pure. */
export function findViolations(files: readonly SourceFile[]): Violation[] {
  return files.flatMap((source) => {
    const zoneName = zoneOf(source.file);
    // The composition root: the only place that knows every part.
    if (zoneName === 'main') return [];
    const zone = zoneFor(zoneName);
    if (zone === undefined) {
      return [
        { file: source.file, line: 1, what: `no rule for ${zoneName}: add it to scripts/dependency-rule.ts` },
      ];
    }
    const found = importsOf(source).flatMap((one) => {
      const what = judge(source.file, zoneName, zone, one);
      return what === undefined ? [] : [{ file: source.file, line: one.line, what }];
    });
    if (zone.pure === undefined) return found;
    const uses = impureUses(source).map(({ line, name }) => ({
      file: source.file,
      line,
      what: `${zoneName} is pure: it must be given what ${name} would tell`,
    }));
    return [...found, ...uses];
  });
}

export async function checkDependencyRule(
  root: string,
): Promise<{ looked: number; violations: Violation[] }> {
  const files = [...readSources(root, 'src/**/*.ts'), ...readSources(root, 'web/**/*.{ts,tsx}')];
  return { looked: files.length, violations: findViolations(files) };
}

export function formatViolation({ file, line, what }: Violation): string {
  return `${file}:${line} ${what}`;
}

/** `src/core/decide/x.ts` -> core, `src/engines/process/x.ts` -> engines/process, `src/store/x.ts` -> store, `src/x.ts` -> main. */
function zoneOf(file: string): string {
  const parts = file.split('/');
  if (parts[0] === 'web') return 'web';
  const [top, first = '', second = ''] = parts;
  if (top !== 'src') return file;
  if (parts.length === 2) return 'main';
  return FAMILIES.includes(first) && parts.length > 3 ? `${first}/${second}` : first;
}

function zoneFor(name: string): Zone | undefined {
  const [family = '', adapter] = name.split('/');
  if (!FAMILIES.includes(family)) return ZONES[name];
  if (adapter === undefined) return ADAPTER;
  const shared = ON_KUBERNETES.includes(name) ? ['kubernetes'] : [];
  return { imports: [...ADAPTER.imports, family, ...shared] };
}

function judge(file: string, zoneName: string, zone: Zone, one: Import): string | undefined {
  const { specifier } = one;
  if (specifier === undefined) return 'imports what cannot be known before it runs: write the name out';
  if (specifier.startsWith('.')) return judgeFile(file, zoneName, zone, specifier);
  if (zone.pure === undefined) return undefined;
  if (specifier.startsWith('node:')) return judgeBuiltin(zoneName, zone.pure.builtins[specifier], one);
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
  return zone.pure.packages.includes(name) ? undefined : `${zoneName} must not import the package ${name}`;
}

function judgeFile(file: string, zoneName: string, zone: Zone, specifier: string): string | undefined {
  const target = path.posix.join(path.posix.dirname(file), specifier);
  const targetZone = zoneOf(target);
  if (targetZone === zoneName || zone.imports.includes(targetZone)) return undefined;
  if (zoneFor(targetZone) === undefined && targetZone !== 'main')
    return `${zoneName} must not import ${target}`;
  return `${zoneName} must not import ${targetZone} (${specifier})`;
}

function judgeBuiltin(
  zoneName: string,
  allowed: readonly string[] | undefined,
  one: Import,
): string | undefined {
  const refused = one.names.filter((name) => !(allowed ?? []).includes(name));
  if (allowed !== undefined && one.names.length > 0 && refused.length === 0) return undefined;
  const what = allowed === undefined || refused.length === 0 ? '' : ` (${refused.join(', ')})`;
  return `${zoneName} must not import ${one.specifier}${what}: it is or may be I/O`;
}

if (import.meta.main) {
  const { looked, violations } = await checkDependencyRule(ROOT);
  for (const violation of violations) console.log(formatViolation(violation));
  console.log(`${looked} files, ${violations.length} violations`);
  process.exitCode = looked > 0 && violations.length === 0 ? 0 : 1;
}

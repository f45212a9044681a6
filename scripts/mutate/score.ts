import { readFileSync } from 'node:fs';
import { EXCUSED, type Excuse } from './excused.ts';

type Position = { line: number; column: number };

interface Mutant {
  mutatorName: string;
  replacement: string;
  status: string;
  location: { start: Position; end: Position };
}

interface Report {
  files: Record<string, { source: string; mutants: Mutant[] }>;
}

interface Row {
  file: string;
  mutants: number;
  noticed: number;
  /** Nobody could notice them: they change nothing. */
  equivalent: number;
  /** Not noticed, and only what a sentence says. */
  wording: number;
  survivors: string[];
}

/** Prints what was noticed of each file. @returns exit code */
export function printScore(reportFile: string, withSurvivors: boolean): number {
  const { files } = JSON.parse(readFileSync(reportFile, 'utf8')) as Report;
  const used = new Set<Excuse>();
  const rows = Object.entries(files).map(([file, { source, mutants }]) => rowOf(file, source, mutants, used));
  if (rows.length === 0) throw new Error(`${reportFile} has no file`);
  for (const row of rows) print(row);
  print(sum(rows));
  if (withSurvivors) for (const survivor of rows.flatMap(({ survivors }) => survivors)) console.log(survivor);
  const stale = EXCUSED.filter((excuse) => excuse.file in files && !used.has(excuse));
  for (const { file, from, to } of stale)
    console.error(`excused.ts: no such mutant, or it is noticed: ${file}: ${from} => ${to}`);
  return stale.length === 0 ? 0 : 1;
}

function rowOf(file: string, source: string, mutants: readonly Mutant[], used: Set<Excuse>): Row {
  const row: Row = { file, mutants: 0, noticed: 0, equivalent: 0, wording: 0, survivors: [] };
  for (const mutant of mutants) {
    if (mutant.status === 'Ignored') continue;
    row.mutants += 1;
    const from = textOf(source, mutant.location);
    const excuse = EXCUSED.find((one) => isMeant(one, file, source, mutant, from));
    if (mutant.status === 'Killed' || mutant.status === 'Timeout') row.noticed += 1;
    else if (excuse) {
      used.add(excuse);
      row.equivalent += 1;
    } else if (isWording(mutant, from)) row.wording += 1;
    else row.survivors.push(told(file, mutant, from));
  }
  return row;
}

function isMeant(
  excuse: Excuse,
  file: string,
  source: string,
  { location, replacement }: Mutant,
  from: string,
) {
  if (excuse.file !== file || excuse.from !== from || excuse.to !== replacement) return false;
  return excuse.line === undefined || lineOf(source, location.start.line).includes(excuse.line);
}

/** In the core only sentences for people have a space in them: no kind, code or key has. */
function isWording({ mutatorName }: Mutant, from: string): boolean {
  return mutatorName === 'StringLiteral' && from.slice(1, -1).includes(' ');
}

function told(file: string, { location, mutatorName, replacement, status }: Mutant, from: string): string {
  const how = status === 'Survived' ? '' : ` (${status})`;
  return `${file}:${location.start.line}:${location.start.column} ${mutatorName}${how}\n  - ${from}\n  + ${replacement}`;
}

function sum(rows: readonly Row[]): Row {
  const all: Row = { file: 'all', mutants: 0, noticed: 0, equivalent: 0, wording: 0, survivors: [] };
  for (const row of rows) {
    all.mutants += row.mutants;
    all.noticed += row.noticed;
    all.equivalent += row.equivalent;
    all.wording += row.wording;
    all.survivors.push(...row.survivors);
  }
  return all;
}

function print({ file, mutants, noticed, equivalent, wording, survivors }: Row): void {
  const counted = mutants - equivalent - wording;
  const score = counted === 0 ? '-' : `${((100 * noticed) / counted).toFixed(1)}%`;
  const cells = [mutants, noticed, equivalent, wording, survivors.length].map((n) => String(n).padStart(5));
  console.log(`| ${file.padEnd(36)} | ${cells.join(' | ')} | ${score.padStart(6)} |`);
}

function lineOf(source: string, line: number): string {
  return source.split('\n')[line - 1] ?? '';
}

function textOf(source: string, { start, end }: Mutant['location']): string {
  const lines = source.split('\n').slice(start.line - 1, end.line);
  const last = lines.length - 1;
  return lines
    .map((line, n) => line.slice(n === 0 ? start.column - 1 : 0, n === last ? end.column - 1 : undefined))
    .join('\n');
}

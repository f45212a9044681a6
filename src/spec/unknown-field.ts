import { allFields, fieldPath } from './fields.ts';
import { formatPath, type Problem } from './problem.ts';

/** Words that users of other tools write, and what stands for them here. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  args: 'arguments are items of spec.run.command',
  cmd: 'did you mean `command`?',
  cmds: 'did you mean `command`?',
  containers: 'there is no pod template: what runs is spec.run',
  environment: 'did you mean `env`, under spec.run?',
  environments: 'did you mean `env`, under spec.run?',
  healthcheck: 'did you mean `health`, with ready and live?',
  instances: 'did you mean `replicas`?',
  interval: 'did you mean `periodSeconds`?',
  livenessProbe: 'it is spec.health.live here',
  ports: 'one port: spec.port',
  readinessProbe: 'it is spec.health.ready here',
  startupProbe: 'use spec.health.ready with initialDelaySeconds or failureThreshold',
  retries: 'did you mean `failureThreshold`?',
  rollingUpdate: 'did you mean `rolling`?',
  scale: 'did you mean `replicas`?',
  scheme: 'probes speak plain HTTP; remove it',
  selector: 'nothing is selected by labels: remove it',
  template: 'there is no pod template: what runs is spec.run',
  weight: 'did you mean `setWeight`?',
};

/** A field that the format does not have, with the likeliest thing that was meant. */
export function unknownField(parent: readonly PropertyKey[], name: string): Problem {
  const where = parent.length === 0 ? 'at the top of the document' : `in ${formatPath(parent)}`;
  const suggestion = suggest(fieldPath(parent), name);
  return {
    path: [...parent, name],
    at: 'key',
    code: 'E_SPEC_UNKNOWN_FIELD',
    message: `there is no field \`${name}\` ${where}`,
    found: name,
    suggestion: suggestion ?? knownNames(fieldPath(parent)),
  };
}

function suggest(parent: string, name: string): string | undefined {
  const siblings = allFields().filter(
    (field) => field.parent === parent && field.name !== '*' && !field.reserved,
  );
  const near = nearest(
    name,
    siblings.map((field) => field.name),
  );
  if (near && near.distance <= 1) return `did you mean \`${near.word}\`?`;
  const home = homeOf(parent, name);
  if (home !== undefined)
    return `\`${name}\` belongs ${home === '' ? 'at the top of the document' : `under ${home}`}`;
  if (near && near.distance <= Math.ceil(name.length / 3)) return `did you mean \`${near.word}\`?`;
  return Object.hasOwn(ELSEWHERE, name) ? ELSEWHERE[name] : undefined;
}

/** Where a field of this name lives: nearest to where it was written, then highest. */
function homeOf(parent: string, name: string): string | undefined {
  const homes = allFields()
    .filter((field) => field.name === name && !field.reserved)
    .map((field) => field.parent)
    .sort(
      (a, b) => commonDepth(b, parent) - commonDepth(a, parent) || depth(a) - depth(b) || rank(a) - rank(b),
    );
  return homes[0];
}

/** Of two places equally near, `run` is what most people mean. */
function rank(parent: string): number {
  return parent.startsWith('spec.run') ? 0 : 1;
}

function depth(path: string): number {
  return path === '' ? 0 : path.split('.').length;
}

function commonDepth(a: string, b: string): number {
  const left = a.split('.');
  const right = b.split('.');
  const different = left.findIndex((part, index) => part !== right[index]);
  return different === -1 ? left.length : different;
}

function knownNames(parent: string): string {
  const names = allFields().filter((field) => field.parent === parent && !field.reserved);
  return `known here: ${names.map((field) => field.name).join(', ')}`;
}

function nearest(word: string, words: readonly string[]): { word: string; distance: number } | undefined {
  let best: { word: string; distance: number } | undefined;
  for (const candidate of words) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (!best || distance < best.distance) best = { word: candidate, distance };
  }
  return best;
}

/** Insertions, deletions, replacements and swaps of neighbours that make `b` of `a`. */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let cost = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, (beforeLast[j - 2] ?? 0) + 1);
      }
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? a.length;
}

import { allFields, fieldPath } from './fields.ts';
import { nearest } from './nearest.ts';
import { formatPath, type Problem } from './problem.ts';
import { listWords } from './schema-base.ts';

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
  const siblings = siblingsIn(parent);
  const near = nearest(name, siblings);
  if (near && near.distance <= 1) return didYouMean(near.word);
  const homes = homesOf(parent, name);
  if (homes.length > 0) return `\`${name}\` belongs ${listWords(homes.map(placeName), 'or')}`;
  if (near && near.distance <= Math.ceil(name.length / 3)) return didYouMean(near.word);
  if (Object.hasOwn(ELSEWHERE, name)) return ELSEWHERE[name];
  const longer =
    name.length >= 4
      ? siblings.find((sibling) => sibling.toLowerCase().includes(name.toLowerCase()))
      : undefined;
  return longer && didYouMean(longer);
}

function didYouMean(word: string): string {
  return `did you mean \`${word}\`?`;
}

function placeName(parent: string): string {
  return parent === '' ? 'at the top of the document' : `under ${parent}`;
}

function siblingsIn(parent: string): string[] {
  const fields = allFields().filter(
    (field) => field.parent === parent && field.name !== '*' && !field.reserved,
  );
  return fields.map((field) => field.name);
}

/** Where fields of this name live: the nearest places to where it was written, of those the highest. */
function homesOf(parent: string, name: string): string[] {
  const homes = allFields()
    .filter((field) => field.name === name && !field.reserved)
    .map((field) => field.parent)
    .sort((a, b) => distance(a, parent) - distance(b, parent));
  const [best] = homes;
  return best === undefined
    ? []
    : homes.filter((home) => distance(home, parent) === distance(best, parent)).slice(0, 3);
}

function distance(home: string, parent: string): number {
  return -100 * commonDepth(home, parent) + 10 * depth(home) + rank(home);
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
  return `known here: ${siblingsIn(parent).join(', ')}`;
}

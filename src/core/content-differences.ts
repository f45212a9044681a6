import type { RunSpec } from './model.ts';

export interface Difference {
  field: string;
  from: string | null;
  to: string | null;
}

/**
 * What two revisions differ in though their App files say the same: what is in the source folder, in config and env
 * files, and the values of secrets (told apart by their hashes, never shown); in a cluster, in the ConfigMaps and Secrets that
 * a pod names.
 * @param shown fields of the App file that differ: what they say is not said again
 */
export function contentDifferences(from: RunSpec, to: RunSpec, shown: readonly Difference[]): Difference[] {
  const [before, after] = [contentOf(from), contentOf(to)];
  return [...new Set([...before.keys(), ...after.keys()])]
    .map((field) => ({ field, from: before.get(field) ?? null, to: after.get(field) ?? null }))
    .filter((difference) => difference.from !== difference.to)
    .filter(
      ({ field }) => !shown.some((other) => other.field === field || other.field.startsWith(`${field}.`)),
    );
}

function contentOf({ artifact, env, secretEnv, configFiles, pod }: RunSpec): Map<string, string> {
  const source =
    artifact.kind === 'snapshot' ? { 'content of spec.source': `hash ${short(artifact.digest)}` } : {};
  const variables = mapped(env, (value) => value);
  const secrets = mapped(secretEnv, ({ secret, hmac }) => `secret ${secret}, hash ${short(hmac)}`);
  return new Map([
    ...Object.entries(source),
    ...[...variables, ...secrets].map(([name, text]) => [`spec.run.env.${name}`, text] as const),
    ...mapped(pod?.content ?? {}, short).map(
      ([name, text]) => [`content of ${name}`, `hash ${text}`] as const,
    ),
    ...mapped(configFiles, short).map(
      ([path, text]) => [`spec.run.configFiles.${path}`, `hash ${text}`] as const,
    ),
  ]);
}

function mapped<T>(values: Readonly<Record<string, T>>, text: (value: T) => string): [string, string][] {
  return Object.entries(values).map(([name, value]) => [name, text(value)]);
}

const SHORT = 12;

function short(digest: string): string {
  return digest.replace(/^sha256:/, '').slice(0, SHORT);
}

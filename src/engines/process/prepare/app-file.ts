import fs from 'node:fs/promises';
import path from 'node:path';

const NAMED_LIKE_ONE = /\.(ya?ml|json)$/i;
const LARGEST_BYTES = 1024 * 1024;

/**
 * An App file in the source folder is not part of what runs: with it a change of replicas or of the strategy alone would
 * make a new revision. It is known by what is in it, so that it does not matter how it was applied.
 */
export async function isAppFile(source: string, relative: string, bytes: number): Promise<boolean> {
  if (!NAMED_LIKE_ONE.test(relative) || bytes > LARGEST_BYTES) return false;
  const text = await fs.readFile(path.join(source, relative), 'utf8');
  return text.includes('crossfade.dev/') && (isAppJson(text) || isAppYaml(text));
}

function isAppJson(text: string): boolean {
  try {
    const { apiVersion, kind } = JSON.parse(text) as Record<string, unknown>;
    return typeof apiVersion === 'string' && apiVersion.startsWith('crossfade.dev/') && kind === 'App';
  } catch {
    return false;
  }
}

/** Of several documents one is enough. */
function isAppYaml(text: string): boolean {
  return text.split(/^---.*$/m).some((document) => {
    const field = (name: string, value: string) =>
      new RegExp(`^(["']?)${name}\\1[ \\t]*:[ \\t]+["']?${value}`, 'm').test(document);
    return field('apiVersion', 'crossfade\\.dev/') && field('kind', 'App(["\']?)[ \\t\\r]*(#.*)?$');
  });
}

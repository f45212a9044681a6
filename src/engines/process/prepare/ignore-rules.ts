import path from 'node:path';
import ignore, { type Ignore } from 'ignore';
import { exists, readText } from '../durable.ts';

const OWN_FILE = '.crossfadeignore';
const GIT_FILE = '.gitignore';

/** Rules of one folder; they concern what is below it and win over those of the folders above. */
interface Rules {
  /** Absolute; above the source where a repository begins there. */
  base: string;
  matcher: Ignore;
}

/** Decides what of a source folder is part of a snapshot. Paths are relative to it, with `/`. */
export interface IgnoreRules {
  ignores(relative: string, isFolder: boolean): boolean;
  /** With the rules that this folder adds. */
  within(folder: string): Promise<IgnoreRules>;
}

/**
 * `.git` is never part of it. `.crossfadeignore` files apply always; `.gitignore` files, also those of the repository
 * around the source, only when a build makes again what they name.
 */
export async function ignoreRules(source: string, useGitignore: boolean): Promise<IgnoreRules> {
  const above = useGitignore ? await rulesOfRepositoryAbove(source) : [];
  const files = useGitignore ? [GIT_FILE, OWN_FILE] : [OWN_FILE];
  return withRules(source, files, above).within('');
}

function withRules(source: string, files: readonly string[], rules: readonly Rules[]): IgnoreRules {
  return {
    ignores(relative, isFolder) {
      if (path.posix.basename(relative) === '.git') return true;
      let ignored = false;
      for (const { base, matcher } of rules) {
        const below = path.relative(base, path.join(source, relative));
        const answer = matcher.test(isFolder ? `${below}/` : below);
        if (answer.ignored) ignored = true;
        if (answer.unignored) ignored = false;
      }
      return ignored;
    },
    async within(folder) {
      const added: Rules[] = [];
      for (const file of files) {
        const text = await readText(path.join(source, folder, file));
        if (text !== undefined) added.push({ base: path.join(source, folder), matcher: ignore().add(text) });
      }
      return added.length === 0 ? this : withRules(source, files, [...rules, ...added]);
    },
  };
}

async function rulesOfRepositoryAbove(source: string): Promise<Rules[]> {
  if (await exists(path.join(source, '.git'))) return [];
  const rules: Rules[] = [];
  for (let folder = path.dirname(source); ; folder = path.dirname(folder)) {
    const text = await readText(path.join(folder, GIT_FILE));
    if (text !== undefined) rules.unshift({ base: folder, matcher: ignore().add(text) });
    if (await exists(path.join(folder, '.git'))) return rules;
    if (path.dirname(folder) === folder) return [];
  }
}

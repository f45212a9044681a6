import { BUGS, type Edit } from './bugs.ts';

/**
 * The core judges its own decisions before they are done (src/core/invariants.ts). Bugs are planted with that taken out:
 * the world has to find them by what they do to users.
 */
const GUARD: Edit = {
  file: 'src/core/decide/index.ts',
  find: 'const broken = brokenInvariant(before, draft);',
  put: 'const broken = undefined as ReturnType<typeof brokenInvariant>;',
};

/** @param name of a bug; `none`: no bug, only the guard is out */
export function editsOf(name: string): Edit[] {
  if (name === 'none') return [GUARD];
  const bug = BUGS.find((one) => one.name === name);
  if (!bug) throw new Error(`no planted bug is called "${name}"`);
  return bug.guarded ? bug.edits : [GUARD, ...bug.edits];
}

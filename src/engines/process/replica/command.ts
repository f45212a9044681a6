import fs from 'node:fs/promises';
import path from 'node:path';
import { OperatingError } from '../../../core/errors.ts';
import { isMissing } from '../failures.ts';

/** Each `{port}` in the command is the replica's port. */
export function withPort(command: readonly string[], port: number | undefined): string[] {
  return command.map((word) => (port === undefined ? word : word.replaceAll('{port}', String(port))));
}

/**
 * Finds what exec(2) would start, so that a missing program is told as such and not as exit code 127.
 * @throws OperatingError E_COMMAND_NOT_FOUND, E_COMMAND_NOT_EXECUTABLE
 */
export async function checkCommand(program: string, cwd: string, searchPath: string): Promise<void> {
  if (program.includes('/')) {
    const file = path.resolve(cwd, program);
    const state = await stateOf(file);
    if (state === 'program') return;
    if (state === 'missing')
      throw notFound(program, `there is no ${program} in the working folder of the revision`);
    throw notExecutable(program, file, state);
  }
  let denied: string | undefined;
  for (const folder of searchPath.split(':')) {
    const file = path.join(path.resolve(cwd, folder), program);
    const state = await stateOf(file);
    if (state === 'program') return;
    if (state === 'not executable') denied ??= file;
  }
  if (denied !== undefined) throw notExecutable(program, denied, 'not executable');
  throw notFound(program, `there is no program ${program} in PATH (${searchPath})`);
}

async function stateOf(file: string): Promise<'program' | 'missing' | 'folder' | 'not executable'> {
  try {
    const stat = await fs.stat(file);
    if (stat.isDirectory()) return 'folder';
    return (stat.mode & 0o111) === 0 ? 'not executable' : 'program';
  } catch (error) {
    if (isMissing(error)) return 'missing';
    throw error;
  }
}

function notFound(program: string, message: string): OperatingError {
  const install = 'install it, write its full path in spec.run.command, or set PATH in spec.run.env';
  const inSource =
    'check that spec.source contains it, that no .crossfadeignore names it, and that a build makes it';
  return new OperatingError('E_COMMAND_NOT_FOUND', message, {
    hint: program.includes('/') ? inSource : install,
  });
}

function notExecutable(program: string, file: string, state: 'folder' | 'not executable'): OperatingError {
  const message = state === 'folder' ? `${file} is a folder, not a program` : `${file} is not executable`;
  return new OperatingError('E_COMMAND_NOT_EXECUTABLE', message, {
    hint:
      state === 'folder'
        ? 'correct spec.run.command'
        : `make it so (chmod +x ${program}), or start it through its interpreter`,
  });
}

import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { OperatingError } from '../core/errors.ts';
import type { AppSpec } from '../spec/app.ts';
import { formatSpecErrors, parseAppFile, type SpecError } from '../spec/index.ts';
import type { CliContext } from './context.ts';
import { usageError } from './exit.ts';
import type { Session } from './session.ts';

export interface LoadedApp {
  spec: AppSpec;
  /** As the user wrote it; `-` is standard input. */
  file: string;
  /** Folder that relative paths in it mean. */
  baseDir: string;
}

const APP_FILE = /\.(ya?ml|json)$/;

/**
 * Reads every file of every -f, and returns all Apps or throws one error that names everything wrong in all of them:
 * nothing is sent while any file is wrong. @throws OperatingError E_APP_FILE, E_USAGE
 */
export async function loadApps(session: Session, given: readonly string[]): Promise<LoadedApp[]> {
  if (given.length === 0)
    throw usageError('no App file was given', 'name it with -f FILE, -f FOLDER or -f -');
  const apps: LoadedApp[] = [];
  const errors: SpecError[] = [];
  for (const { file, content, baseDir } of await readAll(session.ctx, given)) {
    const parsed = parseAppFile(content, { file, baseDir });
    errors.push(...parsed.errors);
    apps.push(...parsed.apps.map((spec) => ({ spec: inNamespace(session, spec), file, baseDir })));
  }
  if (errors.length > 0)
    throw fileError(
      formatSpecErrors(errors, { color: session.out.colour && !session.out.structured }),
      errors,
    );
  if (apps.length === 0) throw fileError(`there is no App in ${given.join(', ')}`);
  refuseTwice(apps);
  return apps;
}

interface Source {
  file: string;
  content: string;
  baseDir: string;
}

async function readAll(ctx: CliContext, given: readonly string[]): Promise<Source[]> {
  const sources: Source[] = [];
  for (const file of given) {
    if (file === '-') {
      sources.push({ file: '<stdin>', content: await text(ctx.stdin as Readable), baseDir: ctx.cwd });
      continue;
    }
    for (const found of filesOf(ctx, path.resolve(ctx.cwd, file), file)) {
      sources.push({ ...found, baseDir: path.dirname(path.resolve(ctx.cwd, found.file)) });
    }
  }
  return sources;
}

function filesOf(ctx: CliContext, absolute: string, shown: string): { file: string; content: string }[] {
  try {
    if (!statSync(absolute).isDirectory()) return [{ file: shown, content: readBounded(absolute, shown) }];
    return folderFiles(ctx, absolute, shown);
  } catch (cause) {
    if (cause instanceof OperatingError) throw cause;
    const why =
      (cause as NodeJS.ErrnoException).code === 'ENOENT'
        ? 'there is no such file or folder'
        : (cause as Error).message;
    throw fileError(`${shown} cannot be read: ${why}`);
  }
}

/** What the API takes at most. */
const LARGEST_FILE_BYTES = 4 * 1024 * 1024;

/** A wrong name may be that of a disk image, or of a device that never ends: neither may fill the memory. */
function readBounded(absolute: string, shown: string): string {
  const buffer = Buffer.alloc(LARGEST_FILE_BYTES + 1);
  const file = openSync(absolute, 'r');
  try {
    for (let length = 0; length < buffer.length; ) {
      const read = readSync(file, buffer, length, buffer.length - length, null);
      if (read === 0) return buffer.toString('utf8', 0, length);
      length += read;
    }
  } finally {
    closeSync(file);
  }
  throw fileError(`${shown} is no App file: it has more than ${LARGEST_FILE_BYTES} bytes`);
}

/** A folder may hold the App's own JSON and YAML too: what is no Crossfade document is skipped, and said to be. */
function folderFiles(ctx: CliContext, absolute: string, shown: string): { file: string; content: string }[] {
  const found = readdirSync(absolute, { recursive: true, encoding: 'utf8' })
    .filter((name) => APP_FILE.test(name) && !name.split(path.sep).some(isSkippedFolder))
    .sort()
    .map((name) => ({
      file: path.join(shown, name),
      content: readFileSync(path.join(absolute, name), 'utf8'),
    }));
  const ours = found.filter(({ content }) => content.includes('crossfade.dev/'));
  for (const { file } of found) {
    if (!ours.some((own) => own.file === file))
      ctx.stderr.write(`skipped ${file}: it has no crossfade.dev document\n`);
  }
  if (ours.length === 0) throw fileError(`the folder ${shown} has no App file (*.yaml, *.yml or *.json)`);
  return ours;
}

function isSkippedFolder(part: string): boolean {
  return part === 'node_modules' || part.startsWith('.');
}

/** -n, or the context of a cluster, fills in a namespace that the file leaves open; it never moves an App that says where it belongs. */
function inNamespace(session: Session, spec: AppSpec): AppSpec {
  const asked = session.namespace;
  const own = spec.metadata.namespace;
  if (own === asked) return spec;
  if (own !== 'default') {
    if (session.flags.namespace === undefined) return spec;
    throw usageError(
      `app "${spec.metadata.name}" belongs to namespace ${own}, but --namespace ${asked} was given`,
      `leave --namespace out, or give --namespace ${own}`,
    );
  }
  return { ...spec, metadata: { ...spec.metadata, namespace: asked } };
}

function refuseTwice(apps: readonly LoadedApp[]): void {
  const seen = new Map<string, string>();
  for (const { spec, file } of apps) {
    const key = `${spec.metadata.namespace}/${spec.metadata.name}`;
    const before = seen.get(key);
    if (before !== undefined) {
      throw fileError(`app "${key}" is defined twice: in ${before} and in ${file}`);
    }
    seen.set(key, file);
  }
}

function fileError(message: string, errors?: readonly SpecError[]): OperatingError {
  return new OperatingError('E_APP_FILE', message, errors === undefined ? {} : { details: { errors } });
}

import { OperatingError } from '../../../core/errors.ts';
import type { RunSpec } from '../../../core/model.ts';
import { revisionIdOf } from '../../../core/revision.ts';
import type { PrepareOptions } from '../../../ports/engine.ts';
import type { AppSpec } from '../../../spec/app.ts';
import { exists } from '../durable.ts';
import { type Layout, snapshotFolder } from '../layout.ts';
import type { Limits, SecretSource } from '../options.ts';
import type { Trees } from '../tree.ts';
import { runBuild } from './build.ts';
import { captureSecrets } from './captured-secrets.ts';
import { type ConfigFile, insideWorkingFolder, readConfigFiles, storeConfigFiles } from './config-files.ts';
import { builtDigest, hashFiles, snapshotDigest } from './digest.ts';
import { type Environment, resolveEnvironment } from './environment.ts';
import { scanSource } from './scan.ts';
import { type SourceContent, storeSnapshot } from './store-snapshot.ts';

export interface PrepareContext {
  layout: Layout;
  limits: Limits;
  secrets: SecretSource;
  trees: Trees;
  /** Marks the processes of a build. */
  buildOwner: string;
  /** Told before anything of this content is stored, so that a sweep meanwhile leaves it. */
  keep: (run: RunSpec) => void;
}

/** Computes what the revision is, and then, unless it is a dry run, stores all that it needs to run at any time. */
export async function prepare(
  context: PrepareContext,
  spec: AppSpec,
  options: PrepareOptions,
): Promise<RunSpec> {
  refuseImage(spec);
  const environment = await resolveEnvironment(spec, context.secrets);
  const configFiles = await readConfigFiles(spec);
  const source = await readSource(context, spec, options);
  const run = runSpecOf(spec, environment, configFiles, source?.digest);
  if (options.dryRun) return run;
  context.keep(run);
  await captureSecrets(context.layout, environment.secretValues);
  await storeConfigFiles(context.layout, configFiles);
  if (source) await storeSource(context, spec, source, options);
  await context.trees.ensure(revisionIdOf(run), run);
  return run;
}

/** @throws OperatingError E_IMAGE_UNSUPPORTED */
function refuseImage({ spec: { image } }: AppSpec): void {
  if (image === undefined) return;
  throw new OperatingError(
    'E_IMAGE_UNSUPPORTED',
    `spec.image: this daemon runs processes of its machine, and no images: found ${image}`,
    { hint: 'use spec.source and spec.run.command, or apply the file to a Kubernetes cluster' },
  );
}

interface Source extends SourceContent {
  /** Of what is stored, the build included. */
  digest: string;
}

async function readSource(
  context: PrepareContext,
  spec: AppSpec,
  options: PrepareOptions,
): Promise<Source | undefined> {
  const { source: folder, build } = spec.spec;
  if (folder === undefined) return undefined;
  const entries = await scanSource(folder, {
    useGitignore: build !== undefined,
    limitBytes: context.limits.sourceBytes,
    skipped: (path, why) => options.progress(`left out ${path}: ${why}`),
    signal: options.signal,
  });
  const hashes = await hashFiles(folder, entries, options.signal);
  const content = snapshotDigest(entries, hashes);
  return { folder, entries, hashes, digest: build ? builtDigest(content, build.command) : content };
}

async function storeSource(
  context: PrepareContext,
  spec: AppSpec,
  source: Source,
  options: PrepareOptions,
): Promise<void> {
  const { build } = spec.spec;
  const target = snapshotFolder(context.layout, source.digest);
  if (await exists(target)) {
    options.progress(build ? 'source and build command are unchanged: built before' : 'source is unchanged');
    return;
  }
  const files = source.entries.filter((entry) => entry.kind === 'file').length;
  options.progress(`copying ${files} ${files === 1 ? 'file' : 'files'} from ${source.folder}`);
  const finish = async (folder: string) => {
    if (!build) return;
    options.progress(`building: ${build.command.join(' ')}`);
    const { progress, signal } = options;
    await runBuild(build, { folder, path: context.limits.path, owner: context.buildOwner, progress, signal });
  };
  await storeSnapshot(target, source, finish, options.signal);
}

function runSpecOf(
  spec: AppSpec,
  environment: Environment,
  configFiles: readonly ConfigFile[],
  digest: string | undefined,
): RunSpec {
  const { run, health, port } = spec.spec;
  return {
    artifact: digest === undefined ? { kind: 'none' } : { kind: 'snapshot', digest },
    command: run.command,
    env: environment.env,
    secretEnv: environment.secretEnv,
    configFiles: Object.fromEntries(configFiles.map((file) => [file.path, file.digest])),
    ...(run.user === undefined ? {} : { user: run.user }),
    ...workingDirOf(run.workingDir),
    hasPort: port !== undefined,
    health,
  };
}

function workingDirOf(workingDir: string | undefined): { workingDir?: string } {
  if (workingDir === undefined || workingDir === '.' || workingDir === './') return {};
  return { workingDir: insideWorkingFolder(workingDir, 'spec.run.workingDir') };
}

import { TAKEN_ANNOTATION } from '../adoption/taken.ts';
import { OperatingError } from '../core/errors.ts';
import type { AppKey, AppObject, Ms, Revision, RunSpec } from '../core/model.ts';
import { HASH_VERSION, revisionIdOf } from '../core/revision.ts';
import type { Condition } from '../kubernetes/crossfade.ts';
import type { Engine } from '../ports/engine.ts';
import type { Stored } from '../ports/store.ts';
import type { AppSpec } from '../spec/app.ts';
import { parseAppValue } from '../spec/index.ts';
import { API_VERSION } from '../spec/schema.ts';
import { createWork } from './work.ts';

/** What a user wrote into an App object, as the cluster has it. */
export interface WantedApp {
  generation: number;
  deleting: boolean;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  spec: unknown;
  manager: string;
}

export interface IntakeDeps {
  /** The newest wish that was not taken up; undefined: there is none. */
  wanted(app: AppKey): WantedApp | undefined;
  load(app: AppKey): Promise<Stored | undefined>;
  /** @throws OperatingError E_CONFLICT */
  take(object: AppObject, expectedGeneration: number): void;
  /** Tells users that what they wrote cannot be taken up. */
  refuse(app: AppKey, generation: number, conditions: Condition[], message: string): void;
  /** @throws OperatingError when it cannot be released here */
  check(spec: AppSpec): Promise<void>;
  engine: Pick<Engine, 'prepare'>;
  now(): Ms;
  log: { info(what: object, text: string): void; error(what: object, text: string): void };
}

export interface Intake {
  /** There may be a wish to take up. */
  poke(app: AppKey): void;
  close(): Promise<void>;
}

/** Who applied it, as they say themselves. */
export const ACTOR_ANNOTATION = 'crossfade.dev/actor';
const AT_ONCE = 8;

/**
 * Takes up what users write into App objects: reads the spec by the rules of the file, prepares the revision, and hands
 * both to the store. Until then, and for as long as a spec has mistakes, what was taken up before stays in force.
 */
export function createIntake(deps: IntakeDeps): Intake {
  return createWork<AppKey>({ atOnce: AT_ONCE, log: deps.log, work: (app) => takeUp(deps, app) });
}

/** @returns when to try again */
async function takeUp(deps: IntakeDeps, app: AppKey): Promise<'done' | 'again'> {
  const wanted = deps.wanted(app);
  if (!wanted) return 'done';
  const stored = await deps.load(app);
  if (wanted.deleting) return takeDeletion(deps, wanted, stored);
  const spec = readSpec(app, wanted);
  if (spec instanceof OperatingError) {
    refuse(deps, app, wanted, spec);
    return 'done';
  }
  try {
    await deps.check(spec);
    const run = await deps.engine.prepare(spec, {
      dryRun: false,
      progress: (line) => deps.log.info({ app }, line),
    });
    return take(deps, objectOf(deps, { app, wanted, spec, run, stored }), stored, 'apply');
  } catch (error) {
    if (!(error instanceof OperatingError)) throw error;
    if (error.code !== 'E_CONFLICT') refuse(deps, app, wanted, error);
    return 'again';
  }
}

function takeDeletion(deps: IntakeDeps, wanted: WantedApp, stored: Stored | undefined): 'done' {
  if (!stored) return 'done';
  const object = { ...stored.object, generation: wanted.generation, deleting: true, actor: actorOf(wanted) };
  return take(deps, object, stored, 'delete');
}

/** Who changed what is in the audit log of the cluster: a list of our own would say it once more. */
function take(deps: IntakeDeps, object: AppObject, stored: Stored | undefined, what: string): 'done' {
  deps.take(object, stored?.object.generation ?? 0);
  const { key: app, generation, revision } = object;
  deps.log.info({ app, generation, revision: revision.id }, `${what}: taken up`);
  return 'done';
}

function readSpec(app: AppKey, { labels, annotations, spec }: WantedApp): AppSpec | OperatingError {
  const [namespace, name] = app.split('/');
  const document = {
    apiVersion: API_VERSION,
    kind: 'App',
    metadata: { name, namespace, labels, annotations: ourAnnotations(annotations) },
    spec,
  };
  const { app: read, errors } = parseAppValue(document, {});
  if (read && errors.length === 0) return read;
  const told = errors.map(({ path, message, suggestion }) => {
    const help = suggestion === undefined ? '' : ` (${suggestion})`;
    return `${path === '' ? '' : `${path}: `}${message}${help}`;
  });
  return new OperatingError('E_APP_FILE', told.join('; '));
}

/** What kubectl and others remember there is not the user's, and may be as large as the App itself. */
function ourAnnotations(annotations: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(annotations).filter(
      ([name]) => !name.includes('kubernetes.io/') && name !== ACTOR_ANNOTATION && name !== TAKEN_ANNOTATION,
    ),
  );
}

interface Taken {
  app: AppKey;
  wanted: WantedApp;
  spec: AppSpec;
  run: RunSpec;
  stored: Stored | undefined;
}

function objectOf({ now }: IntakeDeps, { app, wanted, spec, run, stored }: Taken): AppObject {
  const id = revisionIdOf(run);
  const actor = actorOf(wanted);
  const fresh: Revision = {
    id,
    hashVersion: HASH_VERSION,
    number: stored?.state.nextRevisionNumber ?? 1,
    run,
    provenance: { createdAt: now(), actor, source: wanted.manager },
  };
  return {
    key: app,
    generation: wanted.generation,
    spec,
    revision: stored?.state.revisions[id] ?? fresh,
    actor,
    deleting: false,
  };
}

function actorOf({ annotations, manager }: WantedApp): string {
  return annotations[ACTOR_ANNOTATION] ?? manager;
}

function refuse(
  { refuse, now, log }: IntakeDeps,
  app: AppKey,
  wanted: WantedApp,
  error: OperatingError,
): void {
  const { code, message } = error;
  const hint = error.hint === undefined ? '' : `; ${error.hint}`;
  const said = `generation ${wanted.generation} is not taken up: ${message}${hint}`;
  log.info({ app, code }, said);
  const lastTransitionTime = new Date(now()).toISOString();
  const base = {
    observedGeneration: wanted.generation,
    reason: reasonOf(code),
    message: said,
    lastTransitionTime,
  };
  const conditions: Condition[] = [
    { ...base, type: 'Ready', status: 'False' },
    { ...base, type: 'Progressing', status: 'False' },
    { ...base, type: 'Stalled', status: 'True' },
  ];
  refuse(app, wanted.generation, conditions, said);
}

/** `E_APP_FILE` -> `AppFile`: a condition's reason is one word in CamelCase. */
function reasonOf(code: string): string {
  const words = code.replace(/^E_/, '').toLowerCase().split('_');
  return words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}

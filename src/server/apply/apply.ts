import type { ApplyResponse } from '../../api/types.ts';
import { checkCapabilities } from '../../core/capabilities.ts';
import { OperatingError } from '../../core/errors.ts';
import type { AppKey, AppObject, Revision, RunSpec } from '../../core/model.ts';
import { canonicalJson, HASH_VERSION, revisionIdOf } from '../../core/revision.ts';
import type { Stored } from '../../ports/store.ts';
import type { AppSpec } from '../../spec/app.ts';
import { auditOf, type Caller } from '../access.ts';
import type { ApiContext, ApiDeps } from '../deps.ts';
import { editConflict } from '../errors.ts';
import { loadStored } from '../snapshots.ts';
import { checkClaims } from './claims.ts';
import { checkFront } from './front.ts';
import { commitOf } from './source-commit.ts';

export interface ApplyOptions {
  caller: Caller;
  dryRun: boolean;
  /** For the audit log: apply, scale, set env. */
  action: string;
  reason?: string | undefined;
  signal?: AbortSignal;
}

export interface Applied {
  result: ApplyResponse['result'];
  message: string;
  /** What is stored now, or would be. */
  object: AppObject;
}

/** Beyond this many writers at the same moment something else is wrong. */
const ATTEMPTS = 5;

/** Makes the spec what is wanted of its App, whatever was wanted before: checked, prepared, stored. @throws OperatingError */
export async function applySpec(context: ApiContext, spec: AppSpec, options: ApplyOptions): Promise<Applied> {
  await checkRoute(context, spec);
  const run = await prepare(context, spec, options);
  const commit = await commitOf(spec.spec.source);
  return onConflictAgain(() => store(context, { spec, run, commit }, options));
}

/**
 * Changes what is stored now. Two edits at the same time both count: the later one begins again from the earlier one's.
 * @param edit `run`: the revision's content when the edit is known not to touch it; absent: it is prepared again
 */
export async function editSpec(
  context: ApiContext,
  key: AppKey,
  edit: (stored: AppObject) => { spec: AppSpec; run?: RunSpec },
  options: ApplyOptions,
): Promise<Applied> {
  return onConflictAgain(async () => {
    const { object } = await loadStored(context, key);
    const { spec, run } = edit(object);
    const commit = run ? undefined : await commitOf(spec.spec.source);
    const prepared = { spec, run: run ?? (await prepare(context, spec, options)), commit };
    return store(context, { ...prepared, onlyAt: object.generation }, options);
  });
}

async function onConflictAgain<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      const conflict = error instanceof OperatingError && error.code === 'E_CONFLICT';
      if (!conflict || attempt === ATTEMPTS) throw error;
    }
  }
}

/** @throws OperatingError E_ROUTER_CANNOT, E_ROUTE_CLAIMED, E_PORT_TAKEN */
async function checkRoute(context: ApiContext, spec: AppSpec): Promise<void> {
  checkCapabilities(spec, context.router.name, context.router.capabilities);
  const others = await storedSpecs(context);
  checkClaims(spec, others);
  await checkFront(context.router, spec, others.values());
}

/** Preparing may take minutes, in which another App may have claimed the route: it is checked again under the lock. */
function store(context: ApiContext, prepared: Prepared, options: ApplyOptions): Promise<Applied> {
  return context.exclusively(async () => {
    checkClaims(prepared.spec, await storedSpecs(context));
    return putOnce(context, prepared, options);
  });
}

/** The revision that a spec would make; nothing is stored or built. */
export async function dryRevision(
  deps: ApiDeps,
  spec: AppSpec,
  signal: AbortSignal,
): Promise<Pick<Revision, 'id' | 'run'>> {
  const run = await deps.engine.prepare(spec, { dryRun: true, progress: () => undefined, signal });
  return { id: revisionIdOf(run), run };
}

async function storedSpecs({ store }: ApiDeps): Promise<Map<AppKey, AppSpec>> {
  const specs = new Map<AppKey, AppSpec>();
  for (const key of await store.apps()) {
    const stored = await store.load(key);
    if (stored) specs.set(key, stored.object.spec);
  }
  return specs;
}

function prepare(
  { engine, log }: ApiDeps,
  spec: AppSpec,
  { dryRun, signal }: ApplyOptions,
): Promise<RunSpec> {
  const app = keyOf(spec);
  return engine.prepare(spec, {
    dryRun,
    progress: (line) => log.info({ app }, line),
    ...(signal ? { signal } : {}),
  });
}

interface Prepared {
  spec: AppSpec;
  run: RunSpec;
  commit: string | undefined;
  /** The generation that was edited; any other is a conflict. */
  onlyAt?: number;
}

async function putOnce(deps: ApiDeps, prepared: Prepared, options: ApplyOptions): Promise<Applied> {
  const { spec } = prepared;
  const key = keyOf(spec);
  const stored = await deps.store.load(key);
  if (stored?.object.deleting || stored?.state.deleting) throw beingDeleted(key);
  const found = stored?.object.generation ?? 0;
  if (prepared.onlyAt !== undefined && prepared.onlyAt !== found) {
    throw editConflict(key, prepared.onlyAt, found);
  }
  const object = nextObject(deps, prepared, stored, options.caller.actor);
  const { revision } = object;
  refuseDuringRelease(stored, object);
  const held = stored?.state.held.find((entry) => entry.revision === revision.id);
  const same = stored && isSame(stored.object, object);
  if (!same && !options.dryRun) {
    const { caller, action, reason } = options;
    const audit = auditOf(caller, deps.clock.wall(), action, key, reason ?? caller.reason);
    await deps.store.putApp(object, found, audit);
    deps.poke(key);
  }
  if (held) {
    const message =
      `revision ${revision.number} is held and not started by itself: ${held.why.message}. ` +
      `\`crossfade rollout retry ${spec.metadata.name}\` tries it again`;
    return { result: 'held', message, object: same ? stored.object : object };
  }
  if (same)
    return { result: 'unchanged', message: 'nothing differs from what is stored', object: stored.object };
  return { result: stored ? 'configured' : 'created', message: whatIsNext(stored, object), object };
}

/** `onNewRevision: reject`: what would not be released is not taken for what is wanted either. */
function refuseDuringRelease(stored: Stored | undefined, { key, revision, spec }: AppObject): void {
  const release = stored?.state.release;
  if (spec.spec.onNewRevision !== 'reject' || release?.phase.kind !== 'advancing') return;
  if (revision.id === release.revision || revision.id === stored?.object.revision.id) return;
  throw new OperatingError(
    'E_RELEASE_RUNNING',
    `revision ${revision.number} is not taken while ${release.id} runs (onNewRevision: reject)`,
    { hint: 'Wait for its end, or `crossfade rollout abort`, then apply again.', details: { app: key } },
  );
}

function nextObject(
  { clock }: ApiDeps,
  { spec, run, commit }: Prepared,
  stored: Stored | undefined,
  actor: string,
): AppObject {
  const id = revisionIdOf(run);
  const known = stored?.state.revisions[id];
  const fresh: Revision = {
    id,
    hashVersion: HASH_VERSION,
    // The number that the controller will give it; by then another apply may have been faster.
    number: stored?.state.nextRevisionNumber ?? 1,
    run,
    provenance: {
      createdAt: clock.wall(),
      actor,
      source: spec.spec.source ?? spec.spec.image ?? '',
      ...(commit === undefined ? {} : { commit }),
    },
  };
  const generation = (stored?.object.generation ?? 0) + 1;
  return { key: keyOf(spec), generation, spec, revision: known ?? fresh, actor, deleting: false };
}

function isSame(a: AppObject, b: AppObject): boolean {
  return a.revision.id === b.revision.id && canonicalJson(a.spec) === canonicalJson(b.spec);
}

function whatIsNext(stored: Stored | undefined, { revision, spec }: AppObject): string {
  const named = `revision ${revision.number} (${revision.id})`;
  const stable = stored?.state.stable === undefined ? undefined : stored.state.pools[stored.state.stable];
  if (!stored || !stable) return `${named} is started`;
  if (stable.revision !== revision.id) return `${named} is released by ${spec.spec.strategy.kind}`;
  const from = stored.object.spec.spec.replicas;
  const to = spec.spec.replicas;
  return from === to
    ? `${named} stays; its settings change`
    : `${named} is scaled from ${from} to ${to} replicas`;
}

function beingDeleted(key: AppKey): OperatingError {
  return new OperatingError('E_DELETING', `App ${key} is being deleted.`, {
    hint: 'Wait until it is gone, then apply again.',
    details: { app: key },
  });
}

function keyOf({ metadata }: AppSpec): AppKey {
  return `${metadata.namespace}/${metadata.name}`;
}

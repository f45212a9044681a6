import type { AppView, ReleaseView } from '../../api/types.ts';
import { currentStage, gaveUp, plural, revisionText, shareText, specReplicas, waitingFor } from './view.ts';

/** What a follower of a release has printed so far. */
export interface Progress {
  releaseId: string | null;
  /** Stages said to be done. */
  stagesDone: number;
  stageNow: string | null;
}

export const NOTHING_SAID: Progress = { releaseId: null, stagesDone: 0, stageNow: null };

export interface ProgressStep {
  said: Progress;
  /** To be printed and kept. */
  lines: string[];
  /** What it waits for at this moment: may be overwritten by the next one. */
  now: string | null;
}

/** The difference between what was said and what is, as lines. */
export function progressStep(said: Progress, app: AppView): ProgressStep {
  const release = app.status.release ?? endedRelease(said, app);
  if (release === null) return { said, lines: [], now: settleLine(app) };
  const fresh = release.id !== said.releaseId;
  const before = fresh ? { ...NOTHING_SAID, releaseId: release.id } : said;
  const done = release.stages.filter((stage) => stage.state === 'done').length;
  const lines = fresh ? [startLine(app, release)] : [];
  release.stages.forEach((stage, index) => {
    // Where a release was given up, the stage it had reached was entered, not passed.
    if (stage.state !== 'done' || index < before.stagesDone || gaveUp(release)) return;
    const measured = stage.measuredPercent === null ? '' : shareText(stage);
    const share = measured === '' ? '' : ` (${measured})`;
    lines.push(`  ${stageTitle(release, index)}: done${share}`);
  });
  const current = currentStage(release);
  const stageNow = current === undefined ? null : `${current.index}`;
  return {
    said: { releaseId: release.id, stagesDone: Math.max(done, before.stagesDone), stageNow },
    lines,
    now: release.verdict === null ? nowLine(app, release) : null,
  };
}

/** The release that was being followed, once it has ended. */
function endedRelease(said: Progress, app: AppView): ReleaseView | null {
  const last = app.status.lastRelease;
  return last !== null && last.id === said.releaseId ? last : null;
}

function startLine(app: AppView, release: ReleaseView): string {
  const from = release.fromRevisionNumber === null ? '' : ` from revision #${release.fromRevisionNumber}`;
  const to = revisionText(release.revisionNumber, release.revision);
  return `release ${release.id} of app "${app.metadata.name}": ${release.strategy}${from} to revision ${to}, ${plural(release.stages.length, 'stage')}`;
}

function stageTitle(release: ReleaseView, index: number): string {
  return `stage ${index + 1}/${release.stages.length} ${release.stages[index]?.name ?? ''}`;
}

function nowLine(app: AppView, release: ReleaseView): string | null {
  if (app.status.phase === 'Aborting') return `  going back to stable: ${app.status.message}`;
  const current = currentStage(release);
  if (release.paused) return `  paused; to go on: crossfade rollout resume ${app.metadata.name}`;
  const rolling = rolloutLine(app, release);
  if (rolling !== null) return rolling;
  if (current === undefined) return null;
  const waits = waitingFor(current.stage);
  const share = shareText(current.stage);
  const detail = [share, waits].filter((part) => part !== '').join('; ');
  return `  ${stageTitle(release, current.index)}${detail === '' ? '' : `: ${detail}`}`;
}

/** kubectl's own sentences, for the strategies that replace replicas one after the other. */
function rolloutLine(app: AppView, release: ReleaseView): string | null {
  if (release.strategy !== 'rolling' && release.strategy !== 'recreate') return null;
  return replicaLine(app);
}

/** What `kubectl rollout status` would say of these counts; null when nothing is left to wait for. */
export function replicaLine(app: AppView): string | null {
  const { replicas, updatedReplicas, readyReplicas } = app.status;
  const wanted = specReplicas(app);
  const wait = `Waiting for app "${app.metadata.name}" rollout to finish:`;
  if (updatedReplicas < wanted)
    return `${wait} ${updatedReplicas} out of ${wanted} new replicas have been updated...`;
  const old = replicas - updatedReplicas;
  if (old > 0) return `${wait} ${old} old replicas are pending termination...`;
  if (readyReplicas < updatedReplicas) {
    return `${wait} ${readyReplicas} of ${updatedReplicas} updated replicas are available...`;
  }
  return null;
}

function settleLine(app: AppView): string | null {
  if (app.status.observedGeneration < app.metadata.generation) {
    return 'Waiting for app spec update to be observed...';
  }
  return replicaLine(app);
}

import type { AppView, ReleaseView } from '../api/types.ts';
import { EXIT, type ExitCode } from './exit.ts';
import { replicaLine } from './output/progress.ts';
import { specReplicas } from './output/view.ts';

/** What a follower waits for. */
export interface Goal {
  /** The spec's generation that must have been seen. */
  generation: number;
  /** Releases whose verdicts are old news. Absent: any verdict counts. */
  before?: readonly string[];
  /** A release is certain to come: that all is quiet means that it has not begun yet. */
  releaseIsCertain?: boolean;
}

export interface Outcome {
  exit: ExitCode;
  line: string;
}

/** How it ended; undefined while it has not. Pure. */
export function outcomeOf(app: AppView, goal: Goal): Outcome | undefined {
  const { status, metadata } = app;
  if (status.observedGeneration < goal.generation) return undefined;
  if (status.phase === 'Frozen') {
    return { exit: EXIT.failed, line: `app "${metadata.name}" is frozen: ${status.message}` };
  }
  if (status.release !== null) return undefined;
  const last = status.lastRelease;
  if (last !== null && goal.before?.includes(last.id) !== true) return releaseOutcome(app, last);
  if (goal.releaseIsCertain) return undefined;
  // No release was needed: scaling, a route, a setting. It is done when the replicas are there.
  const settled = replicaLine(app) === null && status.readyReplicas >= specReplicas(app);
  return settled && status.phase !== 'Pending' ? { exit: EXIT.ok, line: successLine(app) } : undefined;
}

function releaseOutcome(app: AppView, release: ReleaseView): Outcome | undefined {
  const name = app.metadata.name;
  const why = release.reason === null ? '' : `: ${release.reason.message} (${release.reason.code})`;
  switch (release.verdict) {
    case 'promoted':
      return { exit: EXIT.ok, line: successLine(app) };
    case 'aborted':
      return { exit: EXIT.aborted, line: `release ${release.id} of app "${name}" was aborted${why}` };
    case 'superseded':
      return {
        exit: EXIT.aborted,
        line: `release ${release.id} of app "${name}" was superseded by a newer one${why}`,
      };
    case 'inconclusive':
      return { exit: EXIT.timeout, line: `release ${release.id} of app "${name}" ended inconclusive${why}` };
    case null:
      return undefined;
  }
}

function successLine(app: AppView): string {
  return `app "${app.metadata.name}" successfully rolled out`;
}

/** kubectl's success also means that the old replicas are gone; warm ones are kept on purpose. */
export function oldReplicasLeft(app: AppView): boolean {
  const { status } = app;
  return status.warmUntil === null && status.replicas > status.updatedReplicas && status.updatedReplicas > 0;
}

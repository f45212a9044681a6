import type { AppPhase, AppView, RouteShare } from '../api/types.ts';
import type { AppStatus, Condition } from '../kubernetes/crossfade.ts';
import { appView } from '../server/view/app.ts';
import { failedLast } from '../server/view/phase.ts';
import type { Snapshot } from '../server/view/snapshot.ts';

/** What `kubectl get` and `describe` show of an App, and what waits for it reads. */
export function statusFields(snapshot: Snapshot, selector: string): AppStatus & { phase: AppPhase } {
  const { status } = appView(snapshot);
  const candidate = status.route.find((share) => share.role === 'candidate');
  return {
    observedGeneration: snapshot.object.generation,
    phase: status.phase,
    message: status.message,
    stable: revisionName(status.stableRevisionNumber),
    candidate: revisionName(status.candidateRevisionNumber),
    asked: percent(candidate?.weightPercent),
    measured: percent(candidate?.measuredPercent),
    ready: `${status.readyReplicas}/${snapshot.object.spec.spec.replicas}`,
    replicas: status.replicas,
    readyReplicas: status.readyReplicas,
    updatedReplicas: status.updatedReplicas,
    selector,
    url: status.url,
    release: releaseName(status),
    conditions: conditionsOf(snapshot, status),
  };
}

function revisionName(number: number | null): string | null {
  return number === null ? null : `#${number}`;
}

function percent(value: RouteShare['measuredPercent'] | undefined): string | null {
  return value === null || value === undefined ? null : `${Math.round(value * 100) / 100}%`;
}

function releaseName({ release, lastRelease }: AppView['status']): string | null {
  if (release) {
    const stage = release.stages.find(({ state }) => state === 'current');
    return `${release.id} ${release.strategy}${stage ? `: ${stage.name}` : ''}`;
  }
  return lastRelease ? `${lastRelease.id} ${lastRelease.verdict}` : null;
}

/**
 * Ready: what was applied is what users get. Progressing: something moves by itself. Stalled: it does not, and needs a person.
 * In the sense of kubectl wait and of kstatus, which Flux and others read.
 */
function conditionsOf(snapshot: Snapshot, { phase, message }: AppView['status']): Condition[] {
  const at = new Date(snapshot.nowMs).toISOString();
  const stalled = phase === 'Frozen' || (phase === 'Degraded' && failedLast(snapshot));
  const base = {
    observedGeneration: snapshot.object.generation,
    reason: phase,
    message,
    lastTransitionTime: at,
  };
  return [
    { ...base, type: 'Ready', status: phase === 'Healthy' ? 'True' : 'False' },
    { ...base, type: 'Progressing', status: PROGRESSING[phase] },
    { ...base, type: 'Stalled', status: stalled ? 'True' : 'False' },
  ];
}

/** Unknown while it waits for a person, as the Deployment's condition while it is paused. */
const PROGRESSING: Record<AppPhase, Condition['status']> = {
  Pending: 'True',
  Progressing: 'True',
  Paused: 'Unknown',
  Holding: 'Unknown',
  Aborting: 'True',
  Healthy: 'False',
  Degraded: 'False',
  Frozen: 'False',
  Deleting: 'True',
};

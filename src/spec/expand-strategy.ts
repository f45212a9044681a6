import type { CanaryStep, Match, Strategy, StringMatch, UserKey } from './app.ts';
import { ms, must } from './expand-parts.ts';
import {
  COOKIE_MAX_AGE_SECONDS,
  type MatchDocument,
  type UserKeyDocument,
  type ValueMatchDocument,
} from './schema-match.ts';
import type { StepDocument } from './schema-steps.ts';
import { HOLD_DEFAULTS, type StrategyDocument } from './schema-strategy.ts';
import { percentToBp } from './weight.ts';

/** The one strategy that the document gives. */
export function expandStrategy(document: StrategyDocument): Strategy {
  const { recreate, rolling, blueGreen, canary, abTest } = document;
  if (recreate) return { kind: 'recreate', ...expandHold(recreate.hold) };
  if (rolling) return { kind: 'rolling', maxSurge: rolling.maxSurge, maxUnavailable: rolling.maxUnavailable };
  if (blueGreen) return expandBlueGreen(blueGreen);
  if (canary) {
    return {
      kind: 'canary',
      steps: canary.steps.map(expandStep),
      ...(canary.sticky && { sticky: expandUserKey(canary.sticky.by) }),
      warmMs: canary.scaleDownDelaySeconds * 1_000,
    };
  }
  return expandAbTest(must(abTest, 'strategy'));
}

function expandHold(hold: NonNullable<StrategyDocument['recreate']>['hold']) {
  if (hold === false) return {};
  const { maxRequests, maxWait } = hold === true ? HOLD_DEFAULTS : hold;
  return { hold: { maxRequests, maxMs: ms(maxWait) } };
}

function expandBlueGreen(document: NonNullable<StrategyDocument['blueGreen']>): Strategy {
  const {
    autoPromotionEnabled,
    autoPromotionSeconds = 0,
    previewReplicaCount,
    scaleDownDelaySeconds,
  } = document;
  return {
    kind: 'blueGreen',
    autoPromotion: autoPromotionEnabled,
    ...(autoPromotionSeconds > 0 && { autoPromotionMs: autoPromotionSeconds * 1_000 }),
    ...(previewReplicaCount !== undefined && { previewReplicas: previewReplicaCount }),
    warmMs: scaleDownDelaySeconds * 1_000,
  };
}

function expandAbTest(document: NonNullable<StrategyDocument['abTest']>): Strategy {
  const { match, split, replicas, scaleDownDelaySeconds } = document;
  return {
    kind: 'abTest',
    matches: match.map(expandMatch),
    ...(split && {
      split: {
        weightBp: weight(split.percent),
        by: expandUserKey(split.by),
        ...(split.salt !== undefined && { salt: split.salt }),
      },
    }),
    ...(replicas !== undefined && { candidateReplicas: replicas }),
    warmMs: scaleDownDelaySeconds * 1_000,
  };
}

function expandStep(step: StepDocument): CanaryStep {
  if (step.setWeight !== undefined) return { kind: 'setWeight', weightBp: weight(step.setWeight) };
  if (step.setCanaryScale) return { kind: 'setCanaryScale', scale: expandScale(step.setCanaryScale) };
  if (step.pause) return { kind: 'pause', ...expandPause(step.pause.duration) };
  if (step.approval) {
    return {
      kind: 'approval',
      ...(step.approval.message !== undefined && { message: step.approval.message }),
    };
  }
  if (step.setHeaderRoute) {
    return {
      kind: 'setHeaderRoute',
      name: step.setHeaderRoute.name,
      match: step.setHeaderRoute.match.map(expandMatch),
    };
  }
  if (step.setMirror !== undefined) return { kind: 'setMirror', shareBp: weight(step.setMirror) };
  const { minRequests } = must(step.verify, 'step');
  return { kind: 'verify', ...(minRequests !== undefined && { minRequests }) };
}

function expandScale(
  scale: NonNullable<StepDocument['setCanaryScale']>,
): Extract<CanaryStep, { kind: 'setCanaryScale' }>['scale'] {
  if (scale.replicas !== undefined) return { kind: 'count', replicas: scale.replicas };
  return scale.weight === undefined ? { kind: 'matchWeight' } : { kind: 'percent', of: scale.weight };
}

function expandPause(duration: number | string | undefined) {
  if (duration === undefined) return {};
  return { durationMs: typeof duration === 'number' ? duration * 1_000 : ms(duration) };
}

function expandMatch(entry: MatchDocument): Match {
  const headers = Object.entries(entry.headers ?? {});
  if (entry.headerName !== undefined && entry.headerValue !== undefined)
    headers.push([entry.headerName, entry.headerValue]);
  return {
    headers: conditions(headers.map(([name, value]) => [name.toLowerCase(), value])),
    cookies: conditions(Object.entries(entry.cookies ?? {})),
  };
}

/** All must hold, so their order means nothing: by name, and two files that mean the same give the same App. */
function conditions(entries: [string, ValueMatchDocument][]): Match['headers'] {
  return entries
    .map(([name, value]) => ({ name, value: expandValue(value) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function expandValue(value: ValueMatchDocument): StringMatch {
  if (typeof value === 'string') return { kind: 'exact', value };
  if (value.exact !== undefined) return { kind: 'exact', value: value.exact };
  return value.prefix === undefined ? { kind: 'present' } : { kind: 'prefix', value: value.prefix };
}

function expandUserKey(by: UserKeyDocument): UserKey {
  if (by.header !== undefined) return { kind: 'header', name: by.header.toLowerCase() };
  const cookie = must(by.cookie, 'cookie');
  if (typeof cookie !== 'string') return { kind: 'cookie', ...cookie };
  return { kind: 'cookie', name: cookie, issue: true, maxAgeSeconds: COOKIE_MAX_AGE_SECONDS };
}

function weight(percent: number): number {
  return must(percentToBp(percent), `${percent}%`);
}

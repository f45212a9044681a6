import type { CanaryStep, Match, Strategy, StringMatch, UserKey } from './app.ts';
import { formatDuration } from './duration.ts';
import { bpToPercent } from './weight.ts';

type Rendered = Record<string, unknown>;

/** `{ canary: { ... } }` */
export function renderStrategy(strategy: Strategy): Rendered {
  return { [strategy.kind]: renderFields(strategy) };
}

function renderFields(strategy: Strategy): Rendered {
  switch (strategy.kind) {
    case 'recreate':
      return { hold: strategy.hold ? renderHold(strategy.hold) : false };
    case 'rolling':
      return { maxSurge: strategy.maxSurge, maxUnavailable: strategy.maxUnavailable };
    case 'blueGreen':
      return renderBlueGreen(strategy);
    case 'canary':
      return {
        steps: strategy.steps.map(renderStep),
        ...(strategy.sticky && { sticky: { by: renderUserKey(strategy.sticky) } }),
        scaleDownDelaySeconds: seconds(strategy.warmMs),
      };
    case 'abTest':
      return renderAbTest(strategy);
  }
}

function renderHold(hold: { maxRequests: number; maxMs: number }): Rendered {
  return { maxRequests: hold.maxRequests, maxWait: formatDuration(hold.maxMs) };
}

function renderBlueGreen(strategy: Extract<Strategy, { kind: 'blueGreen' }>): Rendered {
  const { autoPromotion, autoPromotionMs, previewReplicas, warmMs } = strategy;
  return {
    autoPromotionEnabled: autoPromotion,
    ...(autoPromotionMs !== undefined && { autoPromotionSeconds: seconds(autoPromotionMs) }),
    ...(previewReplicas !== undefined && { previewReplicaCount: previewReplicas }),
    scaleDownDelaySeconds: seconds(warmMs),
  };
}

function renderAbTest(strategy: Extract<Strategy, { kind: 'abTest' }>): Rendered {
  const { matches, split, candidateReplicas, warmMs } = strategy;
  return {
    match: matches.map(renderMatch),
    ...(split && {
      split: {
        percent: bpToPercent(split.weightBp),
        by: renderUserKey(split.by),
        ...(split.salt !== undefined && { salt: split.salt }),
      },
    }),
    ...(candidateReplicas !== undefined && { replicas: candidateReplicas }),
    scaleDownDelaySeconds: seconds(warmMs),
  };
}

function renderStep(step: CanaryStep): Rendered {
  switch (step.kind) {
    case 'setWeight':
      return { setWeight: bpToPercent(step.weightBp) };
    case 'setCanaryScale':
      return { setCanaryScale: renderScale(step.scale) };
    case 'pause':
      return { pause: step.durationMs === undefined ? {} : { duration: formatDuration(step.durationMs) } };
    case 'approval':
      return { approval: step.message === undefined ? {} : { message: step.message } };
    case 'setHeaderRoute':
      return { setHeaderRoute: { name: step.name, match: step.match.map(renderMatch) } };
    case 'setMirror':
      return { setMirror: bpToPercent(step.shareBp) };
    case 'verify':
      return { verify: step.minRequests === undefined ? {} : { minRequests: step.minRequests } };
  }
}

function renderScale(scale: Extract<CanaryStep, { kind: 'setCanaryScale' }>['scale']): Rendered {
  switch (scale.kind) {
    case 'count':
      return { replicas: scale.replicas };
    case 'percent':
      return { weight: scale.of };
    case 'matchWeight':
      return { matchTrafficWeight: true };
  }
}

function renderMatch(match: Match): Rendered {
  const named = (entries: Match['headers']) =>
    Object.fromEntries(entries.map(({ name, value }) => [name, renderValue(value)]));
  return {
    ...(match.headers.length > 0 && { headers: named(match.headers) }),
    ...(match.cookies.length > 0 && { cookies: named(match.cookies) }),
  };
}

function renderValue(value: StringMatch): Rendered {
  return value.kind === 'present' ? { present: true } : { [value.kind]: value.value };
}

function renderUserKey(by: UserKey): Rendered {
  if (by.kind === 'header') return { header: by.name };
  return { cookie: { name: by.name, issue: by.issue, maxAgeSeconds: by.maxAgeSeconds } };
}

/** Windows are whole seconds in the file, so an App that came from one has no rest. */
function seconds(ms: number): number {
  return ms / 1_000;
}

import type { Strategy } from '../../spec/app.ts';
import type { Gate, Stage } from '../model.ts';
import { CANDIDATE, type CompileInput, FULL, promoted, STABLE, step, switchAll, weighted } from './parts.ts';

/** The new colour beside the old one, looked at through the preview address, then everything at once. */
export function compileBlueGreen(
  strategy: Extract<Strategy, { kind: 'blueGreen' }>,
  input: CompileInput,
): Stage[] {
  const preview = { ...weighted(0), preview: CANDIDATE };
  const gates: Gate[] = [{ kind: 'ready' }];
  if (!strategy.autoPromotion) gates.push({ kind: 'pause' });
  else if (strategy.autoPromotionMs) gates.push({ kind: 'pause', durationMs: strategy.autoPromotionMs });
  const stages = [
    step({
      name: 'preview',
      scale: {
        [STABLE]: FULL,
        [CANDIDATE]:
          strategy.previewReplicas === undefined
            ? FULL
            : { kind: 'count', replicas: strategy.previewReplicas },
      },
      route: preview,
      gates,
    }),
  ];
  if (strategy.previewReplicas !== undefined) {
    stages.push(
      step({
        name: 'grow',
        scale: { [STABLE]: FULL, [CANDIDATE]: FULL },
        route: preview,
        gates: [{ kind: 'ready' }],
      }),
    );
  }
  return [...stages, switchAll('switch', input), promoted()];
}

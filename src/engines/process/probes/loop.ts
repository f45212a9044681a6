import { setTimeout as sleep } from 'node:timers/promises';
import type { Probe } from '../../../spec/app.ts';
import type { ProbeAnswer } from './answer.ts';

export interface ProbeLoopOptions {
  probe: Pick<Probe, 'initialDelaySeconds' | 'periodSeconds' | 'successThreshold' | 'failureThreshold'>;
  /** Asks often until it first passes: a release goes as fast as its replicas get ready. */
  eager: boolean;
  ask: (signal: AbortSignal) => Promise<ProbeAnswer>;
  /** Every answer; `passing` after the thresholds were applied to it. */
  heard: (answer: ProbeAnswer, passing: boolean, failures: number) => void;
}

const FIRST_PERIOD_MS = 50;
const GROWTH = 1.25;

/** Asks for ever, until the signal is aborted. Not passing at first; kept-up failures and successes change that. */
export async function probeLoop(options: ProbeLoopOptions, signal: AbortSignal): Promise<void> {
  const { probe } = options;
  const periodMs = probe.periodSeconds * 1000;
  let eagerMs = Math.min(FIRST_PERIOD_MS, periodMs);
  let passing = false;
  let passed = false;
  let successes = 0;
  let failures = 0;
  try {
    await sleep(probe.initialDelaySeconds * 1000, undefined, { signal });
    for (;;) {
      const answer = await options.ask(signal).catch(impossible);
      if (signal.aborted) return;
      successes = answer.ok ? successes + 1 : 0;
      failures = answer.ok ? 0 : failures + 1;
      if (successes >= probe.successThreshold) passing = true;
      if (failures >= probe.failureThreshold) passing = false;
      passed ||= passing;
      options.heard(answer, passing, failures);
      const eager = options.eager && !passed && successes === 0;
      await sleep(eager ? eagerMs : periodMs, undefined, { signal });
      eagerMs = Math.min(eagerMs * GROWTH, periodMs);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** A probe that cannot even be asked (a path that HTTP does not allow) fails; it does not end the asking. */
function impossible(error: unknown): ProbeAnswer {
  return {
    ok: false,
    detail: `the probe is not possible: ${error instanceof Error ? error.message : String(error)}`,
  };
}

import { setTimeout as sleep } from 'node:timers/promises';
import { OperatingError } from '../core/errors.ts';
import type { AppObject, AppState, Ms } from '../core/model.ts';
import type { Kube } from '../kubernetes/client.ts';
import { APPS, type AppResource, type AppStatus } from '../kubernetes/crossfade.ts';

const PATIENCE_MS: Ms = 15_000;
const POLL_MS: Ms = 100;

/**
 * Waits until the controller has taken up this generation of an App and decided about it; undefined: it did not within some
 * seconds.
 * @throws OperatingError E_APP_REFUSED when the controller cannot take it up as it is
 */
export async function untilTaken(
  kube: Kube,
  { metadata }: AppResource,
  patienceMs = PATIENCE_MS,
): Promise<{ revision: string } | undefined> {
  const { namespace, name = '', generation = 0 } = metadata;
  const giveUpAt = performance.now() + patienceMs;
  for (;;) {
    const found = await kube.get(APPS, namespace, name);
    const status = found?.status;
    if (status?.object !== undefined && decidedAt(status) >= generation) {
      return { revision: (JSON.parse(status.object) as AppObject).revision.id };
    }
    const refusal = status?.conditions?.find(
      ({ type, status, observedGeneration = 0 }) =>
        type === 'Stalled' && status === 'True' && observedGeneration >= generation,
    );
    if (refusal) throw refusedError(name, refusal.message);
    if (!found || performance.now() > giveUpAt) return undefined;
    await sleep(POLL_MS);
  }
}

/** The generation that the controller has decided about. */
function decidedAt({ state }: AppStatus): number {
  return state === undefined ? 0 : (JSON.parse(state) as AppState).generationSeen;
}

function refusedError(name: string, message: string): OperatingError {
  return new OperatingError(
    'E_APP_REFUSED',
    `App ${name} is stored, and cannot be released as it is: ${message}`,
    {
      hint: 'Correct it and apply it again; what was released before stays as it is.',
    },
  );
}

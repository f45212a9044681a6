import { OperatingError } from '../../core/errors.ts';
import type { AppKey, AppState } from '../../core/model.ts';
import type { StoredEvent } from '../../ports/store.ts';

/**
 * etcd takes requests of 1.5 MB. The texts are quoted once more on the way, and the spec and who owns its fields come on
 * top: the state must stay well below.
 */
const STATE_BYTES = 600_000;
const LOG_BYTES = 150_000;

/** The newest events that fit, as JSON. */
export function logText(events: readonly StoredEvent[], most: number, bytes = LOG_BYTES): string {
  const kept: string[] = [];
  let size = 2;
  for (const { app: _ours, ...event } of events.slice(-most).toReversed()) {
    const text = JSON.stringify(event);
    size += Buffer.byteLength(text) + 1;
    if (size > bytes) break;
    kept.push(text);
  }
  return `[${kept.reverse().join(',')}]`;
}

/**
 * The state as JSON. One that is too large gives up its oldest ended releases first: they are for people to read.
 * @throws OperatingError E_STATE_TOO_LARGE
 */
export function stateText(app: AppKey, state: AppState, bytes = STATE_BYTES): string {
  const { history } = state;
  for (let from = 0; ; from = Math.min(history.length, from + Math.max(1, Math.ceil(history.length / 8)))) {
    const text = JSON.stringify(from === 0 ? state : { ...state, history: history.slice(from) });
    const size = Buffer.byteLength(text);
    if (size <= bytes) return text;
    if (from === history.length) throw tooLarge(app, size, bytes);
  }
}

function tooLarge(app: AppKey, size: number, limit: number): OperatingError {
  return new OperatingError(
    'E_STATE_TOO_LARGE',
    `The state of App ${app} has ${size} bytes, and an object in a cluster has room for ${limit}.`,
    {
      hint: 'Lower revisionHistoryLimit, or shorten the strategy: each stage of a release is part of it.',
      details: { app, size, limit },
    },
  );
}

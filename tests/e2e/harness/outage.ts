/** When the router was told to refuse, by the history of a release. */
import assert from 'node:assert/strict';
import type { EventView } from '../../../src/api/types.ts';

export interface Outage {
  /** Before this nobody was told to refuse. */
  askedToCloseAt: number;
  /** From here on every worker refused ... */
  closedAt: number;
  /** ... until at least here ... */
  askedToOpenAt: number;
  /** ... and from here on none does. */
  openAt: number;
}

/** The declared outage of one release. */
export function outageOf(events: readonly EventView[], release: string, closing = 'refuse'): Outage {
  const own = events.filter((event) => event.release === release);
  const at = (reason: string, start: string) => {
    const event = own.find((one) => one.reason === reason && one.message.startsWith(start));
    assert.ok(event, `release ${release} has no event ${reason} ${start}`);
    return Date.parse(event.at);
  };
  return {
    askedToCloseAt: at('ReleaseStarted', ''),
    closedAt: at('StageRouted', `"${closing}"`),
    askedToOpenAt: at('Stage', '"open"'),
    openAt: at('StageRouted', '"open"'),
  };
}

import type { Ms, RequestRecord, SwitchView } from './types.ts';

/** What counts as "around" a switch, before and after. */
const AROUND_MS = 1000;
/** A revision that answered regularly counts as gone after this many answers of others in a row. */
const GONE_AFTER = 100;
/** The same for one that was seen a few times only: its share may be tiny. */
const GONE_AFTER_RARE = 1000;
const REGULAR = 20;
/** The oldest are forgotten beyond this: a probe may run for months. */
const MAX_SWITCHES = 1000;

/** From the first answer of a revision until it stopped answering. */
interface Episode {
  revision: string;
  answers: number;
  lastAt: Ms;
  /** Position of its last answer among all answers. */
  lastIndex: number;
  longestGap: number;
}

interface Switch {
  from: Episode | null;
  to: Episode;
  firstNewAt: Ms;
  slowestMs: Ms;
  failed: number;
}

/** Finds the moments at which another revision began to answer. */
export interface SwitchTracker {
  /** Returns the switch that this request made visible, if it did. */
  add(record: RequestRecord, latencyMs: Ms): SwitchView | undefined;
  views(): SwitchView[];
}

export function createSwitchTracker(): SwitchTracker {
  const live = new Map<string, Episode>();
  const switches: Switch[] = [];
  const recent: { record: RequestRecord; latencyMs: Ms }[] = [];
  let index = 0;
  let last: Episode | null = null;

  function answerOf(revision: string, at: Ms): Switch | undefined {
    index += 1;
    const known = live.get(revision);
    if (known !== undefined && !isGone(known, index)) {
      known.longestGap = Math.max(known.longestGap, index - known.lastIndex);
      Object.assign(known, { answers: known.answers + 1, lastAt: at, lastIndex: index });
      last = known;
      return undefined;
    }
    const from: Episode | null = last;
    const to: Episode = { revision, answers: 1, lastAt: at, lastIndex: index, longestGap: 1 };
    live.set(revision, to);
    last = to;
    // The first answer of all is no switch: nobody answered before.
    if (from === null) return undefined;
    const found: Switch = { from, to, firstNewAt: at, slowestMs: 0, failed: 0 };
    switches.push(found);
    if (switches.length > MAX_SWITCHES) switches.shift();
    return found;
  }

  return {
    add(record, latencyMs) {
      while (recent[0] !== undefined && recent[0].record.endedAt < record.endedAt - AROUND_MS) recent.shift();
      recent.push({ record, latencyMs });
      for (let k = switches.length - 1; k >= 0; k--) {
        const known = switches[k] as Switch;
        if (known.firstNewAt + AROUND_MS < record.intendedAt) break;
        note(known, record, latencyMs);
      }
      if (record.revision === null) return undefined;
      const found = answerOf(record.revision, record.endedAt);
      if (found === undefined) return undefined;
      for (const before of recent) note(found, before.record, before.latencyMs);
      return view(found);
    },
    views: () => switches.map(view),
  };
}

function isGone(episode: Episode, index: number): boolean {
  const usual = episode.answers < REGULAR ? GONE_AFTER_RARE : GONE_AFTER;
  return index - episode.lastIndex > Math.max(usual, 4 * episode.longestGap);
}

/** Counts a request to a switch when it was open at any time within AROUND_MS of it. */
function note(of: Switch, record: RequestRecord, latencyMs: Ms): void {
  const open = record.intendedAt <= of.firstNewAt + AROUND_MS && record.endedAt >= of.firstNewAt - AROUND_MS;
  if (!open) return;
  of.slowestMs = Math.max(of.slowestMs, latencyMs);
  if (record.failure !== null) of.failed += 1;
}

function view(of: Switch): SwitchView {
  return {
    from: of.from?.revision ?? null,
    to: of.to.revision,
    firstNewAt: of.firstNewAt,
    lastOldAt: of.from?.lastAt ?? null,
    overlapMs: of.from === null ? null : of.from.lastAt - of.firstNewAt,
    slowestMs: of.slowestMs,
    failed: of.failed,
  };
}

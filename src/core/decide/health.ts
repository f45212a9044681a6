import type { Reason, Release, Replica } from '../model.ts';
import { beginAbort } from './abort.ts';
import { type Draft, NO_COUNTS, since } from './draft.ts';

/** Requests after which a candidate that never answered well is given up. */
export const FIRST_REQUESTS = 20;
/** ... or that has let that many wait for this long. */
const HANG_MS = 10_000;
/** Exits before it was ever ready that are still taken for a slow start. */
export const START_ATTEMPTS = 3;

/** Immediate signals, before any statistics: a candidate that shows one of these is not waited for. */
export function watchCandidate(draft: Draft): void {
  const { release } = draft;
  if (release?.phase.kind !== 'advancing') return;
  const candidate = draft.pool('candidate');
  const number = draft.revisionOf(candidate).number;
  for (const replica of draft.standing(candidate)) {
    const reason = complaint(draft, replica, number);
    if (reason) {
      beginAbort(draft, reason);
      return;
    }
  }
  const reason = noSuccess(draft, release, candidate, number);
  if (reason) beginAbort(draft, reason);
}

function complaint(draft: Draft, replica: Replica, number: number): Reason | undefined {
  const who = `revision ${number}, replica ${replica.id}`;
  if (replica.failure) {
    return { code: replica.failure.code, message: `${who} could not be started: ${replica.failure.message}` };
  }
  if ((replica.crashes ?? 0) > 0) {
    return {
      code: 'E_CANDIDATE_CRASHED',
      message: `${who} ${exitOf(replica)} after it had been ready${tail(replica)}`,
    };
  }
  if (!replica.wasReady && replica.restarts >= START_ATTEMPTS) {
    return {
      code: 'E_CANDIDATE_EXITS',
      message: `${who} ${exitOf(replica)} before it was ready, ${replica.restarts} times${tail(replica)}`,
    };
  }
  const routed =
    draft.state.table?.members[replica.pool]?.some((member) => member.replica === replica.id) ?? false;
  // Not ready and not yet asked (after an adoption) is not a complaint; a failed probe is.
  if (replica.wasReady && !replica.ready && routed && replica.lastProbe?.ok === false) {
    return {
      code: 'E_CANDIDATE_UNREADY',
      message: `${who} is no longer ready: ${replica.lastProbe.detail}${tail(replica)}`,
    };
  }
  return undefined;
}

/** "exited with code 3", "was ended by SIGSEGV". */
export function exitOf(replica: Replica): string {
  const exit = replica.lastExit;
  if (!exit) return 'ended';
  return exit.signal ? `was ended by ${exit.signal}` : `exited with code ${exit.code}`;
}

/** Engine's own remarks, blank lines, marks and stack frames: true, and not what the program said about its end. */
const NOT_SAID = /^(crossfade: .*|[\s^~]*|\s+at .*)$/;

/** The last lines that the program itself wrote, for messages. */
export function tail(replica: Replica): string {
  const all = replica.logTail ?? [];
  // Once each, where it was said last: a program that was started three times said it three times.
  const said = [...new Set(all.filter((line) => !NOT_SAID.test(line)).toReversed())].toReversed();
  const lines = (said.length > 0 ? said : all).slice(-3);
  return lines.length > 0 ? `; its last lines: ${lines.map((line) => JSON.stringify(line)).join(' ')}` : '';
}

function noSuccess(draft: Draft, release: Release, candidate: string, number: number): Reason | undefined {
  const { measured } = draft;
  const counts = measured?.perPool[candidate];
  if (!measured || !counts || !release.cutover) return undefined;
  if (release.firstRouted?.epoch !== measured.epoch) {
    release.firstRouted = {
      epoch: measured.epoch,
      counts: release.firstRouted ? counts : NO_COUNTS,
    };
  }
  const first = since(counts, release.firstRouted.counts);
  // Where users are few, marked requests are the first ones; where their answers are not told, they say nothing.
  const told = counts.probesOk !== undefined || counts.probesFailed !== undefined;
  const { probes, probesOk = 0, probesFailed = 0 } = told ? first : NO_COUNTS;
  const sent = first.requests + probes;
  const failed = first.failed + probesFailed;
  if (sent < FIRST_REQUESTS || first.ok + probesOk > 0) return undefined;
  const hangs = draft.now - release.cutover.routeAt >= HANG_MS;
  if (failed >= FIRST_REQUESTS || hangs) {
    const marked = probes > 0 ? `; ${probes} were marked requests of Crossfade itself` : '';
    const message = `revision ${number} answered none of its first ${sent} requests well (${failed} failed${marked})`;
    return { code: 'E_NO_SUCCESS', message };
  }
  // Sent and not answered yet: opening a queue sends many at once.
  draft.wake(release.cutover.routeAt + HANG_MS);
  return undefined;
}

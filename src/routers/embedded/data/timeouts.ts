/** Ends what takes too long on a client connection. Called for each of them several times a second. */
import type { Ms } from '../../../core/model.ts';
import type { ClientConn } from './client.ts';
import { BODY, DEAD, IDLE, WAIT } from './client-states.ts';
import { giveUp } from './dispatch.ts';

export function endIfTooLong(client: ClientConn, now: Ms): void {
  const { limits } = client.plane;
  const age = now - client.stamp;
  if (takesNothing(client, now)) {
    client.destroy();
    return;
  }
  switch (client.state) {
    case DEAD:
      // It may still be reading its last answer.
      if (age > (client.socket.writableLength === 0 ? limits.lingerMs : limits.idleTimeoutMs))
        client.destroy();
      return;
    case IDLE:
      if (client.pending === null) {
        if (age > limits.idleTimeoutMs) client.destroy();
      } else if (age > limits.headTimeoutMs) client.refuseHead(408);
      return;
    case BODY:
      // Paused: the replica does not take the body, and has as long for that as for an answer.
      if (client.socket.isPaused()) endIfUnanswered(client, now - client.stamp);
      else if (age > limits.bodyTimeoutMs) endBody(client);
      return;
    case WAIT:
      if (client.ended && now - client.endedAt > limits.halfClosedMs) client.destroy();
      else endIfUnanswered(client, now - client.waitingSince);
      return;
  }
}

/** A client that reads nothing would hold its replica's connection, and memory, for as long as it likes. */
function takesNothing(client: ClientConn, now: Ms): boolean {
  const unsent = client.socket.writableLength;
  if (unsent === 0 || unsent !== client.unsentBytes) {
    client.unsentBytes = unsent;
    client.unsentSince = now;
    return false;
  }
  return now - client.unsentSince > client.plane.limits.sendTimeoutMs;
}

function endBody(client: ClientConn): void {
  if (client.answered) client.destroy();
  else client.refuseHead(408);
}

function endIfUnanswered(client: ClientConn, age: Ms): void {
  if (client.upstream === null || client.answered) return;
  const limit = client.destination?.app.front?.upstreamTimeoutMs ?? Number.POSITIVE_INFINITY;
  if (age > limit) giveUp(client, 'E_UPSTREAM_TIMEOUT');
}

/** What a client connection is doing. */

/** Between requests, or a head is coming in. */
export const IDLE: number = 0;
/** A request's body is still coming in. */
export const BODY: number = 1;
/** The request is complete; its answer is not. */
export const WAIT: number = 2;
/** Upgraded: bytes pass both ways. */
export const TUNNEL: number = 3;
/** The last answer has been written, or there will be none. */
export const DEAD: number = 4;

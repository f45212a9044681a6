import type { Ms } from '../core/model.ts';

/** Time comes in through here, so that it can be faked for one daemon and simulated for many. */
export interface Clock {
  /** Milliseconds since the Unix epoch; may jump. */
  wall(): Ms;
  /** Milliseconds since some fixed point of this boot; never jumps. */
  monotonic(): Ms;
  /** Identity of this boot of the machine. */
  bootId(): string;
}

/** Calls that come later; they can be simulated, so that days pass in a moment. */
export interface Timers {
  /** @returns takes the call back; harmless when it was made */
  after(ms: Ms, call: () => void): () => void;
}

/** How a version of the simulated App behaves. It is the second word of its command, so a revision tells it itself. */
export const BAD = [
  'exits',
  'never',
  'crashes',
  'unready',
  'errors',
  'hangs',
  'noStart',
  'slow',
  'lingers',
] as const;

/** `slow` and `lingers` are no mistakes: a slow start, and a process that takes its time to end. */
export type Behaviour = 'well' | (typeof BAD)[number];

/** Changes of the core that no test can notice, each with the reason. One that a test notices after all is reported. */
export interface Excuse {
  file: string;
  /** What stands there, and what instead. */
  from: string;
  to: string;
  /** Part of the line, where the same change may be made in several places. */
  line?: string;
  why: string;
}

export const EXCUSED: readonly Excuse[] = [];

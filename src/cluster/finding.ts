export interface Finding {
  name: string;
  status: 'ok' | 'warning' | 'failed';
  /** What was found, in words. */
  found: string;
  /** What to do about it; absent when nothing is to be done. */
  todo?: string;
}

export const ok = (name: string, found: string): Finding => ({ name, status: 'ok', found });

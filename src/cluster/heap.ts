import { setFlagsFromString } from 'node:v8';

/** V8 option of the controller's heap. */
export const HEAP_GROWTH = '--heap-growing-percent=20';

/** The heap grows by a fifth of what lives in it, and not by several times that, before it is cleaned (docs/adr/0035). */
export function keepLittleGarbage(): void {
  setFlagsFromString(HEAP_GROWTH);
}

/** True with CROSSFADE_TEST_FULL=1: every cell is run, however long it takes. */
export const isFullTest = (): boolean => process.env.CROSSFADE_TEST_FULL === '1';

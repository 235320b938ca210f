/**
 * How much of what is drawn at random is tried. Every run draws anew, so half of it does; `npm run test:long` tries the
 * whole.
 */
export const SHARE_OF_RUNS = process.env['GRADLENS_RUNS'] === 'all' ? 1 : 1 / 2;

/** Milliseconds of a test of many kernels: software drivers compile them slowly. */
export const PATIENCE = SHARE_OF_RUNS === 1 ? 3_600_000 : 240_000;

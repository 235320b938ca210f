/** The form of what `decide.ts` reports, for whoever reads it without the kernels. */

/** Vectors of a report. */
export const REPORT_VECTORS = 3;

/**
 * Above which share of a layer map's largest value the shipped nets' objects lie: chosen on the tuning parts of the
 * boxed photos, `--part 1/5,3/5`.
 */
export const SHARE = 0.35;

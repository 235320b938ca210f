/**
 * What photos are like: the 9,103 training photos of Imagenette, values from 0 to 1.
 */
export const PHOTOS = {
  /**
   * Means of R, G and B, and the deviation of all three, of the crops that the shipped ten-class nets were trained on.
   */
  mean: [0.468287, 0.460839, 0.432832],
  std: 0.281289,
  /** Correlations of R, G and B with each other, by `scripts/photoStatistics.mjs`. */
  correlation: [
    [1.0, 0.914, 0.7928],
    [0.914, 1.0, 0.9141],
    [0.7928, 0.9141, 1.0],
  ],
  /** The amplitude of a cosine of frequency f falls as f^−decay, by the same. */
  decay: 1.246,
} as const;

/**
 * Sparseness (Chalasani et al. 2020, "Concise Explanations of Neural Networks using Adversarial Training"): the Gini
 * index of |map|. 0: all pixels have the same value; towards 1: one pixel has all.
 *
 *   G = 1 − 2 Σ_k (v_(k) / ‖v‖₁) · (n − k + ½) / n,   v_(1) ≤ … ≤ v_(n)
 */
export function sparseness(map: Float32Array): number {
  const sorted = Float64Array.from(map, Math.abs).sort();
  const n = sorted.length;
  const sum = sorted.reduce((all, value) => all + value, 0);
  if (sum === 0) return 0;
  return 1 - 2 * sorted.reduce((all, value, k) => all + (value / sum) * ((n - k - 0.5) / n), 0);
}

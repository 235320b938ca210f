/** A picture as a graph: neighbours of like colour hold together. */
import type { Neighbours } from './components';
import { type Grid, PAIR_STEPS } from './maxFlow';

/**
 * The cost of giving neighbours different labels, which is lower where the colour changes:
 *
 *   λ · exp(−β‖I_p − I_q‖²) / ‖p − q‖,   β = 1 / (2⟨‖I_p − I_q‖²⟩)
 *
 * Colours are `[n × 3]`; the result is as `Grid.pairs`.
 */
export function pairCosts(
  colours: ArrayLike<number>,
  width: number,
  height: number,
  lambda: number,
  neighbours: Neighbours,
): Float64Array[] {
  const steps = PAIR_STEPS.slice(0, neighbours / 2);
  let [sum, count] = [0, 0];
  const differences = steps.map(([dx, dy]) => {
    const squares = new Float64Array(width * height);
    for (let y = 0; y < height - dy; y++) {
      for (let x = Math.max(-dx, 0); x < width - Math.max(dx, 0); x++) {
        const [p, q] = [3 * (y * width + x), 3 * ((y + dy) * width + x + dx)];
        const [r, g, b] = [
          colours[p]! - colours[q]!,
          colours[p + 1]! - colours[q + 1]!,
          colours[p + 2]! - colours[q + 2]!,
        ];
        const square = r * r + g * g + b * b;
        squares[p / 3] = square;
        sum += square;
        count++;
      }
    }
    return squares;
  });
  const beta = sum > 0 ? count / (2 * sum) : 0;
  return differences.map((squares, k) => {
    const weight = lambda / Math.hypot(...PAIR_STEPS[k]!);
    return squares.map((square) => weight * Math.exp(-beta * square));
  });
}

/** The grid with some labels fixed: changing one costs more than cutting the pixel off from all its neighbours. */
export function hardened(grid: Grid, isOne: (pixel: number) => boolean, isZero: (pixel: number) => boolean): Grid {
  const dearest =
    1 +
    2 * grid.pairs.reduce((sum, capacities) => sum + capacities.reduce((most, value) => Math.max(most, value), 0), 0);
  return {
    ...grid,
    source: grid.source.map((capacity, i) => (isOne(i) ? dearest : isZero(i) ? 0 : capacity)),
    sink: grid.sink.map((capacity, i) => (isZero(i) ? dearest : isOne(i) ? 0 : capacity)),
  };
}

/** Where an object ends: the level of a map whose border crosses the largest change of features. */
import { type Plane, resizeMap } from '../image/resize';
import { type Features, directionsOf } from './features';
import { PAIR_STEPS } from './maxFlow';

/** Levels that are tried, as shares of the map's largest value: so many, evenly spaced in their logarithms. */
const [LEAST, MOST, LEVELS] = [0.03, 0.5, 25];

/** Before any features are seen: the share where objects usually end, and how dear other ones are. */
export interface Usual {
  readonly share: number;
  readonly dearness: number;
}

/**
 * The value of a map that parts the object from its surroundings. Of the map's level sets it is the one whose border is
 * the clearest to the network: neighbours p, q on either side of it differ most in their features, each at length 1,
 * against all neighbours.
 *
 *   s = argmax ⟨log (⟨‖f_p − f_q‖⟩_border(s) / ⟨‖f_p − f_q‖⟩_all)⟩_layers − κ log²(s / s₀)
 *
 * It is the sweep of a normalised cut, with the class's map in place of an eigenvector for an order.
 */
export function featureBorder(map: Plane, layers: readonly Features[], { share, dearness }: Usual): number {
  const most = map.data.reduce((largest, value) => Math.max(largest, value), 0);
  const shares = Array.from({ length: LEVELS }, (_, k) => LEAST * (MOST / LEAST) ** (k / (LEVELS - 1)));
  const levels = shares.map((part) => part * most);
  const contrasts = layers.map((layer) => contrastsOf(layer, resizeMap(map, layer.width, layer.height), levels));
  const values = shares.map(
    (part, k) =>
      contrasts.reduce((sum, contrast) => sum + contrast[k]!, 0) / layers.length -
      dearness * Math.log(part / share) ** 2,
  );
  return levels[values.indexOf(Math.max(...values))]!;
}

/** What stands for the logarithm of a contrast where a level has no border, or no neighbours differ. */
const NONE = -3;

/** The logarithm of each border's mean difference over that of all neighbours. */
function contrastsOf(layer: Features, salience: Float32Array, levels: readonly number[]): number[] {
  const { width, height, channels: C } = layer;
  const directions = directionsOf(layer);
  /** How many levels each pixel lies above. */
  const above = salience.map((value) => levels.filter((level) => value > level).length);
  const [sums, counts] = [new Float64Array(levels.length), new Float64Array(levels.length)];
  let [whole, pairs] = [0, 0];
  for (const [dx, dy] of PAIR_STEPS) {
    for (let y = 0; y < height - dy; y++) {
      for (let x = Math.max(-dx, 0); x < width - Math.max(dx, 0); x++) {
        const [p, q] = [y * width + x, (y + dy) * width + x + dx];
        let square = 0;
        for (let c = 0; c < C; c++) square += (directions[p * C + c]! - directions[q * C + c]!) ** 2;
        const distance = Math.sqrt(square);
        whole += distance;
        pairs++;
        for (let k = Math.min(above[p]!, above[q]!); k < Math.max(above[p]!, above[q]!); k++) {
          sums[k]! += distance;
          counts[k]!++;
        }
      }
    }
  }
  return levels.map((_, k) => (sums[k]! > 0 ? Math.log(sums[k]! / counts[k]! / (whole / pairs)) : NONE));
}

/** A gradient with its certainty, beside the one without and that of float64. */
import type { Engine } from '../../src/engine';
import type { Graph } from '../../src/graph';
import type { Certainty } from '../../src/options';
import { batchOf } from '../ops/net';
import { relativeL2 } from '../oracle/compare';
import { graphGradient } from '../oracle/network';
import { normals, seededRandom } from '../oracle/random';
import { sizeOf } from '../oracle/tensor';

export interface Compared {
  /** Relative L2, of float64. */
  readonly error: number;
  readonly certainty: Certainty;
  /** Whether the gradient is the one without, to the last bit. */
  readonly same: boolean;
}

/** The first class of each of some items; without any, of random ones, wherever they lie. */
export async function compared(
  engine: Engine,
  graph: Graph,
  items: readonly Float64Array[] = [normals(seededRandom(1), sizeOf(graph.input.extents))],
): Promise<Compared[]> {
  using model = await engine.load(graph, { batch: items.length });
  const images = batchOf(graph, items);
  const plain = await model.inputGradient(images, { class: 0 });
  const { gradient, certainty } = await model.inputGradient(images, { class: 0, certainty: true });
  const size = gradient.length / items.length;
  return items.map((item, n) => {
    const own = gradient.subarray(n * size, (n + 1) * size);
    return {
      error: relativeL2(own, graphGradient(graph, item, { class: 0 }).gradient),
      certainty: certainty![n]!,
      same: own.every((value, i) => Object.is(value, plain.gradient[n * size + i])),
    };
  });
}

/** Whether nothing in a gradient is near a tie: then its bound is of rounding alone. */
export const isPlain = ({ bound, rounding }: Certainty): boolean => bound === rounding;

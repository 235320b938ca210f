/** Parameters on their way to the GPU. */
import { blocksOf } from '../../shaders/kernel';
import { shapeError } from '../shape';
import type { Tensor, Weights } from './op';

/** The named weight, of the given shape. */
export function weightOf(weights: Weights, node: string, name: string, shape: readonly number[]): Float32Array {
  const weight = weights.get(name);
  if (!weight) throw shapeError(node, `its parameter '${name}' is not among the weights`, { name });
  if (weight.shape.length !== shape.length || weight.shape.some((n, k) => n !== shape[k])) {
    throw shapeError(node, `'${name}' is [${weight.shape.join(', ')}], and here it would be [${shape.join(', ')}]`, {
      name,
    });
  }
  return weight.data;
}

/** `[C]` → `[C/4]` of vec4, zero past C; zeros if there is none. */
export function blockedVector(name: string, channels: number, data: Float32Array | null): Tensor {
  const length = blocksOf(channels) * 4;
  return {
    name,
    bytes: length * 4,
    kind: 'weight',
    fill: () => {
      const padded = new Float32Array(length);
      if (data) padded.set(data);
      return padded;
    },
  };
}

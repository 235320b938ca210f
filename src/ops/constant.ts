/** Numbers of the network beside those of the image, on the kernel of `shaders/constant.ts`. */
import { constantForward } from '../../shaders/constant';
import { blocksOf } from '../../shaders/kernel';
import type { Extents } from '../shape';
import { elementwiseDims } from './elementwise';
import { extents, weight } from './fields';
import { type Node, type Tensor, type Weights, variadic } from './op';
import { weightOf } from './parameters';
import type { Triple } from '../shape';

/** The weight `value`, `[C, H, W]`, as a tensor like any other: the same for every item. It reads nothing. */
export interface ConstantNode extends Node<'constant'> {
  readonly value: string;
  readonly extents: Triple;
}

/** Blocks of four channels, as activations lie. */
function blocked({ name, value }: ConstantNode, { C, H, W }: Extents, weights: Weights): Tensor {
  const data = weightOf(weights, name, value, [C, H, W]);
  const length = blocksOf(C) * H * W * 4;
  return {
    name: `${name}.value`,
    bytes: length * 4,
    kind: 'weight',
    fill: () => {
      const packed = new Float32Array(length);
      for (let c = 0; c < C; c++)
        for (let i = 0; i < H * W; i++) packed[((c >> 2) * H * W + i) * 4 + (c & 3)] = data[c * H * W + i]!;
      return packed;
    },
  };
}

export const constant = variadic<ConstantNode>(
  { fewest: 0, most: 0 },
  {
    op: 'constant',
    title: 'constant',
    fields: { value: weight, extents },

    extents(node, _, weights) {
      const [C, H, W] = node.extents;
      weightOf(weights, node.name, node.value, [C, H, W]);
      return { C, H, W };
    },

    forward({ node, batch, y, weights, step }) {
      const kernel = constantForward(elementwiseDims(batch, y), { y });
      return [step(kernel.name, kernel, { value: blocked(node, y, weights), y })];
    },

    backward: () => [],
  },
);

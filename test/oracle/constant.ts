import type { GraphNode } from '../../src/graph';
import { tensor, type Numbers, type Tensor } from './tensor';

export function constantForward(
  { extents: [C, H, W] }: Extract<GraphNode, { op: 'constant' }>,
  value: Numbers,
): Tensor {
  return tensor({ C, H, W }, value);
}

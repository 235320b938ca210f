/** The registry: one line per operator that has kernels. What is missing here, a rewrite removes (`src/compile/`). */
import type { GraphNode } from '../graph';
import { activations } from './activation';
import { averagePool } from './averagePool';
import { concat, flatten, reshape, transpose } from './channels';
import { conv } from './conv';
import { add, affine, batchNorm, multiply, relu } from './elementwise';
import { fullyConnected } from './fullyConnected';
import { image } from './image';
import { lrn } from './lrn';
import { maxPool } from './maxPool';
import type { ImageNode, Op } from './op';
import { expand, pad, reduce, resize, slice } from './separable';

export const ops = {
  image,
  conv,
  fullyConnected,
  relu,
  ...activations,
  maxPool,
  averagePool,
  lrn,
  batchNorm,
  affine,
  add,
  multiply,
  concat,
  flatten,
  reshape,
  transpose,
  slice,
  pad,
  resize,
  expand,
  reduce,
};

/** The operator of a node that has kernels. */
export const opOf = (node: GraphNode | ImageNode): Op<GraphNode | ImageNode> => ops[node.op as keyof typeof ops];

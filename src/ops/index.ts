/** The registry: one line per operator that has kernels. What is missing here, a rewrite removes (`src/compile/`). */
import type { GraphNode } from '../graph';
import { averagePool } from './averagePool';
import { concat, flatten } from './channels';
import { conv } from './conv';
import { add, batchNorm, relu } from './elementwise';
import { fullyConnected } from './fullyConnected';
import { image } from './image';
import { maxPool } from './maxPool';
import type { ImageNode, Op } from './op';

export const ops = { image, conv, fullyConnected, relu, maxPool, averagePool, batchNorm, add, concat, flatten };

/** The operator of a node that has kernels. */
export const opOf = (node: GraphNode | ImageNode): Op<GraphNode | ImageNode> => ops[node.op as keyof typeof ops] as unknown as Op<GraphNode | ImageNode>;

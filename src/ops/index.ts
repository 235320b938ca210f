/** The operator of a node. `registry.ts` has their records; what has no kernels, a rewrite removes (`src/compile/`). */
import { type ImageNode, image } from './image';
import type { NodeOf, Op } from './op';
import { ops } from './registry';

export { ops };

/** A node of any operator that has a record in this folder. */
export type GraphNode = NodeOf<typeof ops>;

/** How a node runs. */
export const opOf = (node: GraphNode | ImageNode): Op<GraphNode | ImageNode> =>
  node.op === 'image' ? image : ops[node.op];

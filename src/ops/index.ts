/** The operator of a node. `registry.ts` has their records; what has no kernels, a rewrite removes (`src/compile/`). */
import { type ImageNode, image } from './image';
import type { NodeOf, Op } from './op';
import { ops } from './registry';
import { type DecideNode, type WatchedPoolNode, decide, watchedPool } from './watched';

export { ops };

/** A node of any operator that has a record in this folder. */
export type GraphNode = NodeOf<typeof ops>;

/** A node that no file holds: rewrites put it there. */
export type InternalNode = ImageNode | DecideNode | WatchedPoolNode;

const internal: { readonly [N in InternalNode as N['op']]: Op<N> } = { image, decide, watchedPool };

/** How a node runs. */
export const opOf = ({ op }: GraphNode | InternalNode): Op<GraphNode | InternalNode> =>
  op in internal ? internal[op as InternalNode['op']] : ops[op as GraphNode['op']];

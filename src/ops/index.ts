/** The operator of a node. `registry.ts` has their records; what has no kernels, a rewrite removes (`src/compile/`). */
import { type ImageNode, image } from './image';
import type { NodeOf, Op } from './op';
import { ops } from './registry';
import type { DecideNode, WatchedPoolNode } from './watched';

export { ops };

/** A node of a graph, of any operator: see the guide on your own model. */
export type GraphNode = NodeOf<typeof ops>;

/** A node that no file holds: rewrites put it there. */
export type InternalNode = ImageNode | DecideNode | WatchedPoolNode;

type Internal = { readonly [N in InternalNode as N['op']]: Op<N> };

/** What few calls need is brought by the rewrite that puts such nodes there, so that nobody else fetches its code. */
let internal: Pick<Internal, 'image'> & Partial<Internal> = { image };

/** Makes nodes known that are not here from the beginning. */
export function bring(records: Partial<Internal>): void {
  internal = { ...internal, ...records };
}

/** How a node runs. */
export const opOf = ({ op }: GraphNode | InternalNode): Op<GraphNode | InternalNode> =>
  op in internal ? internal[op as InternalNode['op']]! : ops[op as GraphNode['op']];

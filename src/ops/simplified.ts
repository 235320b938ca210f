/** The operator that needs no kernel, because `src/compile/simplify.ts` takes it out of every graph. */
import { type Node, rewritten } from './op';

/** Dropout and everything else that does nothing at inference. */
export interface IdentityNode extends Node<'identity'> {}

export const identity = rewritten<IdentityNode>('dropIdentities', {
  op: 'identity',
  title: 'identity (dropout)',
  fields: {},
  extents: (x) => x,
});

/** Operators that need no kernel, because `src/compile/simplify.ts` takes them out of every graph. */
import { type Node, rewritten } from './op';

/** Dropout and everything else that does nothing at inference. */
export interface IdentityNode extends Node<'identity'> {}

/** Over channels. At the end of a graph it only turns scores into probabilities, and the score is taken before it. */
export interface SoftmaxNode extends Node<'softmax'> {}

/** The logarithm of a soft-max, and like it only at the end. */
export interface LogSoftmaxNode extends Node<'logSoftmax'> {}

export const identity = rewritten<IdentityNode>('dropIdentities', {
  op: 'identity',
  title: 'identity (dropout)',
  fields: {},
  extents: (x) => x,
});

export const softmax = rewritten<SoftmaxNode>('takeScore', {
  op: 'softmax',
  title: 'soft-max (at the end)',
  fields: {},
  atTheEnd: true,
  extents: (x) => x,
});

export const logSoftmax = rewritten<LogSoftmaxNode>('takeScore', {
  op: 'logSoftmax',
  title: 'logarithm of a soft-max (at the end)',
  fields: {},
  atTheEnd: true,
  extents: (x) => x,
});

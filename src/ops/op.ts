/** What an operator tells the compiler, and the file formats. */
import type { BackwardEpilogue, ClipLimits } from '../../shaders/epilogue';
import type { Kernel } from '../../shaders/kernel';
import { type Extents, type Weight, shapeError } from '../shape';
import type { Variants } from '../variants/variants';
import type { Fields, Node } from './fields';

export type { Node } from './fields';

/**
 * A node as it is compiled: with `relu`, what it computes is rectified in its epilogue; with `clip`, kept within limits
 * there; with `pooled`, what it computes is max-pooled 2×2 there too, and only the pooled tensor exists.
 */
export type Layer<N> = N & { readonly relu?: true; readonly clip?: ClipLimits; readonly pooled?: true };

/** A piece of GPU memory that a step reads or writes. */
export interface Tensor {
  readonly name: string;
  readonly bytes: number;
  /**
   * `weight` filled once from `fill` · `saved` written forward and read backward · `external` owned by the plan's
   * caller
   * · `transient` everything else.
   */
  readonly kind: 'weight' | 'saved' | 'external' | 'transient';
  readonly fill?: () => Float32Array;
  /** Stored in half precision. */
  readonly half?: true;
}

/**
 * Where an activation or gradient lies: `C×H×W` per item from block `block` of the `blocks` that its storage has per
 * item.
 */
export interface Slice extends Extents {
  readonly storage: Tensor;
  readonly block: number;
  readonly blocks: number;
  /** Of its pixels those of one phase of a stride alone: of which layer's, and which. */
  readonly phase?: { readonly layer: string; readonly number: number };
}

/**
 * One dispatch. `bind` names, for every storage binding of the kernel, its tensor; `rule` and `targets` are bound by
 * the executor.
 */
export interface Step {
  /** `layer.kernel` */
  readonly label: string;
  /** What runs. */
  readonly kernel: Kernel;
  /** @internal */
  readonly bind: Readonly<Record<string, Tensor>>;
  /** @internal Where what is bound lies in its storage, where that is not all of it. */
  readonly places?: Readonly<Record<string, Slice>>;
  /** @internal The steps that run side by side in this one. */
  readonly parts?: readonly Step[];
}

/** What a step binds, by the kernel's names: a slice stands for its storage, and what is not there is left out. */
export type Tensors = Readonly<Record<string, Tensor | Slice | null | undefined>>;

/** One dispatch of a layer, which is labelled `layer.name`. */
export function stepOf(layer: string, name: string, kernel: Kernel, tensors: Tensors): Step {
  const bind: Record<string, Tensor> = {};
  const places: Record<string, Slice> = {};
  for (const [binding, tensor] of Object.entries(tensors)) {
    if (!tensor) continue;
    bind[binding] = 'storage' in tensor ? tensor.storage : tensor;
    if ('storage' in tensor) places[binding] = tensor;
  }
  return { label: `${layer}.${name}`, kernel, bind, places };
}

/** The weights of a graph, by name. */
export type Weights = ReadonlyMap<string, Weight>;

/** A layer in its place. */
export interface Site<N> {
  readonly node: Layer<N>;
  readonly batch: number;
  readonly inputs: readonly Slice[];
  readonly output: Slice;
  /** Where the ReLU bits of the output go; null if nobody asks. They share the output's blocks. */
  readonly bits: Tensor | null;
  /** What is added to a convolution before it is rectified, of its output's extents. */
  readonly addend?: Slice;
  /** Where a host reads the output, NCHW, of an operator that writes there by itself. */
  readonly tap?: Tensor;
  /** Whether input k is rectified. */
  readonly rectified: readonly boolean[];
  readonly weights: Weights;
  /** The largest binding the device takes. */
  readonly bindingBytes: number;
  readonly variants: Variants;
}

/** What the layer gives back to one of its inputs: a part of that tensor's gradient, if others read the tensor too. */
export interface GradientShare {
  /** Which input. */
  readonly k: number;
  readonly dY: Slice;
  readonly dX: Slice;
  readonly epilogue: BackwardEpilogue;
  /** The ReLU bits, or with `unpool` the switches, that the epilogue asks for. */
  readonly kept: Readonly<{ bits?: Tensor; switches?: Tensor }>;
}

/** How an operator runs. */
export interface Op<N> {
  /**
   * Extents of the output.
   * @throws GradlensError `shape` naming the node, the two numbers, and what would be right.
   */
  extents(node: Layer<N>, inputs: readonly Extents[], weights: Weights): Extents;
  forward(site: Site<N>): readonly Step[];
  backward(site: Site<N>, share: GradientShare): readonly Step[];
  /**
   * Whether a single call of its backward kernel computes whole pixels of one layer's input once each, so that the
   * epilogue may store them elsewhere (unpooled, or as the image). Default: no.
   */
  storesOnce?(node: Layer<N>): boolean;
  /** Its forward kernel writes what a host reads of its output, too. Default: no, that takes a dispatch. */
  readonly writesTap?: true;
  /** Its backward kernels read its inputs again, which are then kept for them. Default: no. */
  readonly keepsInputs?: true;
}

/** What is said about an operator: in `model.schema.json`, in README, and in messages. */
export interface Description<N extends Node> {
  readonly op: N['op'];
  /** Its name in words, in lower case and without an article. In brackets: what of it is supported, or other names. */
  readonly title: string;
  readonly fields: Fields<N>;
}

/** An operator is one record: what it is, and how it runs. */
export interface Operator<N extends Node> extends Description<N>, Op<N> {
  readonly arity: Arity;
}

/** How many inputs a node has; `most` may be infinite. */
export interface Arity {
  readonly fewest: number;
  readonly most: number;
}

/** The nodes of all records of a registry. */
export type NodeOf<Registry> = {
  [K in keyof Registry]: Registry[K] extends Operator<infer N> ? N : never;
}[keyof Registry];

// ── arity: the inputs of an operator have names ──

interface OneInput {
  readonly x: Slice;
  /** Whether x is rectified. */
  readonly rectified: boolean;
}
interface TwoInputs {
  readonly a: Slice;
  readonly b: Slice;
}
interface ManyInputs {
  readonly inputs: readonly Slice[];
}

/** A step of this layer. The epilogue's bindings (ReLU bits, switches) need not be named. */
type MakeStep = (name: string, kernel: Kernel, tensors: Tensors) => Step;

/** A layer in its place, by the names of its inputs. */
export type Placed<N, Inputs> = Omit<Site<N>, 'inputs' | 'output' | 'rectified'> & Inputs & { readonly y: Slice };
export type Forward<N, Inputs> = Placed<N, Inputs> & { readonly step: MakeStep };
/** `dX` is the gradient of input `of`, or of input `k`. */
export type Backward<N, Inputs, Which> = Placed<N, Inputs> &
  Omit<GradientShare, 'k'> &
  Which & { readonly step: MakeStep };

export type OnePlaced<N> = Placed<N, OneInput>;
export type OneForward<N> = Forward<N, OneInput>;
export type OneBackward<N> = Backward<N, OneInput, unknown>;
export type TwoForward<N> = Forward<N, TwoInputs>;
export type TwoBackward<N> = Backward<N, TwoInputs, { readonly of: 'a' | 'b' }>;
export type ManyForward<N> = Forward<N, ManyInputs>;
export type ManyBackward<N> = Backward<N, ManyInputs, { readonly k: number }>;

type Definition<N extends Node, Given, Forward, Backward> = Description<N> &
  Pick<Op<N>, 'storesOnce' | 'keepsInputs' | 'writesTap'> & {
    /** As in {@link Op}, but the inputs have names. */
    extents(node: Layer<N>, inputs: Given, weights: Weights): Extents;
    forward(site: Forward): readonly Step[];
    backward(site: Backward): readonly Step[];
  };

/** An operator of one input, `x`. */
export function unary<N extends Node>(definition: Definition<N, Extents, OneForward<N>, OneBackward<N>>): Operator<N> {
  return {
    ...definition,
    arity: { fewest: 1, most: 1 },
    extents: (node, inputs, weights) => definition.extents(node, one(node, inputs), weights),
    forward: (site) => definition.forward({ ...site, ...oneInput(site), ...forwardOf(site) }),
    backward: (site, share) =>
      definition.backward({ ...site, ...oneInput(site), ...share, ...backwardOf(site, share) }),
  };
}

/** An operator of two inputs, `a` and `b`. */
export function binary<N extends Node>(
  definition: Definition<N, { readonly a: Extents; readonly b: Extents }, TwoForward<N>, TwoBackward<N>>,
): Operator<N> {
  return {
    ...definition,
    arity: { fewest: 2, most: 2 },
    extents: (node, inputs, weights) => definition.extents(node, two(node, inputs), weights),
    forward: (site) => definition.forward({ ...site, ...two(site.node, site.inputs), ...forwardOf(site) }),
    backward: (site, share) =>
      definition.backward({
        ...site,
        ...two(site.node, site.inputs),
        ...share,
        ...backwardOf(site, share),
        of: share.k === 0 ? 'a' : 'b',
      }),
  };
}

/** An operator of several `inputs`: at least `fewest`, at most `most`. */
export function variadic<N extends Node>(
  { fewest, most = Infinity }: { readonly fewest: number; readonly most?: number },
  definition: Definition<N, readonly Extents[], ManyForward<N>, ManyBackward<N>>,
): Operator<N> {
  return {
    ...definition,
    arity: { fewest, most },
    extents: (node, inputs, weights) => definition.extents(node, checkArity(node, inputs, { fewest, most }), weights),
    forward: (site) => definition.forward({ ...site, ...forwardOf(site) }),
    backward: (site, share) => definition.backward({ ...site, ...share, ...backwardOf(site, share) }),
  };
}

/** An operator of one input without kernels: `by` names the rewrite in `src/compile/` that takes its nodes out. */
export function rewritten<N extends Node>(
  by: string,
  definition: Description<N> & { extents(x: Extents): Extents },
): Operator<N> {
  const refuse = ({ node }: { readonly node: Node }): never => {
    throw new Error(`${node.name}: ${by} should have taken this ${node.op} out`);
  };
  return {
    ...definition,
    arity: { fewest: 1, most: 1 },
    extents: (node, inputs) => definition.extents(one(node, inputs)),
    forward: refuse,
    backward: refuse,
  };
}

const forwardOf = <N extends Node>({ node, output, bits }: Site<N>) => ({
  y: output,
  step: ((name, kernel, tensors) => stepOf(node.name, name, kernel, { ...tensors, bits })) satisfies MakeStep,
});

const backwardOf = <N extends Node>({ node, output }: Site<N>, { kept }: GradientShare) => ({
  y: output,
  step: ((name, kernel, tensors) => stepOf(node.name, name, kernel, { ...tensors, ...kept })) satisfies MakeStep,
});

const oneInput = <N extends Node>({ node, inputs, rectified }: Site<N>): OneInput => ({
  x: one(node, inputs),
  rectified: rectified[0] === true,
});

function one<T>(node: Node, inputs: readonly T[]): T {
  const [x] = checkArity(node, inputs, { fewest: 1, most: 1 });
  return x as T;
}

function two<T>(node: Node, inputs: readonly T[]): { readonly a: T; readonly b: T } {
  const [a, b] = checkArity(node, inputs, { fewest: 2, most: 2 });
  return { a: a as T, b: b as T };
}

/** @throws GradlensError `shape` where a node has more or fewer inputs than its operator takes. */
function checkArity<T>(node: Node, inputs: readonly T[], { fewest, most }: Arity): readonly T[] {
  if (inputs.length >= fewest && inputs.length <= most) return inputs;
  const right = most === fewest ? `${most}` : most === Infinity ? `${fewest} or more` : `${fewest} to ${most}`;
  throw shapeError(node.name, `reads ${inputs.length} tensors; ${node.op} takes ${right}`, { inputs: inputs.length });
}

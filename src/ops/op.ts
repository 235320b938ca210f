/** What an operator tells the compiler. */
import type { BackwardEpilogue } from '../../shaders/epilogue';
import type { Kernel } from '../../shaders/kernel';
import type { Extents, GraphNode, Pads, Pair, Weight } from '../graph';
import type { Variants } from '../variants/variants';

/**
 * The way in, put before the first layer: pixels become blocks and, with a stride, space becomes depth (see
 * `shaders/image.ts`). The only node that no file holds.
 */
export interface ImageNode {
  readonly op: 'image';
  readonly name: string;
  readonly inputs: readonly string[];
  readonly stride: Pair;
  readonly pads: Pads;
  /** Rows and columns of cells. */
  readonly cells: Pair;
}

/**
 * A node as it is compiled: with `relu`, what it computes is rectified in its epilogue; with `pooled`, what it computes
 * is max-pooled 2×2 there too, and only the pooled tensor exists.
 */
export type Layer<N = GraphNode | ImageNode> = N & { readonly relu?: true; readonly pooled?: true };

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
}

/**
 * One dispatch. `bind` names, for every storage binding of the kernel, its tensor; `rule` and `targets` are bound by
 * the executor.
 */
export interface Step {
  readonly label: string;
  readonly kernel: Kernel;
  readonly bind: Readonly<Record<string, Tensor>>;
}

/** A layer in its place. */
export interface Site<N> {
  readonly node: Layer<N>;
  readonly batch: number;
  readonly inputs: readonly Slice[];
  readonly output: Slice;
  /** Where the ReLU bits of the output go; null if nobody asks. They share the output's blocks. */
  readonly bits: Tensor | null;
  /** Whether input k is rectified. */
  readonly rectified: readonly boolean[];
  readonly weights: ReadonlyMap<string, Weight>;
  /** The largest binding the device takes. */
  readonly bindingBytes: number;
  readonly variants: Variants;
}

/** The share that one input receives of its gradient. */
export interface Share {
  /** Which input. */
  readonly k: number;
  readonly dY: Slice;
  readonly dX: Slice;
  readonly epilogue: BackwardEpilogue;
  /** The ReLU bits, or with `unpool` the switches, that the epilogue asks for. */
  readonly kept: Readonly<{ bits?: Tensor; switches?: Tensor }>;
}

export interface Op<N> {
  /**
   * Extents of the output.
   * @throws GradlensError `shape` naming the node, the two numbers, and what would be right.
   */
  extents(node: Layer<N>, inputs: readonly Extents[], weights: ReadonlyMap<string, Weight>): Extents;
  forward(site: Site<N>): readonly Step[];
  backward(site: Site<N>, share: Share): readonly Step[];
  /**
   * Whether a single call of its backward kernel computes whole pixels of one layer's input once each, so that the
   * epilogue may store them elsewhere (unpooled, or as the image). Default: no.
   */
  storesOnce?(node: Layer<N>): boolean;
  /** Its backward kernels read its inputs again, which are then kept for them. Default: no. */
  readonly keepsInputs?: true;
}

/** The binding of the ReLU bits, for steps that have it. */
export const bitsBinding = (bits: Tensor | null): Readonly<Record<string, Tensor>> => (bits ? { bits } : {});

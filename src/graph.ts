/**
 * The Graph: a ConvNet as pure data. Nodes are in topological order, each writes one tensor, and the tensor bears the
 * node's name. Shapes leave the batch out: every tensor is `C×H×W`, a vector of F elements is `F×1×1`.
 */
import { GradlensError } from './errors';

/** Extents of one item of a tensor: channels, height, width. */
export interface Extents {
  readonly C: number;
  readonly H: number;
  readonly W: number;
}

/** `[y, x]` */
export type Pair = readonly [y: number, x: number];
/** `[top, left, bottom, right]`, ONNX's order. */
export type Pads = readonly [top: number, left: number, bottom: number, right: number];

/** A sliding window. Absent fields mean stride 1, no padding, dilation 1. */
export interface Window {
  readonly kernel: Pair;
  readonly stride?: Pair;
  readonly pads?: Pads;
  readonly dilation?: Pair;
}

interface NodeBase<Op extends string> {
  readonly op: Op;
  /** Unique in its graph; also the name of the tensor that the node writes. */
  readonly name: string;
  /** Names of nodes, or of the graph's input. */
  readonly inputs: readonly string[];
}

/** Cross-correlation, as in every ConvNet framework. `weight`: `[O, C/groups, R, S]`; `bias`: `[O]`. */
export interface ConvNode extends NodeBase<'conv'>, Window {
  readonly groups?: number;
  readonly weight: string;
  readonly bias?: string;
}
/** `weight`: `[out, in]`, where `in` counts the input in C, H, W order; `bias`: `[out]`. Takes any `C×H×W`: flattening is implied. */
export interface FullyConnectedNode extends NodeBase<'fullyConnected'> {
  readonly weight: string;
  readonly bias?: string;
}
export interface ReluNode extends NodeBase<'relu'> {}
/** Padding never wins. `ceil`: a last, partial window counts, provided that it starts inside the input or its leading padding. */
export interface MaxPoolNode extends NodeBase<'maxPool'>, Window {
  readonly ceil?: boolean;
}
/** Each window divides by its own count: all its taps within the padded input if `countPadding`, else only those inside the input. */
export interface AveragePoolNode extends NodeBase<'averagePool'>, Window {
  readonly ceil?: boolean;
  readonly countPadding?: boolean;
}
export interface GlobalAveragePoolNode extends NodeBase<'globalAveragePool'> {}
/** Inference form: `y = (x − mean) / √(variance + epsilon) · scale + bias`, all four `[C]`. */
export interface BatchNormNode extends NodeBase<'batchNorm'> {
  readonly scale: string;
  readonly bias: string;
  readonly mean: string;
  readonly variance: string;
  readonly epsilon: number;
}
/** `C×H×W → (C·H·W)×1×1`, in C, H, W order. */
export interface FlattenNode extends NodeBase<'flatten'> {}
/** Along channels; any number of inputs. */
export interface ConcatNode extends NodeBase<'concat'> {}
/** Element-wise sum of two or more inputs of one shape. */
export interface AddNode extends NodeBase<'add'> {}
/** Dropout and everything else that does nothing at inference. */
export interface IdentityNode extends NodeBase<'identity'> {}
/** Over channels. At the end of a graph it only turns scores into probabilities, and the score is taken before it. */
export interface SoftmaxNode extends NodeBase<'softmax'> {}

export type GraphNode =
  | ConvNode
  | FullyConnectedNode
  | ReluNode
  | MaxPoolNode
  | AveragePoolNode
  | GlobalAveragePoolNode
  | BatchNormNode
  | FlattenNode
  | ConcatNode
  | AddNode
  | IdentityNode
  | SoftmaxNode;

/** A parameter, row-major. */
export interface Weight {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export interface Graph {
  readonly name: string;
  readonly input: { readonly name: string; readonly extents: Extents };
  readonly nodes: readonly GraphNode[];
  /** The tensor of the class scores. */
  readonly output: string;
  readonly weights: ReadonlyMap<string, Weight>;
}

/** How a picture becomes the network's input: `(pixel · scale − mean) / std` per channel, pixel in 0…255. */
export interface InputSpec {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  readonly order: 'RGB' | 'BGR';
  readonly scale: number;
  /** One per channel, in `order`. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** squash: both sides to size · crop: the largest centred part of the right aspect · pad: the whole picture, the rest at the mean. */
  readonly resize: 'squash' | 'crop' | 'pad';
}

/** Customs of preparing pictures, by name: see `formats/preparation.ts`. */
export type PresetName = 'torchvision' | 'caffe-bgr' | 'unit' | 'signed';

/** What a file that does not say how pictures are prepared lets one suppose: a guess, to be shown and overruled. */
export interface PreparationGuess {
  readonly prep: PresetName;
  /** What in the file suggests it, or that nothing does; a clause for people. */
  readonly reason: string;
}

/** What a model file holds: the graph, and what a graph does not say. */
export interface ModelFile {
  readonly graph: Graph;
  /** Absent where the file does not say (ONNX). */
  readonly input?: InputSpec;
  /** Only where `input` is absent. */
  readonly guess?: PreparationGuess;
  /** Names of the classes, in score order; empty where unknown. */
  readonly labels: readonly string[];
  readonly provenance: Readonly<Record<string, unknown>>;
}

/**
 * What follows a tensor, as a graph that takes it as input.
 *
 * @throws GradlensError `shape` if something after the tensor also reads what came before it
 */
export function graphAfter(graph: Graph, tensor: string, extents: Extents): Graph {
  const after = new Set([tensor]);
  const nodes = graph.nodes.filter(({ name, inputs }) => inputs.some((input) => after.has(input)) && after.add(name));
  const around = nodes.find(({ inputs }) => !inputs.every((input) => after.has(input)));
  if (around || !after.has(graph.output) || graph.output === tensor) {
    throw new GradlensError('shape', around ? `${around.name} goes around '${tensor}': it also reads what comes before it` : `the scores '${graph.output}' do not come after '${tensor}'`, { tensor });
  }
  return { ...graph, input: { name: tensor, extents }, nodes };
}

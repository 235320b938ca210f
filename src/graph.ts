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

/** One number per axis, `[C, H, W]`. */
export type Triple = readonly [c: number, h: number, w: number];
export type Axis = 'C' | 'H' | 'W';

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
/**
 * `weight`: `[out, in]`, where `in` counts the input in C, H, W order; `bias`: `[out]`. Takes any `C×H×W`: flattening
 * is implied.
 */
export interface FullyConnectedNode extends NodeBase<'fullyConnected'> {
  readonly weight: string;
  readonly bias?: string;
}
/**
 * `max(x, 0)`, with derivative 0 at 0. The ReLU rules of the paper's rivals (deconvnet, guided) change this node alone,
 * none of those below.
 */
export interface ReluNode extends NodeBase<'relu'> {}
/**
 * `min(max(x, min), max)`, an absent limit being none. Derivative 1 strictly between the limits, 0 at them: ReLU6 is
 * flat at 0 and at 6.
 */
export interface ClipNode extends NodeBase<'clip'> {
  readonly min?: number;
  readonly max?: number;
}
/** `x` if x > 0, else `slope · x`; the derivative at 0 is the slope. */
export interface LeakyReluNode extends NodeBase<'leakyRelu'> {
  readonly slope: number;
}
/** A leaky ReLU with a slope per channel, `[C]`. */
export interface PReluNode extends NodeBase<'prelu'> {
  readonly slope: string;
}
/** `x` if x > 0, else `alpha · (exp(x) − 1)`; the derivative at 0 is alpha. */
export interface EluNode extends NodeBase<'elu'> {
  readonly alpha: number;
}
export interface SigmoidNode extends NodeBase<'sigmoid'> {}
/** `min(max(alpha · x + beta, 0), 1)`, flat where it meets 0 and 1. */
export interface HardSigmoidNode extends NodeBase<'hardSigmoid'> {
  readonly alpha: number;
  readonly beta: number;
}
/** `x · min(max(x / 6 + 1/2, 0), 1)`; its derivative is 0 at −3 and 1 at 3. */
export interface HardSwishNode extends NodeBase<'hardSwish'> {}
/** `x / (1 + exp(−x))`, also called SiLU. */
export interface SwishNode extends NodeBase<'swish'> {}
/** `√x`, of what is not negative. Its derivative at 0, which is infinite, counts as 0. */
export interface SqrtNode extends NodeBase<'sqrt'> {}
/** `1 / x`, of what is not 0. */
export interface ReciprocalNode extends NodeBase<'reciprocal'> {}
/**
 * Padding never wins. `ceil`: a last, partial window counts, provided that it starts inside the input or its leading
 * padding.
 */
export interface MaxPoolNode extends NodeBase<'maxPool'>, Window {
  readonly ceil?: boolean;
}
/**
 * Each window divides by its own count: all its taps within the padded input if `countPadding`, else only those inside
 * the input.
 */
export interface AveragePoolNode extends NodeBase<'averagePool'>, Window {
  readonly ceil?: boolean;
  readonly countPadding?: boolean;
}
export interface GlobalAveragePoolNode extends NodeBase<'globalAveragePool'> {}
/** A tie goes to the first maximum in row-major order. */
export interface GlobalMaxPoolNode extends NodeBase<'globalMaxPool'> {}
/**
 * Local response normalization across channels: `y[c] = x[c] / (k + alpha / size · Σ x[c′]²)^beta`, with c′ from
 * `c − ⌊(size − 1)/2⌋` to `c + ⌈(size − 1)/2⌉`, as far as there are channels.
 */
export interface LrnNode extends NodeBase<'lrn'> {
  readonly size: number;
  readonly alpha: number;
  readonly beta: number;
  readonly k: number;
}
/** `y = x · scale + bias`, each either `[C]` or `[C, H, W]`; an absent scale is 1, an absent bias 0. */
export interface AffineNode extends NodeBase<'affine'> {
  readonly scale?: string;
  readonly bias?: string;
}
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
/** The same numbers, in C, H, W order, under other extents. */
export interface ReshapeNode extends NodeBase<'reshape'> {
  readonly extents: Triple;
}
/** Axis k of the result is axis `order[k]` of the input. */
export interface TransposeNode extends NodeBase<'transpose'> {
  readonly order: readonly [Axis, Axis, Axis];
}
/** Along each axis `y[i] = x[begin + i · step]`, for `extents` of them; a step may be negative, and is never 0. */
export interface SliceNode extends NodeBase<'slice'> {
  readonly begin: Triple;
  readonly step?: Triple;
  readonly extents: Triple;
}
/**
 * Adds `before` and `after` elements along each axis. `constant`: of `value` (0 if absent) · `edge`: copies of the
 * outermost element · `reflect`: the elements inside it, in mirror image.
 */
export interface PadNode extends NodeBase<'pad'> {
  readonly before: Triple;
  readonly after: Triple;
  readonly mode: 'constant' | 'edge' | 'reflect';
  readonly value?: number;
}
/**
 * Each plane drawn anew on `[H, W]` pixels. Pixel i of an axis lies at x of the input's: with o and n the extents of
 * input and output, and s = `scale` (n / o if absent):
 *
 *   half-pixel (i + ½)/s − ½ · pytorch-half-pixel the same, but 0 if n = 1 · half-pixel-symmetric the same, and (o −
 *   n/s)/2 more ·
 *   tensorflow-half-pixel (i + ½)/s · asymmetric i/s · align-corners i·(o − 1)/(n − 1)
 *
 * `nearest` takes one pixel, by `rounding` (a half goes down with `round-prefer-floor`, up with `round-prefer-ceil`);
 * `linear` the two round x; `cubic` the four round x, by the convolution kernel of Keys (1981) with parameter
 * `coefficient` (−0.75 if absent). Pixels outside are those at the edge.
 */
export interface ResizeNode extends NodeBase<'resize'> {
  readonly size: Pair;
  readonly scale?: Pair;
  readonly mode: 'nearest' | 'linear' | 'cubic';
  readonly coordinates:
    | 'half-pixel'
    | 'pytorch-half-pixel'
    | 'half-pixel-symmetric'
    | 'tensorflow-half-pixel'
    | 'asymmetric'
    | 'align-corners';
  readonly rounding?: 'floor' | 'ceil' | 'round-prefer-floor' | 'round-prefer-ceil';
  readonly coefficient?: number;
}
/** Copies along each axis whose extent is 1 and is to be more. */
export interface ExpandNode extends NodeBase<'expand'> {
  readonly extents: Triple;
}
/** Mean or sum along the axes, whose extents become 1. */
export interface ReduceNode extends NodeBase<'reduce'> {
  readonly kind: 'mean' | 'sum';
  readonly axes: readonly Axis[];
}
/** Along channels; any number of inputs. */
export interface ConcatNode extends NodeBase<'concat'> {}
/** Element-wise sum of two or more inputs of one shape. */
export interface AddNode extends NodeBase<'add'> {}
/** Element-wise product of two inputs of one shape. */
export interface MultiplyNode extends NodeBase<'multiply'> {}
/** Dropout and everything else that does nothing at inference. */
export interface IdentityNode extends NodeBase<'identity'> {}
/** Over channels. At the end of a graph it only turns scores into probabilities, and the score is taken before it. */
export interface SoftmaxNode extends NodeBase<'softmax'> {}
/** The logarithm of a soft-max, and like it only at the end. */
export interface LogSoftmaxNode extends NodeBase<'logSoftmax'> {}

export type GraphNode =
  | ConvNode
  | FullyConnectedNode
  | ReluNode
  | ClipNode
  | LeakyReluNode
  | PReluNode
  | EluNode
  | SigmoidNode
  | HardSigmoidNode
  | HardSwishNode
  | SwishNode
  | SqrtNode
  | ReciprocalNode
  | MaxPoolNode
  | AveragePoolNode
  | GlobalAveragePoolNode
  | GlobalMaxPoolNode
  | LrnNode
  | BatchNormNode
  | AffineNode
  | FlattenNode
  | ReshapeNode
  | TransposeNode
  | SliceNode
  | PadNode
  | ResizeNode
  | ExpandNode
  | ReduceNode
  | ConcatNode
  | AddNode
  | MultiplyNode
  | IdentityNode
  | SoftmaxNode
  | LogSoftmaxNode;

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
  /**
   * squash: both sides to size · crop: the largest centred part of the right aspect · pad: the whole picture, the rest
   * at the mean.
   */
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
    throw new GradlensError(
      'shape',
      around
        ? `${around.name} goes around '${tensor}': it also reads what comes before it`
        : `the scores '${graph.output}' do not come after '${tensor}'`,
      { tensor },
    );
  }
  return { ...graph, input: { name: tensor, extents }, nodes };
}

/**
 * A network whose decisions are watched: ReLUs, clips and max-pools stand by themselves and look at their margins. It
 * computes the same gradient to the last bit.
 *
 * How large an error reaches a tensor is a model that was calibrated, not proved: against float64, the root mean square
 * error of a layer's numbers was 0.7 to 2.9 times u·√L times the root mean square of the layer, in each of the 26
 * convolutions of SqueezeNet 1.1 for six photos, with u half a unit in the last place and L the number of sums on the
 * way there. Errors grow as a random walk does, since rounding goes either way. So three times that is what is called
 * undecided, and `REACH` times as much is what counts in the bound.
 */
import type { ClipLimits } from '../../shaders/epilogue';
import { type Layer, type Network, type Rewrite, upstreamOf } from './network';
import { bring } from '../ops';
import { decide, watchedPool } from '../ops/watched';
import { fullWindow } from '../shape';
import type { Step, Tensor } from '../ops/op';

bring({ decide, watchedPool });

/** Half a unit in the last place of 1: of numbers in float32, and of those stored in half precision. */
export const UNIT = { f32: 2 ** -24, f16: 2 ** -11 } as const;

/** The root mean square error of a tensor, over u·√L times its root mean square: the largest that was measured. */
const GROWTH = 3;
/** A difference of two such numbers, and rectified ones, whose root mean square is smaller: √2 each. */
const POOL = 2;
/**
 * The rounding of a gradient whose decisions are right, over u·√L with L all sums there and back: seven times the most
 * that it was in 200 random nets, and a hundred times the tenth part of them that was the most exact.
 */
const ROUNDING = 16;

/** What adds nothing up, and so rounds nothing. */
const MOVES =
  'image relu clip maxPool concat flatten reshape transpose permute pad slice expand gather take identity constant';
/** What has a slope that does not jump. */
const SMOOTH =
  'conv convTranspose fullyConnected batchNorm affine add multiply subtract averagePool reduce resize cumulate ' +
  'normalize lrn matMul softmax logSoftmax sigmoid tanh swish gelu geluTanh erf softplus mish exp sin cos square';

const isMove = ({ op }: Layer): boolean => MOVES.split(' ').includes(op);
const isKnown = (layer: Layer): boolean =>
  layer.op === 'clip' ? limitsOf(layer) !== null : isMove(layer) || SMOOTH.split(' ').includes(layer.op);

/** Of a ReLU, and of a clip at which zero stays zero, as lanes past the last channel are. */
function limitsOf(layer: Layer): ClipLimits | null {
  if (layer.op === 'relu') return { min: 0, max: Infinity };
  if (layer.op !== 'clip') return null;
  const { min = -Infinity, max = Infinity } = layer;
  return min <= 0 && max >= 0 ? { min, max } : null;
}

/**
 * Pixels of the input that a pixel of a tensor depends on: from `begin` on, `step` apart, `size` of them; along y
 * and x.
 */
export interface Field {
  readonly begin: readonly [number, number];
  readonly step: readonly [number, number];
  readonly size: readonly [number, number];
}

/** Decisions of one layer, and where they are reported. */
export interface Watch {
  /** By the tensor that the layer writes. */
  readonly tensor: string;
  /** Of its plane. */
  readonly width: number;
  /** What its pixels see; null: all of the picture. */
  readonly field: Field | null;
  readonly report: Tensor;
}

/** What is watched, and what cannot be. */
export interface Watched {
  readonly watches: readonly Watch[];
  /** Layers whose slope may jump by other rules. */
  readonly unwatched: readonly string[];
  /** Of the relative error of a gradient: what rounding alone makes of it. */
  readonly rounding: number;
}

/** In place of `fuseRelu` and `fusePool`. */
export const watch =
  (unit: number): Rewrite =>
  (network) => {
    const depths = depthsOf(network);
    const copied = copiedIn(network);
    const layers = network.layers.map((layer): Layer => {
      const tolerance = GROWTH * unit * Math.sqrt(Math.max(1, depths.get(layer.name)!));
      const { name, inputs } = layer;
      const limits = limitsOf(layer);
      if (limits) return { op: 'decide', name, inputs, ...limits, tolerance };
      if (layer.op !== 'maxPool') return layer;
      return { ...layer, op: 'watchedPool', tolerance: POOL * tolerance, copies: copied.has(inputs[0]!) };
    });
    return { ...network, layers };
  };

/** What takes equal numbers of a channel to equal ones. */
const ALIKE = 'relu clip batchNorm maxPool concat identity'.split(' ');

/** Tensors in which one number may stand several times, since windows that overlap have it in common. */
function copiedIn({ layers }: Network): ReadonlySet<string> {
  const copied = new Set<string>();
  for (const layer of layers) {
    const { kernel, stride } = layer.op === 'maxPool' ? fullWindow(layer) : { kernel: [0], stride: [0] };
    const overlaps = kernel.some((taps, axis) => taps > stride[axis]!);
    if (overlaps || (ALIKE.includes(layer.op) && layer.inputs.some((name) => copied.has(name)))) copied.add(layer.name);
  }
  return copied;
}

/** The most sums on the way to each tensor. */
function depthsOf({ layers, input }: Network): ReadonlyMap<string, number> {
  const depths = new Map([[input.name, 0]]);
  for (const layer of layers) {
    const before = Math.max(0, ...layer.inputs.map((name) => depths.get(name)!));
    depths.set(layer.name, before + (isMove(layer) ? 0 : 1));
  }
  return depths;
}

/** What the steps of a network report, of the network before anything was rewritten into `watch`. */
export function watchedIn(before: Network, unit: number, backward: readonly Step[]): Watched {
  const fields = fieldsOf(before);
  const needed = upstreamOf(before, [before.output]);
  const depth = depthsOf(before).get(before.output)!;
  return {
    watches: backward.flatMap(({ label, bind, kernel }): Watch[] => {
      const { report } = bind;
      if (!report) return [];
      const tensor = label.slice(0, label.lastIndexOf('.'));
      const width = kernel.dims['Q'] ?? kernel.dims['W']!;
      return [{ tensor, width, field: fields.get(tensor) ?? null, report }];
    }),
    unwatched: before.layers.filter((layer) => needed.has(layer.name) && !isKnown(layer)).map(({ name }) => name),
    rounding: ROUNDING * unit * Math.sqrt(Math.max(1, 2 * depth)),
  };
}

const WINDOWED = ['conv', 'maxPool', 'averagePool'];
const POINTWISE = 'relu clip affine batchNorm add multiply concat sigmoid tanh swish gelu subtract identity'.split(' ');

/** Of the tensors whose pixels see a rectangle. */
function fieldsOf({ input, layers }: Network): ReadonlyMap<string, Field> {
  const fields = new Map<string, Field>([[input.name, { begin: [0, 0], step: [1, 1], size: [1, 1] }]]);
  for (const layer of layers) {
    const before = layer.inputs.map((name) => fields.get(name));
    const [first] = before;
    if (!first || before.some((field) => !field || `${field.step}` !== `${first.step}`)) continue;
    const seen = before.map((field) => field!).reduce(around);
    if (POINTWISE.includes(layer.op)) fields.set(layer.name, seen);
    else if (WINDOWED.includes(layer.op))
      fields.set(layer.name, through(layer as Parameters<typeof fullWindow>[0], seen));
  }
  return fields;
}

/** What two fields see together. */
function around(a: Field, b: Field): Field {
  const both = <T>(make: (axis: 0 | 1) => T): readonly [T, T] => [make(0), make(1)];
  const begin = both((k) => Math.min(a.begin[k], b.begin[k]));
  const size = both((k) => Math.max(a.begin[k] + a.size[k], b.begin[k] + b.size[k]) - begin[k]);
  return { begin, step: a.step, size };
}

/** What a window sees whose taps see that. */
function through(window: Parameters<typeof fullWindow>[0], { begin, step, size }: Field): Field {
  const { kernel, stride, pads, dilation } = fullWindow(window);
  const both = (make: (axis: 0 | 1) => number): readonly [number, number] => [make(0), make(1)];
  return {
    begin: both((k) => begin[k] - pads[k] * step[k]),
    step: both((k) => step[k] * stride[k]),
    size: both((k) => size[k] + (kernel[k] - 1) * dilation[k] * step[k]),
  };
}

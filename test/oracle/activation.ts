import type { GraphNode } from '../../src/graph';
import type { Numbers, Tensor } from './tensor';

/** A function of one number, and its derivative; at a kink, the one that `src/graph.ts` promises. */
interface Curve {
  readonly value: (x: number) => number;
  readonly slope: (x: number) => number;
}

const logistic = (x: number): number => 1 / (1 + Math.exp(-x));

type CurveNode = Extract<
  GraphNode,
  { op: 'clip' | 'leakyRelu' | 'elu' | 'sigmoid' | 'hardSigmoid' | 'hardSwish' | 'swish' | 'sqrt' | 'reciprocal' }
>;

export function curveOf(node: CurveNode): Curve {
  switch (node.op) {
    case 'clip': {
      const { min = -Infinity, max = Infinity } = node;
      return { value: (x) => Math.min(Math.max(x, min), max), slope: (x) => Number(min < x && x < max) };
    }
    case 'leakyRelu':
      return leaky(node.slope);
    case 'elu':
      return {
        value: (x) => (x > 0 ? x : node.alpha * Math.expm1(x)),
        slope: (x) => (x > 0 ? 1 : node.alpha * Math.exp(x)),
      };
    case 'sigmoid':
      return { value: logistic, slope: (x) => logistic(x) * (1 - logistic(x)) };
    case 'hardSigmoid': {
      const line = (x: number): number => node.alpha * x + node.beta;
      return {
        value: (x) => Math.min(Math.max(line(x), 0), 1),
        slope: (x) => (line(x) > 0 && line(x) < 1 ? node.alpha : 0),
      };
    }
    case 'hardSwish':
      return {
        value: (x) => (x * Math.min(Math.max(x + 3, 0), 6)) / 6,
        slope: (x) => (x <= -3 ? 0 : x >= 3 ? 1 : (2 * x + 3) / 6),
      };
    case 'sqrt':
      return { value: Math.sqrt, slope: (x) => (x > 0 ? 0.5 / Math.sqrt(x) : 0) };
    case 'reciprocal':
      return { value: (x) => 1 / x, slope: (x) => -1 / (x * x) };
    case 'swish':
      return { value: (x) => x * logistic(x), slope: (x) => logistic(x) + x * logistic(x) * (1 - logistic(x)) };
  }
}

export const leaky = (slope: number): Curve => ({
  value: (x) => (x > 0 ? x : slope * x),
  slope: (x) => (x > 0 ? 1 : slope),
});

export function curveForward(x: Tensor, curve: (c: number) => Curve): Tensor {
  return { extents: x.extents, data: x.data.map((value, i) => curve(channelOf(x, i)).value(value)) };
}

export function curveBackward(dY: Tensor, x: Tensor, curve: (c: number) => Curve): Tensor {
  return { extents: x.extents, data: dY.data.map((dy, i) => dy * curve(channelOf(x, i)).slope(x.data[i]!)) };
}

/** `[C]`: one leaky ReLU per channel. */
export const leakyPerChannel =
  (slopes: Numbers) =>
  (c: number): Curve =>
    leaky(slopes[c]!);

function channelOf({ extents: { H, W } }: Tensor, i: number): number {
  return Math.floor(i / (H * W));
}

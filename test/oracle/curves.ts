/** Functions of one number: one record each. All else that the oracle needs of them follows. */
import { CURVES, type CurveName, type Parameter } from '../../shaders/curves';
import {
  cornersAt,
  first,
  parameter,
  within,
  type Growing,
  type Interval,
  type NodeOf,
  type Oracle,
  type Unnamed,
  type Weights,
} from './oracle';
import type { Tensor } from './tensor';

/** The parameters of a node; one with a number per channel stands for that of the channel. */
type ParametersOf<Name extends CurveName> = {
  readonly [K in keyof NodeOf<Name> as Exclude<K, 'op' | 'name' | 'inputs'>]: NodeOf<Name>[K] extends string
    ? number
    : NodeOf<Name>[K];
};

export interface CurveOracle<P> {
  readonly value: (x: number, parameters: P) => number;
  /** The derivative; at a corner, the one that the record in `shaders/curves.ts` promises. */
  readonly slope: (x: number, parameters: P) => number;
  /** Where it is not smooth. */
  readonly corners: readonly number[] | ((parameters: P) => readonly number[]);
  /** Parameters that are tried: `{}` where there are none. A number per channel is drawn at random instead. */
  readonly examples: readonly [P, ...P[]];
  /** Places, corners among them, with the derivative that one finds by hand. */
  readonly byHand: readonly (readonly [parameters: P, x: readonly number[], slope: readonly number[]])[];
  /** Where it is defined. Default: everywhere. */
  readonly domain?: Interval | ((parameters: P) => Interval);
  /** Graphs keep to these numbers, where it has no poles and stays small. Default: its domain. */
  readonly tame?: Interval;
  /** Its slope is 0 everywhere. */
  readonly isFlat?: true;
  /** What its slope is the derivative of, if not of its value: what it stands for. */
  readonly standsFor?: (x: number, parameters: P) => number;
}

const logistic = (x: number): number => 1 / (1 + Math.exp(-x));

const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

const POSITIVE: Interval = [0, Infinity];
const WITHIN_ONE: Interval = [-1, 1];

/** By positive terms alone: erf(x) = 2/√π · exp(−x²) · Σ 2ⁿ x²ⁿ⁺¹ / (2n + 1)!! */
function erf(x: number): number {
  if (Math.abs(x) > 3) return Math.sign(x) * (1 - erfc(Math.abs(x)));
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** Beyond 1 as Laplace's continued fraction: √π · exp(x²) · erfc(x) = 1 / (x + 1/2 / (x + 1 / (x + 3/2 / (x + …)))). */
function erfc(x: number): number {
  if (x < 1) return 1 - erf(x);
  let below = x;
  for (let n = 400; n > 0; n--) below = x + n / 2 / below;
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / below;
}
const normal = (x: number): number => erfc(-x / Math.SQRT2) / 2;
const density = (x: number): number => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);

/** Where functions of steps jump, for the numbers that occur in tests. */
const places = (from: number): readonly number[] => Array.from({ length: 80 }, (_, i) => i - 40 + from);

const flat = { slope: () => 0, isFlat: true, examples: [{}] } as const;

/** The half that is even, as IEEE 754 rounds. */
const roundHalfToEven = (x: number): number => (Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x));

const leaky = {
  value: (x: number, { slope }: { readonly slope: number }) => (x > 0 ? x : slope * x),
  slope: (x: number, { slope }: { readonly slope: number }) => (x > 0 ? 1 : slope),
  corners: [0],
};

export const curves: { readonly [Name in CurveName]: CurveOracle<ParametersOf<Name>> } = {
  clip: {
    value: (x, { min = -Infinity, max = Infinity }) => Math.min(Math.max(x, min), max),
    slope: (x, { min = -Infinity, max = Infinity }) => Number(min < x && x < max),
    corners: ({ min, max }) => [min, max].filter((corner) => corner !== undefined),
    examples: [{ min: -0.5, max: 0.75 }, { min: 0.1 }, { max: 0.7 }, { min: 0, max: 6 }],
    byHand: [
      [{ min: 0, max: 6 }, [-1, 0, 3, 6, 7], [0, 0, 1, 0, 0]],
      [{ max: 1 }, [-9, 0, 1, 2], [1, 1, 0, 0]],
      [{ min: 2, max: 1 }, [0, 1.5, 3], [0, 0, 0]],
    ],
  },
  leakyRelu: {
    ...leaky,
    examples: [{ slope: 0.1 }, { slope: -1.5 }],
    byHand: [[{ slope: 0.25 }, [-2, 0, 2], [0.25, 0.25, 1]]],
  },
  prelu: {
    ...leaky,
    examples: [{ slope: 0.3 }],
    byHand: [[{ slope: 3 }, [-2, 0, 2], [3, 3, 1]]],
  },
  elu: {
    value: (x, { alpha }) => (x > 0 ? x : alpha * Math.expm1(x)),
    slope: (x, { alpha }) => (x > 0 ? 1 : alpha * Math.exp(x)),
    corners: [0],
    examples: [{ alpha: 1.5 }],
    byHand: [[{ alpha: 2 }, [0, 1, -Math.LN2], [2, 1, 1]]],
  },
  sigmoid: {
    value: logistic,
    slope: (x) => logistic(x) * (1 - logistic(x)),
    corners: [],
    examples: [{}],
    byHand: [[{}, [0, 1000, -1000], [0.25, 0, 0]]],
  },
  hardSigmoid: {
    value: (x, { alpha, beta }) => Math.min(Math.max(alpha * x + beta, 0), 1),
    slope: (x, { alpha, beta }) => (alpha * x + beta > 0 && alpha * x + beta < 1 ? alpha : 0),
    corners: ({ alpha, beta }) => [-beta / alpha, (1 - beta) / alpha],
    examples: [{ alpha: 0.3, beta: 0.45 }],
    byHand: [[{ alpha: 0.25, beta: 0.5 }, [-3, -2, 0, 2, 3], [0, 0, 0.25, 0, 0]]],
  },
  hardSwish: {
    value: (x) => (x * Math.min(Math.max(x + 3, 0), 6)) / 6,
    slope: (x) => (x <= -3 ? 0 : x >= 3 ? 1 : (2 * x + 3) / 6),
    corners: [-3, 3],
    examples: [{}],
    byHand: [[{}, [-4, -3, 0, 1.5, 3, 4], [0, 0, 0.5, 1, 1, 1]]],
  },
  swish: {
    value: (x, { alpha = 1 }) => x * logistic(alpha * x),
    slope: (x, { alpha = 1 }) => logistic(alpha * x) + alpha * x * logistic(alpha * x) * (1 - logistic(alpha * x)),
    corners: [],
    examples: [{}, { alpha: 1.75 }, { alpha: -0.5 }],
    byHand: [
      [{}, [0, 1000, -1000], [0.5, 1, 0]],
      [{ alpha: -2 }, [0, 1000, -1000], [0.5, 0, 1]],
    ],
  },
  softplus: {
    value: softplus,
    slope: logistic,
    corners: [],
    examples: [{}],
    byHand: [[{}, [0, 1000, -1000], [0.5, 1, 0]]],
  },
  sqrt: {
    value: Math.sqrt,
    slope: (x) => (x > 0 ? 0.5 / Math.sqrt(x) : 0),
    corners: [],
    examples: [{}],
    byHand: [[{}, [0, 4, 0.25], [0, 0.25, 1]]],
    domain: POSITIVE,
  },
  reciprocal: {
    value: (x) => 1 / x,
    slope: (x) => -1 / (x * x),
    corners: [],
    examples: [{}],
    byHand: [[{}, [1, -2, 0.5], [-1, -0.25, -4]]],
    domain: POSITIVE,
  },
  erf: {
    value: erf,
    slope: (x) => (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x),
    corners: [],
    examples: [{}],
    byHand: [[{}, [0, 1000, -1000], [2 / Math.sqrt(Math.PI), 0, 0]]],
  },
  gelu: {
    value: (x) => x * normal(x),
    slope: (x) => normal(x) + x * density(x),
    corners: [],
    examples: [{}],
    byHand: [[{}, [0, 1000, -1000], [0.5, 1, 0]]],
  },
  geluTanh: {
    value: (x) => x * logistic(2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)),
    slope(x) {
      const u = Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3);
      return logistic(2 * u) + (x * Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * x ** 2)) / (2 * Math.cosh(u) ** 2);
    },
    corners: [],
    examples: [{}],
    byHand: [[{}, [0, 20, -20], [0.5, 1, 0]]],
  },
  tanh: {
    value: Math.tanh,
    slope: (x) => 1 / Math.cosh(x) ** 2,
    corners: [],
    examples: [{}],
    byHand: [[{}, [0, 1000, -1000], [1, 0, 0]]],
  },
  mish: {
    value: (x) => x * Math.tanh(softplus(x)),
    slope: (x) => Math.tanh(softplus(x)) + (x * logistic(x)) / Math.cosh(softplus(x)) ** 2,
    corners: [],
    examples: [{}],
    byHand: [[{}, [0, 300, -1000], [0.6, 1, 0]]],
  },
  selu: {
    value: (x, { alpha, gamma }) => gamma * (x > 0 ? x : alpha * Math.expm1(x)),
    slope: (x, { alpha, gamma }) => gamma * (x > 0 ? 1 : alpha * Math.exp(x)),
    corners: [0],
    examples: [{ alpha: 1.5, gamma: 1.25 }],
    byHand: [[{ alpha: 3, gamma: 2 }, [0, 1, -Math.LN2], [6, 2, 3]]],
  },
  celu: {
    value: (x, { alpha }) => Math.max(x, 0) + Math.min(alpha * Math.expm1(x / alpha), 0),
    slope: (x, { alpha }) => (x > 0 ? 1 : Math.exp(x / alpha)),
    corners: [],
    examples: [{ alpha: 1.5 }],
    byHand: [[{ alpha: 2 }, [0, 1, -2 * Math.LN2], [1, 1, 0.5]]],
  },
  softsign: {
    value: (x) => x / (1 + Math.abs(x)),
    slope: (x) => 1 / (1 + Math.abs(x)) ** 2,
    corners: [],
    examples: [{}],
    byHand: [[{}, [0, 1, -3], [1, 0.25, 1 / 16]]],
  },
  logSigmoid: {
    value: (x) => -softplus(-x),
    slope: (x) => logistic(-x),
    corners: [],
    examples: [{}],
    byHand: [[{}, [0, 1000, -1000], [0.5, 0, 1]]],
  },
  thresholdedRelu: {
    value: (x, { alpha }) => (x > alpha ? x : 0),
    slope: (x, { alpha }) => Number(x > alpha),
    corners: ({ alpha }) => [alpha],
    examples: [{ alpha: 0.3 }, { alpha: -0.3 }],
    byHand: [[{ alpha: 2 }, [0, 2, 3], [0, 0, 1]]],
  },
  shrink: {
    value: (x, { offset, threshold }) => (x < -threshold ? x + offset : x > threshold ? x - offset : 0),
    slope: (x, { threshold }) => Number(Math.abs(x) > threshold),
    corners: ({ threshold }) => [-threshold, threshold],
    examples: [
      { offset: 0.2, threshold: 0.4 },
      { offset: -1, threshold: 0.1 },
    ],
    byHand: [[{ offset: 1, threshold: 2 }, [-3, -2, 0, 2, 3], [1, 0, 0, 0, 1]]],
  },
  abs: {
    value: Math.abs,
    slope: Math.sign,
    corners: [0],
    examples: [{}],
    byHand: [[{}, [-2, 0, 3], [-1, 0, 1]]],
  },
  square: {
    value: (x) => x * x,
    slope: (x) => 2 * x,
    corners: [],
    examples: [{}],
    byHand: [[{}, [-2, 0, 3], [-4, 0, 6]]],
  },
  power: {
    value: (x, { exponent }) => x ** exponent,
    slope: (x, { exponent }) => (x === 0 && exponent < 1 ? 0 : exponent * x ** (exponent - 1)),
    corners: [],
    examples: [{ exponent: 3 }, { exponent: 2.5 }, { exponent: -2 }, { exponent: -0.75 }, { exponent: 0.25 }],
    byHand: [
      [{ exponent: 3 }, [-2, 0, 2], [12, 0, 12]],
      [{ exponent: 4 }, [-2, 0, 2], [-32, 0, 32]],
      [{ exponent: 1 }, [-2, 0, 2], [1, 1, 1]],
      [{ exponent: 0 }, [-2, 0, 2], [0, 0, 0]],
      [{ exponent: -1 }, [-2, 2], [-0.25, -0.25]],
      [{ exponent: -2 }, [-2, 2], [0.25, -0.25]],
      [{ exponent: 1.5 }, [0, 4], [0, 3]],
      [{ exponent: 0.5 }, [0, 4], [0, 0.25]],
      [{ exponent: -0.5 }, [0.25], [-4]],
    ],
    domain: ({ exponent }) => (exponent > 0 && Number.isInteger(exponent) ? [-Infinity, Infinity] : POSITIVE),
  },
  exp: {
    value: Math.exp,
    slope: Math.exp,
    corners: [],
    examples: [{}],
    byHand: [[{}, [0, Math.fround(Math.LN2), -1000], [1, 2, 0]]],
    tame: [-2, 2],
  },
  log: {
    value: Math.log,
    slope: (x) => (x === 0 ? 0 : 1 / x),
    corners: [],
    examples: [{}],
    byHand: [[{}, [1, 4, 0.25], [1, 0.25, 4]]],
    domain: POSITIVE,
  },
  sin: {
    value: Math.sin,
    slope: Math.cos,
    corners: [],
    examples: [{}],
    byHand: [[{}, [0, Math.PI, 20 * Math.PI], [1, -1, 1]]],
  },
  cos: {
    value: Math.cos,
    slope: (x) => -Math.sin(x),
    corners: [],
    examples: [{}],
    byHand: [[{}, [0, Math.PI / 2, -Math.PI / 2], [0, -1, 1]]],
  },
  tan: {
    value: Math.tan,
    slope: (x) => 1 / Math.cos(x) ** 2,
    corners: [],
    examples: [{}],
    byHand: [[{}, [0, Math.PI / 4, Math.PI], [1, 2, 1]]],
    tame: WITHIN_ONE,
  },
  asin: {
    value: Math.asin,
    slope: (x) => (Math.abs(x) < 1 ? 1 / Math.sqrt(1 - x * x) : 0),
    corners: [],
    examples: [{}],
    byHand: [[{}, [-1, 0, 0.6, 1], [0, 1, 1.25, 0]]],
    domain: WITHIN_ONE,
  },
  acos: {
    value: Math.acos,
    slope: (x) => (Math.abs(x) < 1 ? -1 / Math.sqrt(1 - x * x) : 0),
    corners: [],
    examples: [{}],
    byHand: [[{}, [-1, 0, 0.6, 1], [0, -1, -1.25, 0]]],
    domain: WITHIN_ONE,
  },
  atan: {
    value: Math.atan,
    slope: (x) => 1 / (1 + x * x),
    corners: [],
    examples: [{}],
    byHand: [[{}, [0, 1, -3], [1, 0.5, 0.1]]],
  },
  sinh: {
    value: Math.sinh,
    slope: Math.cosh,
    corners: [],
    examples: [{}],
    byHand: [[{}, [0, Math.fround(Math.LN2), -Math.fround(Math.LN2)], [1, 1.25, 1.25]]],
    tame: [-2, 2],
  },
  cosh: {
    value: Math.cosh,
    slope: Math.sinh,
    corners: [],
    examples: [{}],
    byHand: [[{}, [0, Math.fround(Math.LN2), -Math.fround(Math.LN2)], [0, 0.75, -0.75]]],
    tame: [-2, 2],
  },
  asinh: {
    value: Math.asinh,
    slope: (x) => 1 / Math.hypot(1, x),
    corners: [],
    examples: [{}],
    byHand: [[{}, [0, 0.75, -0.75], [1, 0.8, 0.8]]],
  },
  acosh: {
    value: Math.acosh,
    slope: (x) => (x > 1 ? 1 / Math.sqrt(x * x - 1) : 0),
    corners: [],
    examples: [{}],
    byHand: [[{}, [1, 1.25], [0, 4 / 3]]],
    domain: [1, Infinity],
  },
  atanh: {
    value: Math.atanh,
    slope: (x) => (Math.abs(x) < 1 ? 1 / (1 - x * x) : 0),
    corners: [],
    examples: [{}],
    byHand: [[{}, [0, 0.5], [1, 4 / 3]]],
    domain: WITHIN_ONE,
  },
  sign: {
    ...flat,
    value: Math.sign,
    corners: [0],
    byHand: [[{}, [-2, 0, 2], [0, 0, 0]]],
  },
  floor: {
    ...flat,
    value: Math.floor,
    corners: places(0),
    byHand: [[{}, [-1.5, 0, 2], [0, 0, 0]]],
  },
  ceil: {
    ...flat,
    value: Math.ceil,
    corners: places(0),
    byHand: [[{}, [-1.5, 0, 2], [0, 0, 0]]],
  },
  round: {
    ...flat,
    value: roundHalfToEven,
    corners: places(0.5),
    byHand: [[{}, [-1.5, 0.5, 2], [0, 0, 0]]],
  },
  trunc: {
    ...flat,
    value: Math.trunc,
    corners: places(0),
    byHand: [[{}, [-1.5, 0, 2], [0, 0, 0]]],
  },
  quantize: {
    value: (x, { low, high }) => Math.min(Math.max(roundHalfToEven(x), low), high),
    slope: (x, { low, high }) => Number(roundHalfToEven(x) >= low && roundHalfToEven(x) <= high),
    standsFor: (x, { low, high }) => Math.min(Math.max(x, low - 0.5), high + 0.5),
    corners: places(0.5),
    examples: [
      { low: -1, high: 2 },
      { low: -128, high: 127 },
    ],
    // halves go to the even neighbour, which is within the limits or not
    byHand: [[{ low: -2, high: 1 }, [-2.6, -2.5, -1.25, 0, 1.25, 1.5, 2], [0, 1, 1, 1, 1, 0, 0]]],
  },
  not: {
    ...flat,
    value: (x) => Number(!(x > 0.5)),
    corners: [0.5],
    byHand: [[{}, [-2, 0, 2], [0, 0, 0]]],
  },
  isNan: {
    ...flat,
    value: (x) => Number(Number.isNaN(x)),
    corners: [],
    byHand: [[{}, [-2, 0, 2], [0, 0, 0]]],
  },
  isInfinite: {
    ...flat,
    value: (x, { negative, positive }) => (x === Infinity ? positive : x === -Infinity ? negative : 0),
    corners: [],
    examples: [{ negative: 1, positive: 0 }],
    byHand: [[{ negative: 1, positive: 1 }, [-2, 0, 2], [0, 0, 0]]],
  },
};

/** A node as this file reads it. */
type AnyNode = NodeOf<CurveName> & Readonly<Record<string, unknown>>;
type Numbered = Readonly<Record<string, number | undefined>>;

/** Where a function is defined. */
export const domainOf = <P>({ domain = [-Infinity, Infinity] }: CurveOracle<P>, parameters: P): Interval =>
  typeof domain === 'function' ? domain(parameters) : domain;

/** From the record of a function to the oracle of its operator. */
function oracleOf(op: CurveName): Oracle<AnyNode> {
  const curve = curves[op] as CurveOracle<Numbered>;
  const perChannel = Object.entries<Parameter>(CURVES[op].parameters).flatMap(([name, { perChannel }]) =>
    perChannel ? [name] : [],
  );
  const elementwise = (
    node: AnyNode,
    x: Tensor,
    weights: Weights,
    element: (i: number, parameters: Numbered) => number,
  ): Tensor => {
    const { op: _, name: __, inputs: ___, ...fields } = node;
    const plane = x.extents.H * x.extents.W;
    const at = (i: number): Numbered =>
      Object.fromEntries(
        Object.entries(fields).map(([name, value]) => [
          name,
          typeof value === 'string' ? parameter(weights, value)[Math.floor(i / plane)] : (value as number),
        ]),
      );
    return { extents: x.extents, data: x.data.map((_, i) => element(i, at(i))) };
  };
  const { standsFor } = curve;
  return {
    ...(curve.isFlat && { isFlat: true }),
    ...(standsFor && {
      standsFor: (node: AnyNode, inputs: readonly Tensor[], weights: Weights) => {
        const x = first(inputs);
        return elementwise(node, x, weights, (i, p) => standsFor(x.data[i]!, p));
      },
    }),
    forward: (node, inputs, weights) => {
      const x = first(inputs);
      return elementwise(node, x, weights, (i, p) => curve.value(x.data[i]!, p));
    },
    backward: (node, dY, inputs, weights) => {
      const x = first(inputs);
      return [elementwise(node, x, weights, (i, p) => dY.data[i]! * curve.slope(x.data[i]!, p))];
    },
    corners: cornersAt((node) =>
      typeof curve.corners === 'function' ? curve.corners(node as unknown as Numbered) : curve.corners,
    ),
    examples: curve.examples.map((parameters) => (net: Growing, x: string) => {
      const read = within(net, x, curve.tame ?? domainOf(curve, parameters));
      const drawn = perChannel.map((name) => [name, net.parameter([net.extents(read).C])]);
      return { op, inputs: [read], ...parameters, ...Object.fromEntries(drawn) } as Unnamed<AnyNode>;
    }) as unknown as Oracle<AnyNode>['examples'],
  };
}

export const curveOracles = Object.fromEntries(
  (Object.keys(curves) as CurveName[]).map((op) => [op, oracleOf(op)]),
) as unknown as { readonly [Name in CurveName]: Oracle<NodeOf<Name>> };

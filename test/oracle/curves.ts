/** Functions of one number: one record each. All else that the oracle needs of them follows. */
import { CURVES, type CurveName, type Parameter } from '../../shaders/curves';
import {
  cornersAt,
  first,
  parameter,
  positive,
  type Growing,
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
  /** It is only defined for numbers above 0. */
  readonly positive?: true;
}

const logistic = (x: number): number => 1 / (1 + Math.exp(-x));

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
    value: (x) => x * logistic(x),
    slope: (x) => logistic(x) + x * logistic(x) * (1 - logistic(x)),
    corners: [],
    examples: [{}],
    byHand: [[{}, [0, 1000, -1000], [0.5, 1, 0]]],
  },
  softplus: {
    value: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
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
    positive: true,
  },
  reciprocal: {
    value: (x) => 1 / x,
    slope: (x) => -1 / (x * x),
    corners: [],
    examples: [{}],
    byHand: [[{}, [1, -2, 0.5], [-1, -0.25, -4]]],
    positive: true,
  },
};

/** A node as this file reads it. */
type AnyNode = NodeOf<CurveName> & Readonly<Record<string, unknown>>;
type Numbered = Readonly<Record<string, number | undefined>>;

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
  return {
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
      const read = curve.positive ? positive(net, x) : x;
      const drawn = perChannel.map((name) => [name, net.parameter([net.extents(read).C])]);
      return { op, inputs: [read], ...parameters, ...Object.fromEntries(drawn) } as Unnamed<AnyNode>;
    }) as unknown as Oracle<AnyNode>['examples'],
  };
}

export const curveOracles = Object.fromEntries(
  (Object.keys(curves) as CurveName[]).map((op) => [op, oracleOf(op)]),
) as unknown as { readonly [Name in CurveName]: Oracle<NodeOf<Name>> };

/** Functions of several numbers: one record each. All else that the oracle needs of them follows. */
import { arityOf, type FormulaName } from '../../shaders/formulas';
import { within, type Gap, type Growing, type NodeOf, type Oracle } from './oracle';
import type { Tensor } from './tensor';

/** Of two inputs, or three. */
type Of<T> = (a: number, b: number, c: number) => T;

export interface FormulaOracle {
  readonly value: Of<number>;
  /** The derivatives with respect to each input; at a corner, those that `shaders/formulas.ts` promises. */
  readonly slopes: Of<readonly number[]>;
  /** How far the inputs are from where it is not smooth. Default: it is smooth everywhere. */
  readonly gap?: Of<number>;
  /** Its slopes are 0 everywhere. */
  readonly isFlat?: true;
  /** Inputs that it is defined for, made of x. Default: x and its sigmoid. */
  readonly inputs?: (net: Growing, x: string) => readonly string[];
  /** Some numbers for each input, corners among them, with the derivatives that one finds by hand. */
  readonly byHand: { readonly inputs: readonly (readonly number[])[]; readonly slopes: readonly (readonly number[])[] };
}

const apart: Of<number> = (a, b) => Math.abs(a - b);
const sigmoid = (net: Growing, x: string): string => net.add({ op: 'sigmoid', inputs: [x] });
const positive = (net: Growing, x: string): string => within(net, x, [0, Infinity]);
const less = (net: Growing, x: string): string => net.add({ op: 'less', inputs: [x, sigmoid(net, x)] });
const greater = (net: Growing, x: string): string => net.add({ op: 'greater', inputs: [x, sigmoid(net, x)] });

const flat = { slopes: () => [0, 0], isFlat: true } as const;

/** A test of two numbers. */
const test = (holds: Of<boolean>): FormulaOracle => ({
  ...flat,
  value: (a, b, c) => Number(holds(a, b, c)),
  gap: apart,
  byHand: {
    inputs: [
      [1, 1, 2],
      [1, 2, 1],
    ],
    slopes: [
      [0, 0, 0],
      [0, 0, 0],
    ],
  },
});

/** A function of two truths. */
const connective = (holds: (a: boolean, b: boolean) => boolean): FormulaOracle => ({
  ...flat,
  value: (a, b) => Number(holds(a > 0.5, b > 0.5)),
  gap: (a, b) => Math.min(Math.abs(a - 0.5), Math.abs(b - 0.5)),
  inputs: (net, x) => [less(net, x), net.add({ op: 'equal', inputs: [x, x] })],
  byHand: {
    inputs: [
      [0, 0, 1, 1],
      [0, 1, 0, 1],
    ],
    slopes: [
      [0, 0, 0, 0],
      [0, 0, 0, 0],
    ],
  },
});

/** a − b · whole(a / b) */
const rest = (whole: (quotient: number) => number, quotients: readonly number[]): FormulaOracle => ({
  value: (a, b) => a - b * whole(a / b),
  slopes: (a, b) => [1, -whole(a / b)],
  gap: (a, b) => (whole(-0.5) === 0 && Math.abs(a / b) < 0.5 ? 0.5 : Math.abs(a / b - Math.round(a / b))),
  inputs: (net, x) => [x, positive(net, x)],
  byHand: {
    inputs: [
      [7, -7, 7, -7],
      [4, 4, -4, -4],
    ],
    slopes: [[1, 1, 1, 1], quotients.map((q) => -q)],
  },
});

export const formulas: { readonly [Name in FormulaName]: FormulaOracle } = {
  subtract: {
    value: (a, b) => a - b,
    slopes: () => [1, -1],
    byHand: {
      inputs: [
        [1, 2],
        [0, 3],
      ],
      slopes: [
        [1, 1],
        [-1, -1],
      ],
    },
  },
  divide: {
    value: (a, b) => a / b,
    slopes: (a, b) => [1 / b, -a / (b * b)],
    inputs: (net, x) => [x, positive(net, x)],
    byHand: {
      inputs: [
        [0, 3],
        [2, -2],
      ],
      slopes: [
        [0.5, -0.5],
        [0, -0.75],
      ],
    },
  },
  maximum: {
    value: (a, b) => Math.max(a, b),
    slopes: (a, b) => [Number(a >= b), Number(a < b)],
    gap: apart,
    byHand: {
      inputs: [
        [1, 2, 3],
        [3, 2, 1],
      ],
      slopes: [
        [0, 1, 1],
        [1, 0, 0],
      ],
    },
  },
  minimum: {
    value: (a, b) => Math.min(a, b),
    slopes: (a, b) => [Number(a <= b), Number(a > b)],
    gap: apart,
    byHand: {
      inputs: [
        [1, 2, 3],
        [3, 2, 1],
      ],
      slopes: [
        [1, 1, 0],
        [0, 0, 1],
      ],
    },
  },
  raise: {
    value: (a, b) => a ** b,
    slopes: (a, b) => [a === 0 && b < 1 ? 0 : b * a ** (b - 1), a > 0 ? a ** b * Math.log(a) : 0],
    inputs: (net, x) => [positive(net, x), x],
    byHand: {
      inputs: [
        [4, 4, -2, -2, 0, 0, 0, 2],
        [0.5, -0.5, 3, 2, 1, 2, 0.5, 0],
      ],
      slopes: [
        [0.25, -1 / 16, 12, -4, 1, 0, 0, 0],
        [2 * Math.log(4), Math.log(4) / 2, 0, 0, 0, 0, 0, Math.LN2],
      ],
    },
  },
  preluBy: {
    value: (a, b) => (a > 0 ? a : b * a),
    slopes: (a, b) => (a > 0 ? [1, 0] : [b, a]),
    gap: Math.abs,
    byHand: {
      inputs: [
        [-2, 0, 2],
        [3, 3, 3],
      ],
      slopes: [
        [3, 3, 1],
        [-2, 0, 0],
      ],
    },
  },
  modulo: rest(Math.floor, [1, -2, -2, 1]),
  remainder: rest(Math.trunc, [1, -1, -1, 1]),
  equal: test((a, b) => a === b),
  less: test((a, b) => a < b),
  lessOrEqual: test((a, b) => a <= b),
  greater: test((a, b) => a > b),
  greaterOrEqual: test((a, b) => a >= b),
  and: connective((a, b) => a && b),
  or: connective((a, b) => a || b),
  xor: connective((a, b) => a !== b),
  where: {
    value: (condition, a, b) => (condition > 0.5 ? a : b),
    slopes: (condition) => (condition > 0.5 ? [0, 1, 0] : [0, 0, 1]),
    gap: (condition) => Math.abs(condition - 0.5),
    inputs: (net, x) => [greater(net, x), x, sigmoid(net, x)],
    byHand: {
      inputs: [
        [0, 1],
        [5, 5],
        [7, 7],
      ],
      slopes: [
        [0, 0],
        [0, 1],
        [1, 0],
      ],
    },
  },
};

function oracleOf(op: FormulaName): Oracle<NodeOf<FormulaName>> {
  const { value, slopes, gap, isFlat, inputs: inputsOf } = formulas[op];
  const arity = arityOf(op);
  /** The numbers of element i. */
  const at = (inputs: readonly Tensor[], i: number): [number, number, number] => [
    inputs[0]!.data[i]!,
    inputs[1]!.data[i]!,
    inputs[2]?.data[i] ?? 0,
  ];
  return {
    ...(isFlat && { isFlat }),
    forward: (_, inputs) => ({
      extents: inputs[0]!.extents,
      data: Float64Array.from(inputs[0]!.data, (__, i) => value(...at(inputs, i))),
    }),
    backward: (_, dY, inputs) =>
      Array.from({ length: arity }, (__, k) => ({
        extents: dY.extents,
        data: Float64Array.from(dY.data, (gradient, i) => gradient * slopes(...at(inputs, i))[k]!),
      })),
    *corners(_, here, there): Iterable<Gap> {
      for (const i of gap ? here[0]!.data.keys() : []) yield [gap!(...at(here, i)), gap!(...at(there, i))];
    },
    examples: [(net, x) => ({ op, inputs: inputsOf ? inputsOf(net, x) : [x, sigmoid(net, x)] })],
  };
}

export const formulaOracles = Object.fromEntries(
  (Object.keys(formulas) as FormulaName[]).map((op) => [op, oracleOf(op)]),
) as unknown as { readonly [Name in FormulaName]: Oracle<NodeOf<Name>> };

/**
 * Functions of several numbers, applied to every element of several tensors of one shape: one record each, of which
 * `formula.ts` makes the kernels. A backward kernel reads those of the inputs that its slope mentions.
 *
 * Every expression is WGSL of type `vec4f` in the names of the inputs. What is true is 1, what is false is 0, and an
 * input that means one of them is true above 1/2. What overflowed is handed on, whatever becomes of it.
 */
import { ARTANH_TAIL, EXPONENTIAL, EXP_TAIL, IS_NAN, LOGARITHM, POWER } from './numerics';

export interface Formula {
  /** Its name in words, in lower case and without an article. */
  readonly title: string;
  /** Its equation, and which input gets the gradient where several could. */
  readonly says: string;
  readonly value: string;
  /** The derivative with respect to each input, by its name. What is not there has derivative 0 everywhere. */
  readonly slopes: Readonly<Record<string, string>>;
  /** The names of its inputs in their order. Default: a, b. */
  readonly inputs?: readonly string[];
  /** WGSL functions that the expressions call, each after those that it needs. */
  readonly uses?: readonly string[];
}

/** A test of two numbers, which is 1 or 0. */
const test = (title: string, sign: string, value: string): Formula => ({
  title,
  says: `1 if a ${sign} b, else 0; flat everywhere`,
  value: `select(vec4f(), vec4f(1.0), ${value})`,
  slopes: {},
});

const isTrue = (input: string): string => `(${input} > vec4f(0.5))`;

export const FORMULAS = {
  subtract: {
    title: 'difference',
    says: 'a − b',
    value: 'a - b',
    slopes: { a: 'vec4f(1.0)', b: 'vec4f(-1.0)' },
  },
  divide: {
    title: 'quotient',
    says: 'a / b',
    value: 'a / b',
    slopes: { a: '1.0 / b', b: '-(a / b) / b' },
  },
  maximum: {
    title: 'maximum of two',
    says: 'max(a, b); where they are equal, the gradient is that of a',
    value: 'select(b, a, a >= b)',
    slopes: { a: 'select(vec4f(), vec4f(1.0), a >= b)', b: 'select(vec4f(1.0), vec4f(), a >= b)' },
  },
  minimum: {
    title: 'minimum of two',
    says: 'min(a, b); where they are equal, the gradient is that of a',
    value: 'select(b, a, a <= b)',
    slopes: { a: 'select(vec4f(), vec4f(1.0), a <= b)', b: 'select(vec4f(1.0), vec4f(), a <= b)' },
  },
  raise: {
    title: 'power of two tensors',
    says:
      'a to the power of b; the derivative with respect to a counts as 0 where it is infinite, that with respect to ' +
      'b where a is not above 0',
    uses: [IS_NAN, EXP_TAIL, EXPONENTIAL, ARTANH_TAIL, LOGARITHM, POWER],
    value: 'power(a, b)',
    slopes: {
      a: 'select(b * power(a, b - 1.0), vec4f(), (a == vec4f()) & (b < vec4f(1.0)))',
      b: 'select(power(a, b) * logarithm(a), vec4f(), a <= vec4f())',
    },
  },
  preluBy: {
    title: 'PReLU with a slope per element',
    says: 'a if a > 0, else b · a; the derivative at 0 is b',
    value: 'select(b * a, a, a > vec4f())',
    slopes: { a: 'select(b, vec4f(1.0), a > vec4f())', b: 'select(a, vec4f(), a > vec4f())' },
  },
  modulo: {
    title: 'modulo (sign of the divisor)',
    says: 'a − b · ⌊a / b⌋',
    value: 'a - b * floor(a / b)',
    slopes: { a: 'vec4f(1.0)', b: '-floor(a / b)' },
  },
  remainder: {
    title: 'remainder (sign of the dividend)',
    says: 'a − b · q, where q is a / b without its fraction',
    value: 'a - b * trunc(a / b)',
    slopes: { a: 'vec4f(1.0)', b: '-trunc(a / b)' },
  },
  equal: test('equal', '=', 'a == b'),
  less: test('less', '<', 'a < b'),
  lessOrEqual: test('less or equal', '≤', 'a <= b'),
  greater: test('greater', '>', 'a > b'),
  greaterOrEqual: test('greater or equal', '≥', 'a >= b'),
  and: test('and', '∧', `${isTrue('a')} & ${isTrue('b')}`),
  or: test('or', '∨', `${isTrue('a')} | ${isTrue('b')}`),
  xor: test('exclusive or', '⊻', `${isTrue('a')} != ${isTrue('b')}`),
  where: {
    title: 'choice between two',
    says: 'a where condition is true, b elsewhere; the gradient is that of the one that was taken',
    inputs: ['condition', 'a', 'b'],
    value: `select(b, a, ${isTrue('condition')})`,
    slopes: {
      a: `select(vec4f(), vec4f(1.0), ${isTrue('condition')})`,
      b: `select(vec4f(1.0), vec4f(), ${isTrue('condition')})`,
    },
  },
} satisfies Record<string, Formula>;
export type FormulaName = keyof typeof FORMULAS;

/** The record with what it may leave out. */
export const formulaOf = (name: FormulaName): Required<Formula> => ({
  inputs: ['a', 'b'],
  uses: [],
  ...FORMULAS[name],
});

/** How many inputs it has. */
export const arityOf = (name: FormulaName): number => formulaOf(name).inputs.length;

/** The derivative with respect to input `k`, and which inputs it is made of. */
export function slopeOf(name: FormulaName, k: number): { readonly slope: string; readonly read: readonly number[] } {
  const { slopes, inputs } = formulaOf(name);
  const slope = slopes[inputs[k]!] ?? 'vec4f()';
  return { slope, read: [...inputs.keys()].filter((i) => new RegExp(`\\b${inputs[i]}\\b`).test(slope)) };
}

/** The inputs that the derivative with respect to input `k` is made of. */
export const readBackward = (name: FormulaName, k: number): readonly number[] => slopeOf(name, k).read;

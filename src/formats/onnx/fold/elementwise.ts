/** Functions of one number, two or three, element by element, with broadcasting. */
import { TensorProto_DataType as DataType } from 'onnx-buf';
import { broadcastShape } from '../shapeRules';
import { product } from '../value';
import { broadcast, isWholeType, needed, type Fold, type Folds, type Numbers } from './numbers';

/** `f` of the inputs' elements. The result is whole if the last input is, or always. */
const elementwise =
  (f: (...values: number[]) => number, result: 'as last input' | 'whole' = 'as last input'): Fold =>
  (call, inputs) => {
    const all = inputs.map((input) => needed(call, input));
    const shape = broadcastShape(
      call,
      all.map((input) => input.shape),
    );
    call.model.spend(product(shape));
    const spread = all.map((input) => broadcast(input, shape).data);
    const data = Float64Array.from({ length: product(shape) }, (_, i) => f(...spread.map((values) => values[i]!)));
    return { shape, data, isWhole: result === 'whole' || all.at(-1)?.isWhole === true };
  };

/** True is 1, false 0. */
const test = (f: (...values: number[]) => boolean): Fold => elementwise((...values) => Number(f(...values)), 'whole');

/** Of whole numbers the quotient is cut towards 0. */
const division: Fold = (call, inputs) =>
  elementwise(inputs.every((input) => input?.isWhole) ? (a, b) => Math.trunc(a / b) : (a, b) => a / b)(call, inputs);

const cast: Fold = (call, [x]): Numbers => {
  const { shape, data } = needed(call, x);
  const to = call.int('to', DataType.FLOAT) as DataType;
  const isWhole = isWholeType(to);
  const convert = to === DataType.BOOL ? (value: number) => Number(value !== 0) : isWhole ? Math.trunc : Number;
  return { shape, isWhole, data: Array.from(data, (value) => convert(value)) };
};

/** A function of one number with one or two parameters, which are attributes. */
const parametric =
  (f: (x: number, a: number, b: number) => number, ...names: readonly (readonly [string, number])[]): Fold =>
  (call, inputs) => {
    const [a = 0, b = 0] = names.map(([name, otherwise]) => call.float(name, otherwise));
    return elementwise((x) => f(x, a, b))(call, inputs.slice(0, 1));
  };

/** Limits are attributes before opset 11, inputs since. */
const clip: Fold = (call, [x, low, high]) => {
  const least = low?.data[0] ?? call.limit('min') ?? -Infinity;
  const most = high?.data[0] ?? call.limit('max') ?? Infinity;
  return elementwise((value) => Math.min(Math.max(value, least), most))(call, [x]);
};

/** The sign is the divisor's, or with `fmod` the dividend's. */
const mod: Fold = (call, inputs) =>
  elementwise(call.int('fmod', 0) === 1 ? (a, b) => a % b : (a, b) => (b === 0 ? NaN : ((a % b) + b) % b))(
    call,
    inputs,
  );

/** To the even neighbour where it lies between two. */
const roundEven = (x: number): number => {
  const down = Math.floor(x);
  return x - down === 0.5 ? 2 * Math.round(x / 2) : Math.round(x);
};

/** Error function: its series near 0, a continued fraction of 1 − erf beyond. */
function erf(x: number): number {
  const z = Math.abs(x);
  if (z < 2.5) {
    let [term, total] = [z, z];
    for (let n = 1; n < 80; n++) {
      term *= -(z * z) / n;
      total += term / (2 * n + 1);
    }
    return (Math.sign(x) * 2 * total) / Math.sqrt(Math.PI);
  }
  let fraction = z;
  for (let n = 60; n > 0; n--) fraction = z + n / 2 / fraction;
  return Math.sign(x) * (1 - Math.exp(-z * z) / (fraction * Math.sqrt(Math.PI)));
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

export const ELEMENTWISE: Folds = [
  ['Abs', elementwise(Math.abs)],
  ['Acos', elementwise(Math.acos)],
  ['Asin', elementwise(Math.asin)],
  ['Atan', elementwise(Math.atan)],
  ['Clip', clip],
  ['Cos', elementwise(Math.cos)],
  ['Cosh', elementwise(Math.cosh)],
  ['Dropout', (call, [x]) => needed(call, x)],
  ['Elu', parametric((x, alpha) => (x > 0 ? x : alpha * Math.expm1(x)), ['alpha', 1])],
  ['Erf', elementwise(erf)],
  [
    'HardSigmoid',
    parametric((x, a, b) => Math.max(0, Math.min(1, a * x + b)), ['alpha', Math.fround(0.2)], ['beta', 0.5]),
  ],
  ['IsInf', test((a) => Math.abs(a) === Infinity)],
  ['IsNaN', test(Number.isNaN)],
  ['LeakyRelu', parametric((x, alpha) => (x < 0 ? alpha * x : x), ['alpha', Math.fround(0.01)])],
  ['Mean', elementwise((...values) => values.reduce((a, b) => a + b, 0) / values.length)],
  ['Relu', elementwise((a) => Math.max(a, 0))],
  ['Round', elementwise(roundEven)],
  ['Sigmoid', elementwise(sigmoid)],
  ['Sign', elementwise(Math.sign)],
  ['Sin', elementwise(Math.sin)],
  ['Sinh', elementwise(Math.sinh)],
  ['Softplus', elementwise(softplus)],
  ['Sum', elementwise((...values) => values.reduce((a, b) => a + b, 0))],
  ['Tan', elementwise(Math.tan)],
  ['Tanh', elementwise(Math.tanh)],
  ['Xor', test((a, b) => (a !== 0) !== (b !== 0))],
  ['Add', elementwise((a, b) => a + b)],
  ['And', test((a, b) => a !== 0 && b !== 0)],
  ['Cast', cast],
  ['Ceil', elementwise(Math.ceil)],
  ['Div', division],
  ['Equal', test((a, b) => a === b)],
  ['Exp', elementwise(Math.exp)],
  ['Floor', elementwise(Math.floor)],
  ['Greater', test((a, b) => a > b)],
  ['GreaterOrEqual', test((a, b) => a >= b)],
  ['Less', test((a, b) => a < b)],
  ['LessOrEqual', test((a, b) => a <= b)],
  ['Log', elementwise(Math.log)],
  ['Max', elementwise(Math.max)],
  ['Min', elementwise(Math.min)],
  ['Mod', mod],
  ['Mul', elementwise((a, b) => a * b)],
  ['Neg', elementwise((a) => -a)],
  ['Not', test((a) => a === 0)],
  ['Or', test((a, b) => a !== 0 || b !== 0)],
  ['Pow', elementwise((a, b) => a ** b)],
  ['Reciprocal', elementwise((a) => 1 / a)],
  ['Sqrt', elementwise(Math.sqrt)],
  ['Sub', elementwise((a, b) => a - b)],
  ['Where', elementwise((condition, a, b) => (condition !== 0 ? a : b))],
];

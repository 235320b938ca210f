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

export const ELEMENTWISE: Folds = [
  ['Abs', elementwise(Math.abs)],
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
  ['Mod', elementwise((a, b) => (b === 0 ? NaN : ((a % b) + b) % b))],
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

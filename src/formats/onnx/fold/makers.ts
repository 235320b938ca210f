/** Tensors made of a shape or of limits. */
import { formatError } from '../../checks';
import type { Call } from '../call';
import { product } from '../value';
import { decode, needed, type Fold, type Folds, type Numbers } from './numbers';

const constantOfShape: Fold = (call, [shape]) => {
  const tensor = call.tensor('value');
  const value = tensor && decode({ name: call.name, tensor });
  const extents = Array.from(needed(call, shape).data);
  if (extents.some((extent) => !(extent >= 0)))
    throw formatError(`${call.where}: makes a constant of shape [${extents}]; extents are whole numbers from 0`);
  call.model.spend(product(extents));
  return {
    shape: extents,
    isWhole: value?.isWhole ?? false,
    data: new Float64Array(product(extents)).fill(value?.data[0] ?? 0),
  };
};

/** An input of one number. */
const numberOf = (call: Call, input: Numbers | undefined): number => needed(call, input).data[0] ?? NaN;

/** `start`, `start + delta`, … below `limit`. */
const range: Fold = (call, [start, limit, delta]) => {
  const { isWhole } = needed(call, start);
  const [from, to, by] = [numberOf(call, start), numberOf(call, limit), numberOf(call, delta)];
  const count = Math.max(0, Math.ceil((to - from) / by));
  call.model.spend(count);
  return {
    shape: [count],
    isWhole,
    data: Array.from({ length: count }, (_, i) => from + i * by),
  };
};

export const MAKERS: Folds = [
  ['ConstantOfShape', constantOfShape],
  ['Range', range],
];

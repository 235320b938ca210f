/** Tensors made of a shape or of limits. */
import { formatError } from '../../checks';
import { type Call, unsupported } from '../call';
import { product } from '../value';
import { decode, filled, needed, type Fold, type Folds, type Numbers } from './numbers';

const constantOfShape: Fold = (call, [shape]) => {
  const tensor = call.tensor('value');
  const value = tensor && decode({ name: call.name, tensor });
  const extents = Array.from(needed(call, shape).data);
  if (extents.some((extent) => !(extent >= 0)))
    throw formatError(`${call.where}: makes a constant of shape [${extents}]; extents are whole numbers from 0`);
  call.model.spend(product(extents) / 256); // copies of one number are soon made
  const isWhole = value?.isWhole ?? false;
  const data = isWhole ? new Float64Array(product(extents)) : new Float32Array(product(extents));
  return { shape: extents, isWhole, data: data.fill(value?.data[0] ?? 0) };
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

/** Ones on a diagonal of a matrix of the input's shape. */
const eyeLike: Fold = (call, [x]) => {
  const { shape } = needed(call, x);
  const k = call.int('k', 0);
  return { shape, isWhole: false, data: filled(shape, ([row, column]) => Number(column! - row! === k)) };
};

/** Random numbers differ from run to run: a net made of them has no right values. */
const random: Fold = () => {
  throw unsupported('it draws random numbers, others in every run', 'numbers that are in the file');
};

export const MAKERS: Folds = [
  ['ConstantOfShape', constantOfShape],
  ['EyeLike', eyeLike],
  ['RandomNormal', random],
  ['RandomNormalLike', random],
  ['RandomUniform', random],
  ['RandomUniformLike', random],
  ['Range', range],
];

/** Those that read nothing. */
export const SOURCES: ReadonlySet<string> = new Set(['RandomNormal', 'RandomUniform']);

/** Sums of products: matrices, and what Einsum says. */
import { formatError } from '../../checks';
import { unsupported } from '../call';
import { broadcastShape } from '../shapeRules';
import { product } from '../value';
import { broadcast, filled, needed, offsetOf, stridesOf, type Fold, type Folds, type Numbers } from './numbers';

/** As numpy's `matmul`: a vector is a row on the left, a column on the right; the axes before are batches. */
const matMul: Fold = (call, [a, b]) => {
  const [left, right] = [needed(call, a), needed(call, b)];
  const [A, B] = [left.shape.length === 1 ? [1, ...left.shape] : left.shape, right.shape];
  const columns = B.length === 1 ? [...B, 1] : B;
  const [[M = 1, K = 1], [K2 = 1, N = 1]] = [A.slice(-2), columns.slice(-2)];
  if (K !== K2) throw formatError(`${call.where}: multiplies [${left.shape}] by [${right.shape}]`);
  const batch = broadcastShape(call, [A.slice(0, -2), columns.slice(0, -2)]);
  call.model.spend(product(batch) * M * N * K);
  const [x, y] = [
    broadcast({ ...left, shape: A }, [...batch, M, K]),
    broadcast({ ...right, shape: columns }, [...batch, K, N]),
  ];
  const shape = [...batch, M, N];
  const data = filled(shape, (place) => {
    const [m, n] = place.slice(-2) as [number, number];
    const item = offsetOf(place.slice(0, -2), stridesOf(batch));
    let sum = 0;
    for (let k = 0; k < K; k++) sum += x.data[(item * M + m) * K + k]! * y.data[(item * K + k) * N + n]!;
    return sum;
  });
  const kept = [...batch, ...(left.shape.length === 1 ? [] : [M]), ...(right.shape.length === 1 ? [] : [N])];
  return { shape: kept, data, isWhole: left.isWhole };
};

/** An equation without an ellipsis, `ij,jk->ik`: sums over the letters that the result does not have. */
const einsum: Fold = (call, inputs) => {
  const all = inputs.map((input) => needed(call, input));
  const equation = call.string('equation', '').replaceAll(/\s/g, '');
  const [left = '', right] = equation.split('->');
  const terms = left.split(',');
  if (equation.includes('.')) throw unsupported('its equation has an ellipsis', 'letters alone');
  const extents = new Map<string, number>();
  terms.forEach((term, i) =>
    term.split('').forEach((letter, axis) => {
      const extent = all[i]?.shape[axis] ?? NaN;
      if ((extents.get(letter) ?? extent) !== extent || term.length !== all[i]?.shape.length)
        throw formatError(`${call.where}: its equation ${equation} does not fit [${all[i]?.shape}]`);
      extents.set(letter, extent);
    }),
  );
  const once = [...extents.keys()].filter((letter) => left.split(letter).length === 2).sort();
  const kept = (right ?? once.join('')).split('');
  const summed = [...extents.keys()].filter((letter) => !kept.includes(letter));
  const letters = [...kept, ...summed];
  const shape = letters.map((letter) => extents.get(letter)!);
  call.model.spend(product(shape) * terms.length);
  const places = terms.map((term) => term.split('').map((letter) => letters.indexOf(letter)));
  const strides = all.map((input) => stridesOf(input.shape));
  const products = filled(shape, (place) =>
    all.reduce(
      (value, { data }, i) =>
        value *
        data[
          offsetOf(
            places[i]!.map((axis) => place[axis]!),
            strides[i]!,
          )
        ]!,
      1,
    ),
  );
  const run = product(shape.slice(kept.length));
  const data = Float64Array.from({ length: product(shape) / Math.max(1, run) }, (_, i) =>
    products.subarray(i * run, (i + 1) * run).reduce((sum, value) => sum + value, 0),
  );
  return { shape: shape.slice(0, kept.length), data, isWhole: all.every(({ isWhole }) => isWhole) };
};

/** `alpha · A · B + beta · C` */
const gemm: Fold = (call, [a, b, c]): Numbers => {
  const turned = (x: Numbers, turn: boolean): Numbers => {
    const [R = 1, S = 1] = x.shape;
    if (!turn) return x;
    return { ...x, shape: [S, R], data: filled([S, R], ([s, r]) => x.data[r! * S + s!]!) };
  };
  const [A, B] = [
    turned(needed(call, a), call.int('transA', 0) === 1),
    turned(needed(call, b), call.int('transB', 0) === 1),
  ];
  const AB = matMul(call, [A, B]) as Numbers;
  const [alpha, beta] = [call.float('alpha', 1), call.float('beta', 1)];
  const C = c && broadcast(c, AB.shape);
  return { ...AB, data: Array.from(AB.data, (value, i) => alpha * value + (C ? beta * C.data[i]! : 0)) };
};

export const PRODUCTS: Folds = [
  ['Einsum', einsum],
  ['Gemm', gemm],
  ['MatMul', matMul],
];

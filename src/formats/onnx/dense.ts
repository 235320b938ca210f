/** MatMul, Gemm and Einsum: the fully connected layer, and what of its bias and factors folds into it. */
import type { GraphNode, Weight } from '../../graph';
import { shapeError } from '../../shape';
import { broadcastBias, filled, sum } from './arithmetic';
import { unary, unsupported, type Call, type Named, type Operators, type Translation, type WeightForm } from './call';
import { arranged, swapped } from './moves';
import { einsum, matrixProduct, matrixProductOf } from './products';
import { readShape } from './tensors';
import { extentsOf, planes, printShape, product, rankOf, valueOf, type Value } from './value';

export const dense: Operators = {
  Einsum: { attributes: ['equation'], inputs: [1, Infinity], translate: einsum },
  Gemm: { attributes: ['alpha', 'beta', 'transA', 'transB'], inputs: [2, 3], translate: gemm },
  MatMul: { inputs: [2, 2], translate: matMul },
};

/** By a weight `[in, out]`, of a weight `[out, in]`, or of two tensors. */
function matMul(call: Call): Translation {
  const [left, right] = [call.constant(0), call.constant(1)];
  if (
    left &&
    readShape(left).length === 2 &&
    call.value(1).shape.length >= 2 &&
    product(call.value(1).shape.slice(0, -2)) === 1
  )
    return matMulOf(call);
  if (!right || readShape(right).length !== 2) return matrixProduct(call);
  const { shape } = call.value();
  return shape.length === 2 && shape[0] === 1 ? fullyConnected(call, transposed) : alongLastAxis(call);
}

/** αAB + βC: a fully connected layer where A is computed and B is a weight, into which all of it folds. */
function gemm(call: Call): Translation {
  const [alpha, beta] = [call.float('alpha', 1), call.float('beta', 1)];
  const left = call.operandShape(0);
  if (call.constant(0) || !call.constant(1) || call.int('transA', 0) !== 0 || left[0] !== 1 || left.length !== 2)
    return gemmOf(call, alpha, beta);
  const [node, value] = fullyConnected(call, scaled(alpha, call.int('transB', 0) ? undefined : transposed));
  if (!call.has(2)) return [node, value];
  if (!call.constant(2)) {
    return sum(call, [call.emitted([node, value]), times(call, beta, call.operand(2))]);
  }
  const bias = call.weight(2, scaled(beta, broadcastBias(readShape(call.needConstant(2)), value)));
  return [{ ...node, bias: bias.name }, value];
}

/** The same of any two matrices. */
function gemmOf(call: Call, alpha: number, beta: number): Translation {
  const turned = (index: number, name: string): Named => {
    const [x, value] = call.operand(index);
    if (value.shape.length !== 2)
      throw unsupported(`its input is ${printShape(value.shape)}`, 'matrices of 2 dimensions');
    if (!call.int(name, 0)) return [x, value];
    const other = valueOf(value.shape.toReversed());
    return [arranged(call, [x, value], [1, 0], other.extents), other];
  };
  const product = matrixProductOf(call, turned(0, 'transA'), turned(1, 'transB'));
  if (!call.has(2)) {
    const [name, { shape }] = times(call, alpha, product);
    return call.result({ op: 'identity', inputs: [name] }, shape);
  }
  return sum(call, [times(call, alpha, product), times(call, beta, call.operand(2))]);
}

function times(call: Call, factor: number, [x, value]: Named): Named {
  if (factor === 1) return [x, value];
  return [call.emit({ op: 'affine', inputs: [x], scale: filled(call, `× ${factor}`, factor)(value) }), value];
}

/** `form` makes the second input `[out, in]`. */
function fullyConnected(
  call: Call,
  form: WeightForm | undefined,
): Translation & readonly [GraphNode & { op: 'fullyConnected' }, Value] {
  const value = call.value();
  if (rankOf(value) !== 2) throw unsupported(`its input is ${printShape(value.shape)}`, '[N, I]; flatten it first');
  const [I, O, weight] = matrix(call, form);
  if (I !== value.extents.C)
    throw shapeError(
      call.where,
      `weights take ${I} inputs, its input has ${value.extents.C} (${printShape(value.shape)})`,
    );
  return [{ op: 'fullyConnected', ...unary(call), weight }, valueOf([1, O])];
}

function matrix(
  call: Call,
  form: WeightForm | undefined,
  input = 1,
): readonly [columns: number, rows: number, name: string] {
  const original = readShape(call.needConstant(input));
  if (original.length !== 2) throw unsupported(`its weight has ${original.length} dimensions`, '2');
  const weight = call.weight(input, form);
  const [O, I] = weight.shape as [number, number];
  return [I, O, weight.name];
}

/** `[N, …, I]` by `[I, O]`: a 1×1 convolution whose channels are the last axis. */
function alongLastAxis(call: Call): Translation {
  const value = call.value();
  const I = value.shape.at(-1)!;
  const places = product(value.shape.slice(0, -1));
  const [columns, O, weight] = matrix(call, pointwise(transposed));
  if (columns !== I)
    throw shapeError(call.where, `weights take ${columns} inputs, its input has ${I} (${printShape(value.shape)})`);
  const turned = call.emit(swapped(call.inputs[0]!, [places, I, 1], [I, places, 1]));
  const convolved = call.emit({ op: 'conv', inputs: [turned], kernel: [1, 1], weight });
  const shape = [...value.shape.slice(0, -1), O];
  const { C, H, W } = extentsOf(shape);
  return call.result(swapped(convolved, [O, places, 1], [C, H, W]), shape);
}

/** `[O, I]` by `[N, I, …]`: a 1×1 convolution of the planes there are. */
function matMulOf(call: Call): Translation {
  const value = call.value(1);
  const [own, columns] = [value.shape.at(-2), value.shape.at(-1)!];
  const [I, O, weight] = matrix(call, pointwise(undefined), 0);
  if (I !== own)
    throw shapeError(call.where, `weights take ${I} inputs, its input has ${own} (${printShape(value.shape)})`);
  const x = call.shaped(call.inputs[1]!, value.extents, planes([I, columns, 1]));
  const convolved = call.emit({ op: 'conv', inputs: [x], kernel: [1, 1], weight });
  return call.reshaped(convolved, planes([O, columns, 1]), [...value.shape.slice(0, -2), O, columns]);
}

const transposed: WeightForm = {
  suffix: 'transposed',
  apply({ shape, data }) {
    const [I, O] = shape as [number, number];
    const out = new Float32Array(data.length);
    for (let i = 0; i < I; i++) for (let o = 0; o < O; o++) out[o * I + i] = data[i * O + o]!;
    return { shape: [O, I], data: out };
  },
};

/** `[O, I, 1, 1]` of what a form makes `[O, I]`. */
const pointwise = (form: WeightForm | undefined): WeightForm => ({
  suffix: `${form ? `${form.suffix} ` : ''}as 1×1 filters`,
  apply(weight) {
    const { shape, data } = form ? form.apply(weight) : weight;
    return { shape: [...shape, 1, 1], data };
  },
});

/** A form, and a factor after it. */
function scaled(factor: number, form?: WeightForm): WeightForm | undefined {
  if (factor === 1) return form;
  return {
    suffix: `${form ? `${form.suffix} ` : ''}× ${factor}`,
    apply(weight: Weight) {
      const { shape, data } = form ? form.apply(weight) : weight;
      return { shape, data: data.map((value) => value * factor) };
    },
  };
}

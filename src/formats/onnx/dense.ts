/** Add, MatMul and Gemm: the operators that meet in the fully connected layer and its bias. */
import type { GraphNode, Weight } from '../../graph';
import { printExtents, sameExtents, shapeError } from '../../shape';
import { unary, unsupported, type Call, type Translation, type Value, type WeightForm } from './call';
import { readShape, type Constant } from './tensors';

/** Add: two activations of one shape; or a constant per channel, which is the bias that the layer before it lacks. */
export function add(call: Call): Translation {
  const constant = [0, 1].find((i) => call.constant(i));
  if (constant !== undefined) return addBias(call, 1 - constant, call.constant(constant)!);
  const [a, b] = [call.value(0), call.value(1)];
  if (a.rank !== b.rank || !sameExtents(a.extents, b.extents)) {
    throw unsupported(`it adds ${printExtents(a.extents)} and ${printExtents(b.extents)}; only equal shapes are`);
  }
  return [{ op: 'add', name: call.name, inputs: call.inputs }, a];
}

/** The layer is written again, with its bias, under this node's name; where nothing else reads the first, it is dropped. */
function addBias(call: Call, input: number, constant: Constant): Translation {
  const value = call.value(input);
  const layer = call.model.translated.get(call.inputs[input]!);
  if (!layer || (layer.op !== 'conv' && layer.op !== 'fullyConnected') || layer.bias !== undefined) {
    throw unsupported('it adds a constant; only after a MatMul, Gemm or Conv without bias is that');
  }
  const bias = call.model.weight(constant, broadcastBias(readShape(constant), value));
  return [{ ...layer, name: call.name, bias: bias.name }, value];
}

/** MatMul by a constant `[in, out]`. */
export function matMul(call: Call): Translation {
  return fullyConnected(call, transposed);
}

/** Gemm: αAB + βC, with A the activation, and α, β and B's transposition folded into the weights. */
export function gemm(call: Call): Translation {
  if (call.int('transA', 0) !== 0) throw unsupported('its transA is 1; only 0 is');
  const alpha = call.float('alpha', 1);
  const [node, value] = fullyConnected(call, scaled(alpha, call.int('transB', 0) ? undefined : transposed));
  if (!call.has(2)) return [node, value];
  const bias = call.weight(2, scaled(call.float('beta', 1), broadcastBias(readShape(call.needConstant(2)), value)));
  return [{ ...node, bias: bias.name }, value];
}

/** `form` makes the second input `[out, in]`. */
function fullyConnected(call: Call, form: WeightForm | undefined): Translation & readonly [GraphNode & { op: 'fullyConnected' }, Value] {
  const { extents, rank } = call.value();
  if (rank !== 2) throw unsupported(`its input has 4 dimensions, ${printExtents(extents)} and the batch; flatten it first`);
  const original = readShape(call.needConstant(1));
  if (original.length !== 2) throw unsupported(`its weight has ${original.length} dimensions; only 2 are`);
  const weight = call.weight(1, form);
  const [O, I] = weight.shape as [number, number];
  if (I !== extents.C) throw shapeError(call.where, `weights take ${I} inputs, its input has ${extents.C} (${printExtents(extents)})`);
  return [{ op: 'fullyConnected', ...unary(call), weight: weight.name }, { extents: { C: O, H: 1, W: 1 }, rank: 2 }];
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

/** A form, and a factor after it. */
function scaled(factor: number, form?: WeightForm): WeightForm | undefined {
  if (factor === 1) return form;
  return {
    suffix: `${form ? `${form.suffix} ` : ''}× ${factor}`,
    apply(weight) {
      const { shape, data } = form ? form.apply(weight) : weight;
      return { shape, data: data.map((value) => value * factor) };
    },
  };
}

/** A constant that broadcasts to one number per channel, as that vector; undefined where it is one already. */
function broadcastBias(shape: readonly number[], { extents: { C }, rank }: Value): WeightForm | undefined {
  const fromRight = [...shape].reverse(); // broadcasting aligns shapes at their right ends
  const channelAxis = rank === 4 ? 2 : 0;
  const fits = shape.length <= rank && fromRight.every((extent, i) => extent === 1 || (i === channelAxis && extent === C));
  if (!fits) throw unsupported(`it adds a constant of shape [${shape}]; only one number per channel (${C}) is`);
  if (shape.length === 1 && shape[0] === C) return undefined;
  return { suffix: `as [${C}]`, apply: ({ data }: Weight) => ({ shape: [C], data: data.length === C ? data : new Float32Array(C).fill(data[0]!) }) };
}

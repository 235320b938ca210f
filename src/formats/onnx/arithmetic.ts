/**
 * Element-wise operators of several tensors: of computed ones, of one and a constant, or of constants among them, which
 * then become tensors. Where a scale and a bias say the same, they are one.
 */
import { arityOf, type FormulaName } from '../../../shaders/formulas';
import type { Weight } from '../../graph';
import type { AffineNode } from '../../ops/affine';
import { MOST_TERMS } from '../../ops/elementwise';
import {
  unsupported,
  type Call,
  type Named,
  type Operator,
  type Operators,
  type Translation,
  type WeightForm,
} from './call';
import { broadcast, encode } from './fold/numbers';
import { broadcastShape, chosenAxes, collapsed, runsOf } from './shapeRules';
import { readShape, type Constant } from './tensors';
import { channelAxis, extentsOf, printShape, product, rankOf, sameShape, valueOf, type Value } from './value';

export const arithmetic: Operators = {
  Add: { inputs: [2, 2], translate: add },
  And: formula('and'),
  Div: { inputs: [2, 2], translate: div },
  Equal: formula('equal'),
  Greater: formula('greater'),
  GreaterOrEqual: formula('greaterOrEqual'),
  Less: formula('less'),
  LessOrEqual: formula('lessOrEqual'),
  Mean: { inputs: [1, Infinity], translate: mean },
  Mod: {
    attributes: ['fmod'],
    inputs: [2, 2],
    translate: (call) => combined(call, call.int('fmod', 0) === 0 ? 'modulo' : 'remainder', operands(call)),
  },
  Mul: { inputs: [2, 2], translate: mul },
  Neg: { inputs: [1, 1], translate: (call) => affine(call, 0, { scale: filled(call, '−1', -1)(call.value()) }) },
  Or: formula('or'),
  Sub: { inputs: [2, 2], translate: sub },
  Sum: { inputs: [1, Infinity], translate: sumOf },
  Where: formula('where'),
  Xor: formula('xor'),
};

/** The entry of an operator that is one of our functions of several numbers. */
function formula(op: FormulaName): Operator {
  const arity = arityOf(op);
  return { inputs: [arity, arity], translate: (call) => combined(call, op, operands(call)) };
}

export const operands = (call: Call): readonly Named[] => call.inputs.map((_, i) => call.operand(i));

/** A function of several numbers, of tensors that are broadcast to one shape. */
export function combined(call: Call, op: FormulaName | 'multiply', terms: readonly Named[]): Translation {
  const all = expanded(call, terms);
  return call.result({ op, inputs: all.map(([name]) => name) }, all[0]![1].shape);
}

/** The index of a constant that broadcasts to the shape of the other of two inputs, and so can be a scale or a bias. */
function constantInput(call: Call): number {
  return call.inputs.findIndex((_, i) => {
    const constant = call.constant(i);
    if (!constant) return false;
    const { shape } = call.value(1 - i);
    return sameShape(broadcastShape(call, [readShape(constant), shape]), shape);
  });
}

function add(call: Call): Translation {
  const constant = constantInput(call);
  return constant < 0 ? sum(call, operands(call)) : addConstant(call, 1 - constant, constant);
}

/** a − b. */
function sub(call: Call): Translation {
  const constant = constantInput(call);
  if (constant === 1) return affine(call, 0, { bias: spread(call, 1, 0, negated) });
  if (constant === 0)
    return affine(call, 1, { scale: filled(call, '−1', -1)(call.value(1)), bias: spread(call, 0, 1) });
  return combined(call, 'subtract', operands(call));
}

function mul(call: Call): Translation {
  const constant = constantInput(call);
  if (constant >= 0) return affine(call, 1 - constant, { scale: spread(call, constant, 1 - constant) });
  return combined(call, 'multiply', operands(call));
}

/** a / b; c / b as c · (1 / b). */
function div(call: Call): Translation {
  const constant = constantInput(call);
  if (constant === 1) return affine(call, 0, { scale: spread(call, 1, 0, inverted) });
  if (constant < 0) return combined(call, 'divide', operands(call));
  const inverse = call.emit({ op: 'reciprocal', inputs: [call.inputs[1]!] });
  return call.result({ op: 'affine', inputs: [inverse], scale: spread(call, 0, 1) }, call.value(1).shape);
}

/** Of any number of terms, broadcast to one shape. */
export function sum(call: Call, terms: readonly Named[]): Translation {
  const all = expanded(call, terms);
  const { shape } = all[0]![1];
  let names = all.map(([name]) => name);
  while (names.length > MOST_TERMS)
    names = [call.emit({ op: 'add', inputs: names.slice(0, MOST_TERMS) }), ...names.slice(MOST_TERMS)];
  return call.result(names.length === 1 ? { op: 'identity', inputs: names } : { op: 'add', inputs: names }, shape);
}

/** Sum of any number of inputs. */
function sumOf(call: Call): Translation {
  return call.inputs.length === 2 ? add(call) : sum(call, operands(call));
}

function mean(call: Call): Translation {
  const [name, value] = call.emitted(sum(call, operands(call)));
  const scale = filled(call, '1/n', 1 / call.inputs.length)(value);
  return call.result({ op: 'affine', inputs: [name], scale }, value.shape);
}

/** All of them in the shape that they broadcast to. */
function expanded(call: Call, terms: readonly Named[]): readonly Named[] {
  const shape = broadcastShape(
    call,
    terms.map(([, value]) => value.shape),
  );
  const computed = call.inputs
    .filter((name, i) => name !== '' && !call.constant(i))
    .map((name) => call.inputs.indexOf(name));
  const isBatchFirst = shape[0] === 1 && computed.every((i) => rankOf(call.value(i)) === shape.length);
  if (call.fixesBatch && !isBatchFirst) {
    throw unsupported(
      `it combines ${terms.map(([, value]) => printShape(value.shape)).join(' and ')}`,
      'shapes whose batch stays the first axis',
    );
  }
  return terms.map(([name, value]) => [expandTo(call, name, value, shape), valueOf(shape)] as const);
}

/** The tensor, copied along its axes of one element until it has this shape: one node where our three axes suffice. */
export function expandTo(call: Call, name: string, value: Value, shape: readonly number[]): string {
  const own = [...shape.slice(value.shape.length).map(() => 1), ...value.shape];
  if (product(own) === product(shape)) return call.shaped(name, value.extents, extentsOf(shape));
  const copies = shape.flatMap((extent, axis) => (own[axis] === extent ? [] : [axis]));
  const ours = chosenAxes(valueOf(shape), copies);
  if (!ours) {
    // one run of neighbours, and then the rest
    const { axes } = runsOf(shape, (axis) => copies.includes(axis)).findLast(({ chosen }) => chosen)!;
    const some = valueOf(own.map((extent, axis) => (axes.includes(axis) ? shape[axis]! : extent)));
    return expandTo(call, expandTo(call, name, value, some.shape), some, shape);
  }
  const { C, H, W } = ours.whole;
  const inputs = [call.shaped(name, value.extents, collapsed(ours))];
  return call.shaped(call.emit({ op: 'expand', inputs, extents: [C, H, W] }), ours.whole, extentsOf(shape));
}

/**
 * A constant per channel after a Conv, Gemm or MatMul without bias is that layer's: it is written again, with its bias,
 * under this node's name; where nothing else reads the first, it is dropped.
 */
function addConstant(call: Call, input: number, constant: number): Translation {
  const value = call.value(input);
  const layer = call.model.translated.get(call.inputs[input]!);
  const shape = readShape(call.constant(constant)!);
  if (
    layer &&
    (layer.op === 'conv' || layer.op === 'fullyConnected') &&
    layer.bias === undefined &&
    isPerChannel(shape, value)
  ) {
    const bias = call.model.weight(call.constant(constant)!, broadcastBias(shape, value));
    return [{ ...layer, name: call.name, bias: bias.name }, value];
  }
  return affine(call, input, { bias: spread(call, constant, input) });
}

function affine(call: Call, input: number, parameters: Pick<AffineNode, 'scale' | 'bias'>): Translation {
  return call.result({ op: 'affine', inputs: [call.inputs[input]!], ...parameters }, call.value(input).shape);
}

/** Constant `index` as a parameter of an affine node that reads input `input`: per channel where that will do. */
export const spread = (call: Call, index: number, input: number, map?: WeightForm): string =>
  spreadConstant(call, call.needConstant(index), call.value(input), map);

/** The same of a constant that is no input, beside a tensor of ours. */
export function spreadConstant(call: Call, constant: Constant, value: Value, map?: WeightForm): string {
  const shape = readShape(constant);
  call.model.spend(value.extents.C); // a broken file may have a thousand million channels
  const form = isPerChannel(shape, value) ? broadcastBias(shape, value) : everywhere(call, shape, value);
  return call.model.weight(constant, map ? chained(form, map) : form).name;
}

export const negated: WeightForm = {
  suffix: 'negated',
  apply: ({ shape, data }) => ({ shape, data: data.map((value) => -value) }),
};
const inverted: WeightForm = {
  suffix: 'inverted',
  apply: ({ shape, data }) => ({ shape, data: data.map((value) => 1 / value) }),
};

const chained = (first: WeightForm | undefined, second: WeightForm): WeightForm =>
  first
    ? { suffix: `${first.suffix}, ${second.suffix}`, apply: (weight) => second.apply(first.apply(weight)) }
    : second;

/** A weight `[C]` of one number, made for the purpose. */
export const filled =
  (call: Call, suffix: string, number: number) =>
  ({ extents: { C } }: Value): string => {
    const one: Constant = {
      name: `${call.name}/${suffix}`,
      tensor: encode({ shape: [], data: [number], isWhole: false }),
    };
    return call.model.weight(one, {
      suffix: `as [${C}]`,
      apply: () => ({ shape: [C], data: new Float32Array(C).fill(number) }),
    }).name;
  };

/**
 * Whether a constant that broadcasts to an activation varies with its channel at most. Broadcasting aligns shapes at
 * their right ends.
 */
export function isPerChannel(shape: readonly number[], value: Value): boolean {
  const full = value.shape;
  return (
    shape.length <= full.length &&
    shape.every((extent, i) => {
      const axis = i + full.length - shape.length;
      return extent === 1 || (axis === channelAxis(value) && extent === value.extents.C && extent === full[axis]);
    })
  );
}

/** A constant that broadcasts to one number per channel, as that vector; undefined where it is one already. */
export function broadcastBias(shape: readonly number[], value: Value): WeightForm | undefined {
  const { C } = value.extents;
  if (!isPerChannel(shape, value))
    throw unsupported(`its constant is [${shape}] beside ${printShape(value.shape)}`, `one number per channel, [${C}]`);
  if (shape.length === 1 && shape[0] === C) return undefined;
  return {
    suffix: `as [${C}]`,
    apply: ({ data }: Weight) => ({ shape: [C], data: data.length === C ? data : new Float32Array(C).fill(data[0]!) }),
  };
}

/** A constant that broadcasts to an activation, as a number per element. */
function everywhere(call: Call, shape: readonly number[], value: Value): WeightForm {
  const full = value.shape;
  if (!sameShape(broadcastShape(call, [shape, full]), full))
    throw unsupported(
      `its constant is [${shape}] beside ${printShape(value.shape)}`,
      'constants that broadcast to the shape of the other input',
    );
  const { C, H, W } = value.extents;
  return {
    suffix: `as [${C}, ${H}, ${W}]`,
    readsAny: true,
    apply({ data }: Weight) {
      call.model.spend(C * H * W);
      const { data: spread } = broadcast({ shape, data, isWhole: false }, full);
      return { shape: [C, H, W], data: Float32Array.from(spread) };
    },
  };
}

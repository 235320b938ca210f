/** Functions of one number: Clip, LeakyRelu, PRelu and their kind. */
import { type Curve, CURVES, type CurveName, LARGEST } from '../../../shaders/curves';
import { formatError } from '../checks';
import { broadcastBias, combined, isPerChannel, operands } from './arithmetic';
import {
  unary,
  unsupported,
  type Call,
  type Named,
  type Operator,
  type Operators,
  type Translation,
  type Unnamed,
} from './call';
import { decode } from './fold/numbers';
import { readShape } from './tensors';
import { product, rankOf } from './value';

export const functions: Operators = {
  ...Object.fromEntries((Object.keys(CURVES) as CurveName[]).flatMap(entriesOf)),
  Clip: { attributes: ['min', 'max'], inputs: [1, 3], translate: clip },
  Gelu: { attributes: ['approximate'], inputs: [1, 1], translate: gelu },
  Log: { inputs: [1, 1], translate: logarithm },
  Max: { inputs: [1, Infinity], translate: (call) => extreme(call, 'maximum', 'min') },
  Min: { inputs: [1, Infinity], translate: (call) => extreme(call, 'minimum', 'max') },
  Not: { inputs: [1, 1], translate: (call) => same(call, { op: 'not', ...unary(call) }) },
  PRelu: { inputs: [2, 2], translate: prelu },
  Pow: { inputs: [2, 2], translate: power },
};

export function same(call: Call, node: Unnamed): Translation {
  return call.result(node, call.value().shape);
}

/** The entry of a function of one number, if its record names one. */
function entriesOf(op: CurveName): readonly (readonly [string, Operator])[] {
  const { onnx }: Curve = CURVES[op];
  if (!onnx) return [];
  const { name, attributes = {} } = onnx;
  const translate = (call: Call): Translation => {
    const parameters = Object.entries(attributes).map(([attribute, { parameter, otherwise, isWhole }]) => [
      parameter,
      isWhole ? call.int(attribute, otherwise) : call.float(attribute, otherwise),
    ]);
    return same(call, { op, ...unary(call), ...Object.fromEntries(parameters) } as Unnamed);
  };
  return [[name, { attributes: Object.keys(attributes), inputs: [1, 1], translate }]];
}

/** min and max are attributes before opset 11, inputs since; an infinite one is none. */
function clip(call: Call): Translation {
  if (call.model.opset >= 11 && [1, 2].some((i) => call.has(i) && !call.constant(i))) return clipBetween(call);
  const [min, max] =
    call.model.opset < 11 ? [call.limit('min'), call.limit('max')] : [call.numbers(1)?.[0], call.numbers(2)?.[0]];
  const bounds = { ...(isLimit(call, min) && { min }), ...(isLimit(call, max) && { max }) };
  return same(call, { op: 'clip', ...unary(call), ...bounds });
}

/** Between limits that are computed: where the input equals one, the gradient is the input's. */
function clipBetween(call: Call): Translation {
  let x = call.operand(0);
  const limits = (['maximum', 'minimum'] as const).flatMap((op, k) =>
    call.has(k + 1) ? [{ op, limit: call.operand(k + 1) }] : [],
  );
  for (const { op, limit } of limits.slice(0, -1)) x = call.emitted(combined(call, op, [x, limit]));
  const { op, limit } = limits.at(-1)!;
  return combined(call, op, [x, limit]);
}

/** Max and Min of any number of tensors. Constants that are one number are a limit of a clip. */
function extreme(call: Call, op: 'maximum' | 'minimum', limit: 'min' | 'max'): Translation {
  const tensors = call.inputs.flatMap((_, i) => (isNumber(call, i) ? [] : [i]));
  const numbers = call.inputs.flatMap((_, i) => (isNumber(call, i) ? [numberOf(call, i)] : []));
  const [first, ...others] = tensors.map((i) => call.operand(i)) as [Named, ...Named[]];
  const steps = others.map((other) => (x: Named) => combined(call, op, [x, other]));
  const bound = limit === 'min' ? Math.max(...numbers) : Math.min(...numbers);
  if (numbers.length > 0 || steps.length === 0)
    steps.push(([x, { shape }]) =>
      call.result({ op: 'clip', inputs: [x], ...(isLimit(call, bound) && { [limit]: bound }) }, shape),
    );
  const last = steps.pop()!;
  return last(steps.reduce((x, step) => call.emitted(step(x)), first));
}

/** Whether an input is a constant of one number, which takes no part in the shape of what is computed. */
function isNumber(call: Call, index: number): boolean {
  const constant = call.constant(index);
  if (!constant) return false;
  const shape = readShape(constant);
  const ranks = call.inputs.flatMap((_, i) => (call.constant(i) ? [] : [rankOf(call.value(i))]));
  return product(shape) === 1 && shape.length <= Math.max(...ranks);
}

const numberOf = (call: Call, index: number): number => Math.fround(decode(call.needConstant(index)).data[0]!);

function gelu(call: Call): Translation {
  const op = call.choice('approximate', 'none', { none: 'gelu', tanh: 'geluTanh' } as const);
  return same(call, { op, ...unary(call) });
}

/** Of a sigmoid it is one function, which keeps the digits that the sigmoid loses near 1, and never ends at log(0). */
function logarithm(call: Call): Translation {
  const layer = call.model.translated.get(call.inputs[0]!);
  return layer?.op === 'sigmoid'
    ? same(call, { op: 'logSigmoid', inputs: layer.inputs })
    : same(call, { op: 'log', ...unary(call) });
}

/** x^p; some powers have a node of their own. */
function power(call: Call): Translation {
  if (!isNumber(call, 1)) return combined(call, 'raise', operands(call));
  const exponent = numberOf(call, 1);
  const { inputs } = unary(call);
  if (!Number.isFinite(exponent)) throw unsupported(`its exponent is ${exponent}`, 'a finite number');
  const own = { 0.5: 'sqrt', 1: 'identity', 2: 'square', [-1]: 'reciprocal' } as const;
  const op = own[exponent as keyof typeof own];
  return same(call, op ? { op, inputs } : { op: 'power', inputs, exponent });
}

function isLimit(call: Call, limit: number | undefined): limit is number {
  if (Number.isNaN(limit)) throw formatError(`${call.where}: one of its limits is NaN`);
  return limit !== undefined && Math.abs(limit) < LARGEST;
}

/** Its slopes broadcast to the input. */
function prelu(call: Call): Translation {
  const constant = call.constant(1);
  if (!constant || !isPerChannel(readShape(constant), call.value())) return combined(call, 'preluBy', operands(call));
  const slope = call.weight(1, broadcastBias(readShape(constant), call.value()));
  return same(call, { op: 'prelu', ...unary(call), slope: slope.name });
}

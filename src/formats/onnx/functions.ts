/** Functions of one number: Clip, LeakyRelu, PRelu and their kind. */
import { type Curve, CURVES, type CurveName, LARGEST } from '../../../shaders/curves';
import { formatError } from '../checks';
import { broadcastBias } from './arithmetic';
import { unary, unsupported, type Call, type Operator, type Operators, type Translation, type Unnamed } from './call';
import { readShape } from './tensors';
import { rankOf } from './value';

export const functions: Operators = {
  ...Object.fromEntries((Object.keys(CURVES) as CurveName[]).flatMap(entriesOf)),
  Clip: { attributes: ['min', 'max'], inputs: [1, 3], translate: clip },
  Max: { inputs: [1, Infinity], translate: (call) => extreme(call, 'min') },
  Min: { inputs: [1, Infinity], translate: (call) => extreme(call, 'max') },
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
  const { name, attributes = {}, fixed = {} } = onnx;
  const translate = (call: Call): Translation => {
    for (const [attribute, only] of Object.entries(fixed)) {
      const value = call.float(attribute, only);
      if (value !== only) throw unsupported(`its ${attribute} is ${value}`, `${only}`);
    }
    const parameters = Object.entries(attributes).map(([attribute, { parameter, otherwise }]) => [
      parameter,
      call.float(attribute, otherwise),
    ]);
    return same(call, { op, ...unary(call), ...Object.fromEntries(parameters) } as Unnamed);
  };
  return [[name, { attributes: [...Object.keys(attributes), ...Object.keys(fixed)], inputs: [1, 1], translate }]];
}

/** min and max are attributes before opset 11, inputs since; an infinite one is none. */
function clip(call: Call): Translation {
  const [min, max] =
    call.model.opset < 11 ? [call.limit('min'), call.limit('max')] : [call.numbers(1)?.[0], call.numbers(2)?.[0]];
  const bounds = { ...(isLimit(call, min) && { min }), ...(isLimit(call, max) && { max }) };
  return same(call, { op: 'clip', ...unary(call), ...bounds });
}

/** Max of an activation and a number is a clip from below, Min one from above. */
function extreme(call: Call, limit: 'min' | 'max'): Translation {
  const computed = call.inputs.filter((_, i) => !call.constant(i));
  const numbers = call.inputs.flatMap((_, i) => (call.constant(i) ? Array.from(call.numbers(i)!) : []));
  if (computed.length !== 1 || numbers.length !== call.inputs.length - 1)
    throw unsupported('it compares several tensors', 'one tensor with numbers');
  const value = call.value(call.inputs.indexOf(computed[0]!));
  if (call.inputs.some((_, i) => call.constant(i) && readShape(call.constant(i)!).length > rankOf(value)))
    throw unsupported('its constant has more dimensions than its input', 'as many, or fewer');
  const bound = limit === 'min' ? Math.max(...numbers) : Math.min(...numbers);
  return call.result({ op: 'clip', inputs: computed, ...(isLimit(call, bound) && { [limit]: bound }) }, value.shape);
}

/** x^p, for the powers that are products and roots. */
function power(call: Call): Translation {
  const numbers = call.numbers(1)!;
  const x = call.inputs[0]!;
  const { shape } = call.value();
  const [p] = numbers;
  if (numbers.length !== 1) throw unsupported(`its exponents are ${numbers.length} numbers`, 'one number');
  if (p === 1) return call.result({ op: 'identity', inputs: [x] }, shape);
  if (p === 2) return call.result({ op: 'multiply', inputs: [x, x] }, shape);
  if (p === 3)
    return call.result({ op: 'multiply', inputs: [x, call.emit({ op: 'multiply', inputs: [x, x] })] }, shape);
  if (p === 0.5) return call.result({ op: 'sqrt', inputs: [x] }, shape);
  if (p === -1) return call.result({ op: 'reciprocal', inputs: [x] }, shape);
  if (p === -0.5) return call.result({ op: 'reciprocal', inputs: [call.emit({ op: 'sqrt', inputs: [x] })] }, shape);
  throw unsupported(`its exponent is ${p}`, '1, 2, 3, 1/2, −1, −1/2');
}

function isLimit(call: Call, limit: number | undefined): limit is number {
  if (Number.isNaN(limit)) throw formatError(`${call.where}: one of its limits is NaN`);
  return limit !== undefined && Math.abs(limit) < LARGEST;
}

/** Its slopes broadcast to the input. */
function prelu(call: Call): Translation {
  const slope = call.weight(1, broadcastBias(readShape(call.needConstant(1)), call.value()));
  return same(call, { op: 'prelu', ...unary(call), slope: slope.name });
}

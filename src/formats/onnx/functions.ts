/** Functions of one number: Clip, LeakyRelu, PRelu and their kind. */
import { formatError } from '../checks';
import { broadcastBias } from './arithmetic';
import { unary, type Call, type Translation, type Unnamed } from './call';
import { readShape } from './tensors';

export function same(call: Call, node: Unnamed): Translation {
  return call.result(node, call.value().shape);
}

/** min and max are attributes before opset 11, inputs since; an infinite one is none. */
export function clip(call: Call): Translation {
  const [min, max] = call.model.opset < 11 ? [call.limit('min'), call.limit('max')] : [call.numbers(1)?.[0], call.numbers(2)?.[0]];
  const bounds = { ...(isLimit(call, min) && { min }), ...(isLimit(call, max) && { max }) };
  return same(call, { op: 'clip', ...unary(call), ...bounds });
}

const LARGEST = 3.4028234663852886e38;

function isLimit(call: Call, limit: number | undefined): limit is number {
  if (Number.isNaN(limit)) throw formatError(`${call.where}: one of its limits is NaN`);
  return limit !== undefined && Math.abs(limit) < LARGEST;
}

/** Its slopes broadcast to the input. */
export function prelu(call: Call): Translation {
  const slope = call.weight(1, broadcastBias(readShape(call.needConstant(1)), call.value()));
  return same(call, { op: 'prelu', ...unary(call), slope: slope.name });
}

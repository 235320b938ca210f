/** MaxUnpool: numbers back to where the maxima of a MaxPool were, or to constant places. */
import { unsupported, type Call, type Operators, type Pooled, type Translation } from './call';
import { cut } from './moves';
import { take } from './taking';
import { readWhole } from './tensors';
import { printShape, product, sameShape, valueOf } from './value';
import { formatError } from '../checks';

export const unpooling: Operators = {
  MaxUnpool: { attributes: ['kernel_shape', 'pads', 'strides'], inputs: [2, 3], translate: maxUnpool },
};

function maxUnpool(call: Call): Translation {
  const { shape } = call.value();
  const kernel = call.ints('kernel_shape') ?? [];
  const strides = call.ints('strides') ?? kernel.map(() => 1);
  const pads = call.ints('pads') ?? kernel.flatMap(() => [0, 0]);
  const inner = shape.map((extent, axis) => {
    const k = axis - 2;
    return k < 0 ? extent : (extent - 1) * strides[k]! + kernel[k]! - pads[k]! - pads[k + kernel.length]!;
  });
  const result = call.integers(2) ?? inner;
  if (kernel.length !== shape.length - 2 || result.length !== shape.length)
    throw formatError(
      `${call.where}: has a kernel [${kernel}] and writes [${result}]; its input is ${printShape(shape)}`,
    );
  if (call.fixesBatch) throw unsupported(`its indices are those of ${call.model.batch} items`, 'a batch of 1');
  const pooled = call.model.pools.get(call.inputs[1]!);
  return pooled ? backTo(call, pooled, result) : toPlaces(call, inner, result);
}

/** Constant places count through the whole tensor of the size that the window says; a given size cuts or pads that. */
function toPlaces(call: Call, inner: readonly number[], result: readonly number[]): Translation {
  const places = readWhole(call.needConstant(1));
  call.model.spend(product(result));
  const from = new Array<number>(product(result)).fill(-1);
  places.forEach((place, i) => {
    let left = place;
    let to = 0;
    for (let axis = inner.length - 1, stride = 1; axis >= 0; axis--) {
      const at = left % inner[axis]!;
      left = Math.floor(left / inner[axis]!);
      if (at >= result[axis]!) return;
      to += at * stride;
      stride *= result[axis]!;
    }
    if (place >= 0 && left === 0) from[to] = i;
  });
  return call.result(take(call, call.inputs[0]!, { indices: from, shape: result, role: 'elements' }), result);
}

/**
 * Where the windows do not overlap: for each place in a window, the number where the maximum stands there, the first of
 * equal ones, and else 0. Comparisons have no slope, so the gradient goes to the numbers alone.
 */
function backTo(call: Call, { x, window }: Pooled, result: readonly number[]): Translation {
  const { kernel, stride = [1, 1], pads = [0, 0, 0, 0], dilation = [1, 1] } = window;
  const [R, S] = kernel;
  const { shape } = x[1];
  const value = call.value();
  if (shape.length !== 4 || !sameShape(shape, result) || stride[0] < R || stride[1] < S)
    throw unsupported(
      `it goes back to ${printShape(result)}, ` +
        `from windows of ${R}×${S} every ${stride} places over ${printShape(shape)}`,
      'windows that do not overlap, over planes of the size that it goes back to',
    );
  if (Math.max(...pads) > 0 || Math.max(...dilation) > 1 || !sameShape(shape.slice(0, 2), value.shape.slice(0, 2)))
    throw unsupported('its pool has padding or dilation', 'pools without padding and dilation');
  const [N = 1, C = 1, H = 1, W = 1] = shape;
  const [, , P = 1, Q = 1] = value.shape;
  call.model.spend(N * C * H * W + 256 * R * S);
  const corners = Array.from({ length: R * S }, (_, k) => {
    const at = (axis: 2 | 3, begin: number, count: number) => ({ axis, begin, step: stride[axis - 2]!, count });
    return cut(call, x, [at(2, Math.floor(k / S), P), at(3, k % S, Q)])[0];
  });
  const whereBest = (k: number): string => {
    const tests = corners.flatMap((other, j) =>
      j === k ? [] : call.emit({ op: j < k ? 'greater' : 'greaterOrEqual', inputs: [corners[k]!, other] }),
    );
    return tests.reduce((left, test) => call.emit({ op: 'multiply', inputs: [left, test] }), call.inputs[0]!);
  };
  const placed = corners.map((_, k) => whereBest(k));
  const whole = placed.length === 1 ? placed[0]! : call.emit({ op: 'concat', inputs: placed });
  // the channels of corner k begin at k · C
  const indices = Array.from({ length: N * C * H * W }, (_, i) => {
    const [c, h, w] = [Math.floor(i / (H * W)), Math.floor(i / W) % H, i % W];
    const [p, q] = [Math.floor(h / stride[0]), Math.floor(w / stride[1])];
    const [r, s] = [h % stride[0], w % stride[1]];
    return r < R && s < S && p < P && q < Q ? (((r * S + s) * N * C + c) * P + p) * Q + q : -1;
  });
  return call.result(take(call, whole, { indices, shape: result, role: 'elements' }), valueOf(result).shape);
}

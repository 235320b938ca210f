/** Convolutions and pools. */
import type { GraphNode } from '../../graph';
import { printExtents, shapeError } from '../../shape';
import { checkVector, unary, unsupported, type Call, type Operators, type Translation } from './call';
import { printShape, rankOf, type Value } from './value';
import { readWindow, slideWindow, WINDOW_ATTRIBUTES } from './window';

export const windowed: Operators = {
  AveragePool: {
    attributes: [...WINDOW_ATTRIBUTES, 'ceil_mode', 'count_include_pad'],
    inputs: [1, 1],
    translate: averagePool,
  },
  Conv: { attributes: [...WINDOW_ATTRIBUTES, 'group'], inputs: [2, 3], translate: conv },
  GlobalAveragePool: { inputs: [1, 1], translate: (call) => globalPool(call, 'globalAveragePool') },
  GlobalMaxPool: { inputs: [1, 1], translate: (call) => globalPool(call, 'globalMaxPool') },
  // storage_order is how indices are counted, an output that nobody may read here
  MaxPool: { attributes: [...WINDOW_ATTRIBUTES, 'ceil_mode', 'storage_order'], inputs: [1, 1], translate: maxPool },
};

function conv(call: Call): Translation {
  const value = planes(call);
  const weight = call.weight(1);
  const [O, I, ...kernel] = weight.shape;
  if (kernel.length !== 2) throw unsupported(`its weight has ${weight.shape.length} dimensions`, '4, [O, I, R, S]');
  const groups = call.int('group', 1);
  if (groups < 1 || O! % groups !== 0 || I! * groups !== value.extents.C) {
    const have = `${value.extents.C} (${printExtents(value.extents)})`;
    throw shapeError(
      call.where,
      `weights [${weight.shape}] in ${groups} groups take ${I! * groups} channels, its input has ${have}`,
    );
  }
  const { window } = readWindow(call, value.extents, kernel);
  const bias = call.has(2) ? call.weight(2) : undefined;
  checkVector(call, 'bias', bias, O!);
  const options = { ...(groups > 1 && { groups }), ...(bias && { bias: bias.name }) };
  return [
    { op: 'conv', ...unary(call), ...window, ...options, weight: weight.name },
    slideWindow(call, value.extents, window, O!),
  ];
}

function maxPool(call: Call): Translation {
  const { extents } = planes(call);
  const { window, ceil } = readWindow(call, extents);
  return [
    { op: 'maxPool', ...unary(call), ...window, ...(ceil && { ceil }) },
    slideWindow(call, extents, window, extents.C, ceil),
  ];
}

function averagePool(call: Call): Translation {
  const { extents } = planes(call);
  const { window, ceil } = readWindow(call, extents);
  const countPadding = call.int('count_include_pad', 0) !== 0;
  const node: GraphNode = {
    op: 'averagePool',
    ...unary(call),
    ...window,
    ...(ceil && { ceil }),
    ...(countPadding && { countPadding }),
  };
  return [node, slideWindow(call, extents, window, extents.C, ceil)];
}

function globalPool(call: Call, op: 'globalAveragePool' | 'globalMaxPool'): Translation {
  return call.result({ op, ...unary(call) }, [planes(call).extents.C, 1, 1]);
}

/** The input as `[N, C, H, W]`. */
function planes(call: Call): Value {
  const value = call.value();
  if (rankOf(value) !== 4)
    throw shapeError(call.where, `its input is ${printShape(value.shape)}; it takes [N, C, H, W]`);
  return value;
}

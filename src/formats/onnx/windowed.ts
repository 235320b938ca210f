/** Convolutions and pools. */
import type { Extents } from '../../graph';
import { shapeError } from '../../shape';
import { checkVector, type Call, type Operators, type Translation, type Unnamed, type WeightForm } from './call';
import { encode } from './fold/numbers';
import { readShape } from './tensors';
import { planes, printShape, product } from './value';
import { readWindow, slideWindow, WINDOW_ATTRIBUTES } from './window';

export const windowed: Operators = {
  AveragePool: {
    attributes: [...WINDOW_ATTRIBUTES, 'ceil_mode', 'count_include_pad'],
    inputs: [1, 1],
    translate: averagePool,
  },
  Conv: { attributes: [...WINDOW_ATTRIBUTES, 'group'], inputs: [2, 3], translate: conv },
  ConvTranspose: {
    attributes: [...WINDOW_ATTRIBUTES, 'group', 'output_padding', 'output_shape'],
    inputs: [2, 3],
    translate: convTranspose,
  },
  GlobalAveragePool: { inputs: [1, 1], translate: (call) => globalPool(call, 'globalAveragePool') },
  GlobalMaxPool: { inputs: [1, 1], translate: (call) => globalPool(call, 'globalMaxPool') },
  GlobalLpPool: { attributes: ['p'], inputs: [1, 1], translate: globalLpPool },
  LpPool: { attributes: [...WINDOW_ATTRIBUTES, 'p', 'ceil_mode'], inputs: [1, 1], translate: lpPool },
  // its indices are known to MaxUnpool alone
  MaxPool: {
    attributes: [...WINDOW_ATTRIBUTES, 'ceil_mode', 'storage_order'],
    inputs: [1, 1],
    translate: maxPool,
  },
};

function conv(call: Call): Translation {
  const value = call.value();
  const { rank, extents, items } = planesOf(call);
  const weight = call.weight(1, filters(rank, items));
  const [O = 0, I = 0, ...kernel] = weight.shape;
  const groups = call.int('group', 1) * items;
  if (groups < 1 || O % groups !== 0 || I * groups !== extents.C) {
    const have = `${extents.C} (${printShape(value.shape)})`;
    throw shapeError(
      call.where,
      `weights [${readShape(call.needConstant(1))}] in ${groups / items} groups take ${(I * groups) / items} ` +
        `channels, its input has ${have}`,
    );
  }
  const { window } = readWindow(call, extents, rank, kernel);
  const bias = call.has(2) ? call.weight(2, repeated(items)) : undefined;
  checkVector(call, 'bias', bias, O);
  const options = { ...(groups > 1 && { groups }), ...(bias && { bias: bias.name }) };
  const node = { op: 'conv', ...window, ...options, weight: weight.name } as const;
  return windowed2d(call, node, slideWindow(call, extents, window, O));
}

/** Its pads say how much of the result is cut off; a given output shape, or `SAME`, says what is left instead. */
function convTranspose(call: Call): Translation {
  const value = call.value();
  const { rank, extents, items } = planesOf(call);
  const weight = call.weight(1, filters(rank, items));
  const [C = 0, perGroup = 0, ...kernel] = weight.shape;
  const groups = call.int('group', 1) * items;
  if (groups < 1 || C % groups !== 0 || C !== extents.C)
    throw shapeError(
      call.where,
      `weights [${readShape(call.needConstant(1))}] in ${groups / items} groups take ${C / items} channels, its ` +
        `input has ${extents.C} (${printShape(value.shape)})`,
    );
  const O = perGroup * groups;
  const bias = call.has(2) ? call.weight(2, repeated(items)) : undefined;
  checkVector(call, 'bias', bias, O);
  const window = transposedWindow(call, { rank, extents, kernel });
  const options = { ...(groups > 1 && { groups }), ...(bias && { bias: bias.name }) };
  const { H, W, ...rest } = window;
  const node = { op: 'convTranspose', ...rest, ...options, weight: weight.name } as const;
  return windowed2d(call, node, { C: O, H, W });
}

/** The window of a transposed convolution, and the height and width of what it writes. */
function transposedWindow(
  call: Call,
  { rank, extents, kernel }: { readonly rank: 1 | 2; readonly extents: Extents; readonly kernel: readonly number[] },
) {
  const autoPad = call.string('auto_pad', 'NOTSET');
  const { window } = readWindow(call, extents, rank, kernel);
  const { stride = [1, 1], pads = [0, 0, 0, 0], dilation = [1, 1] } = window;
  const padding = call.ints('output_padding') ?? [0, 0];
  const stated = call.ints('output_shape')?.slice(-rank);
  const along = (axis: 0 | 1) => {
    const extent = axis === 0 ? extents.H : extents.W;
    const more = padding[axis] ?? 0;
    const whole = (extent - 1) * stride[axis] + (window.kernel[axis] - 1) * dilation[axis] + 1 + more;
    const wanted = axis < rank ? (stated?.[axis] ?? (autoPad.startsWith('SAME') ? extent * stride[axis] : null)) : null;
    if (wanted === null) {
      const [before, after] = autoPad === 'VALID' ? [0, 0] : [pads[axis], pads[axis + 2]!];
      return { before, after, more, written: whole - before - after };
    }
    const cut = Math.max(0, whole - wanted);
    const less = Math.floor(cut / 2);
    const [before, after] = autoPad === 'SAME_UPPER' ? [less, cut - less] : [cut - less, less];
    return { before, after, more: more + Math.max(0, wanted - whole), written: wanted };
  };
  const [y, x] = [along(0), along(1)];
  return {
    ...window,
    pads: [y.before, x.before, y.after, x.after] as const,
    ...((y.more > 0 || x.more > 0) && { outputPadding: [y.more, x.more] as const }),
    H: y.written,
    W: x.written,
  };
}

/**
 * The root of the sum of powers of each window: a convolution of every channel with ones. A window that begins inside
 * and ends past the padding, which `ceil_mode` lets be, is one with more padding behind.
 */
function lpPool(call: Call): Translation {
  const p = call.int('p', 2);
  const { rank, extents } = planesOf(call);
  const { window, ceil } = readWindow(call, extents, rank);
  const written = slideWindow(call, extents, window, extents.C, ceil);
  const { kernel, stride = [1, 1], pads = [0, 0, 0, 0], dilation = [1, 1] } = window;
  const needed = (axis: 0 | 1): number =>
    ((axis === 0 ? written.H : written.W) - 1) * stride[axis] +
    (kernel[axis] - 1) * dilation[axis] +
    1 -
    (axis === 0 ? extents.H : extents.W) -
    pads[axis];
  const { C } = extents;
  const ones = call.model.weight(
    { name: `${call.name}/ones`, tensor: encode({ shape: [], data: [1], isWhole: false }) },
    {
      suffix: `as [${C}, 1, ${kernel}]`,
      apply: () => ({ shape: [C, 1, ...kernel], data: new Float32Array(C * kernel[0] * kernel[1]).fill(1) }),
    },
  );
  const planes = call.shaped(call.inputs[0]!, call.value().extents, extents);
  const powers = powersOf(call, planes, p);
  const sums = call.emit({
    op: 'conv',
    inputs: [powers],
    ...window,
    pads: [pads[0], pads[1], Math.max(pads[2], needed(0)), Math.max(pads[3], needed(1))],
    ...(C > 1 && { groups: C }),
    weight: ones.name,
  });
  return inItems(call, rootOf(call, sums, p), written);
}

/** The root of the sum of powers of each channel. */
function globalLpPool(call: Call): Translation {
  const { shape, extents } = call.value();
  const [N = 1, C = 1, ...places] = shape;
  const whole = planes([N * C, product(places.slice(0, -1)), places.at(-1) ?? 1]);
  const x = call.shaped(call.inputs[0]!, extents, whole);
  const p = call.int('p', 2);
  const sums = call.emit({ op: 'reduce', inputs: [powersOf(call, x, p)], kind: 'sum', axes: ['H', 'W'] });
  const pooled = planes([N * C, 1, 1]);
  return call.reshaped(rootOf(call, sums, p), pooled, [N, C, ...places.map(() => 1)]);
}

/** `|x|ᵖ` */
function powersOf(call: Call, x: string, p: number): string {
  if (p === 2) return call.emit({ op: 'multiply', inputs: [x, x] });
  const size = call.emit({ op: 'abs', inputs: [x] });
  return p === 1 ? size : call.emit({ op: 'power', inputs: [size], exponent: p });
}

/** `x^(1/p)` */
function rootOf(call: Call, x: string, p: number): string {
  if (p === 1) return x;
  return p === 2 ? call.emit({ op: 'sqrt', inputs: [x] }) : call.emit({ op: 'power', inputs: [x], exponent: 1 / p });
}

function maxPool(call: Call): Translation {
  const { rank, extents } = planesOf(call);
  const { window, ceil } = readWindow(call, extents, rank);
  const indices = call.output(1);
  if (indices !== '') call.model.pools.set(indices, { x: [call.inputs[0]!, call.value()], window });
  const node = { op: 'maxPool', ...window, ...(ceil && { ceil }) } as const;
  return windowed2d(call, node, slideWindow(call, extents, window, extents.C, ceil));
}

function averagePool(call: Call): Translation {
  const { rank, extents } = planesOf(call);
  const { window, ceil } = readWindow(call, extents, rank);
  const countPadding = call.int('count_include_pad', 0) !== 0;
  const node = { op: 'averagePool', ...window, ...(ceil && { ceil }), ...(countPadding && { countPadding }) } as const;
  return windowed2d(call, node, slideWindow(call, extents, window, extents.C, ceil));
}

function globalPool(call: Call, op: 'globalAveragePool' | 'globalMaxPool'): Translation {
  const { shape, extents } = call.value();
  const [N = 1, C = 1, ...places] = shape;
  if (shape.length < 3)
    throw shapeError(call.where, `its input is ${printShape(shape)}; it takes [N, C, H, W], [N, C, L] and the like`);
  const whole = planes([N * C, product(places.slice(0, -1)), places.at(-1)!]);
  const result = [N, C, ...places.map(() => 1)];
  const node = { op, inputs: [call.shaped(call.inputs[0]!, extents, whole)] } as const;
  const pooled = planes([N * C, 1, 1]);
  return call.written(node, pooled, result);
}

/** Planes that a window slides over. */
interface Planes {
  /** In how many directions it slides: one of them is the height of planes of width 1. */
  readonly rank: 1 | 2;
  /** C counts the channels of all items. */
  readonly extents: Extents;
  /** What the first axis has become inside of the graph: so many times the same is done. */
  readonly items: number;
}

/** The input `[N, C, H, W]` or `[N, C, L]` as planes. */
function planesOf(call: Call): Planes {
  const { shape } = call.value();
  const [items = 1, C = 1, H = 1, W = 1] = shape;
  if (shape.length !== 3 && shape.length !== 4)
    throw shapeError(call.where, `its input is ${printShape(shape)}; it takes [N, C, H, W] and [N, C, L]`);
  return { rank: shape.length === 3 ? 1 : 2, extents: planes([items * C, H, W]), items };
}

/** A node that reads the input as planes, and what it writes in the rank and with the items of the input. */
function windowed2d(call: Call, node: Omit<Unnamed, 'inputs'>, written: Extents): Translation {
  const { extents } = call.value();
  const read = planesOf(call);
  const whole = { ...node, inputs: [call.shaped(call.inputs[0]!, extents, read.extents)] } as Unnamed;
  return call.written(whole, written, inRank(read, written));
}

/** The shape of planes in the rank and with the items of those that were read. */
const inRank = ({ rank, items }: Planes, { C, H, W }: Extents): number[] => [items, C / items, H, W].slice(0, rank + 2);

/** Planes that the input became, as what this node writes, in the rank and with the items of the input. */
function inItems(call: Call, x: string, written: Extents): Translation {
  return call.reshaped(x, written, inRank(planesOf(call), written));
}

/** Filters `[O, I, R]` as `[O, I, R, 1]`, and as many copies as there are items. */
function filters(rank: 1 | 2, items: number): WeightForm | undefined {
  const copies = repeated(items);
  if (rank === 2) return copies;
  return {
    suffix: `${copies ? `${copies.suffix} ` : ''}as columns`,
    apply(weight) {
      const { shape, data } = copies ? copies.apply(weight) : weight;
      return { shape: [...shape, 1], data };
    },
  };
}

/** So many copies one behind the other. */
function repeated(items: number): WeightForm | undefined {
  if (items === 1) return undefined;
  return {
    suffix: `${items} times`,
    apply({ shape, data }) {
      const copies = new Float32Array(items * data.length);
      for (let k = 0; k < items; k++) copies.set(data, k * data.length);
      return { shape: [items * (shape[0] ?? 1), ...shape.slice(1)], data: copies };
    },
  };
}

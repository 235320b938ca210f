/**
 * Nodes whose inputs are all constants, computed as the file is read: shape arithmetic that exporters leave behind, and
 * weights that are turned or scaled before use. Numbers are float64 on the way and float32 (or whole) at its end.
 */
import { create } from '@bufbuild/protobuf';
import { TensorProto_DataType as DataType, TensorProtoSchema, type TensorProto } from 'onnx-buf';
import { formatError } from '../checks';
import type { Call } from './call';
import { readFloats, readIntegers, readShape, type Constant } from './tensors';
import { product } from './value';

/** A constant, decoded. */
export interface Numbers {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
  readonly isWhole: boolean;
}

type Fold = (call: Call, inputs: readonly (Numbers | undefined)[]) => Numbers | readonly Numbers[];

const WHOLE = new Set<DataType>([DataType.INT64, DataType.INT32, DataType.BOOL]);

export function decode(constant: Constant): Numbers {
  if (WHOLE.has(constant.tensor.dataType))
    return { shape: readShape(constant), data: readIntegers(constant), isWhole: true };
  return { ...readFloats(constant), isWhole: false };
}

/** @throws GradlensError `model-format` where it is no number that a float32 or an int64 holds. */
export function encode({ shape, data, isWhole }: Numbers): TensorProto {
  const odd = shape.find((extent) => !Number.isSafeInteger(extent) || extent < 0);
  if (odd !== undefined)
    throw formatError(`onnx: arithmetic with constants gives the shape [${shape}]; extents are whole numbers from 0`);
  const dims = shape.map(BigInt);
  if (!isWhole)
    return create(TensorProtoSchema, {
      dataType: DataType.FLOAT,
      dims,
      rawData: new Uint8Array(Float32Array.from(data).buffer),
    });
  const wrong = Array.from(data).find((value) => !Number.isSafeInteger(value));
  if (wrong !== undefined)
    throw formatError(`onnx: shape arithmetic gives ${wrong}, which is no whole number within 53 bits`);
  return create(TensorProtoSchema, { dataType: DataType.INT64, dims, int64Data: Array.from(data, BigInt) });
}

// ── indices ──

const stridesOf = (shape: readonly number[]): number[] => shape.map((_, axis) => product(shape.slice(axis + 1)));

/** A tensor of this shape whose element at each place is that of `x` at `source(place)`. */
function gathered(
  x: Numbers,
  shape: readonly number[],
  source: (place: readonly number[]) => readonly number[],
): Numbers {
  const strides = stridesOf(x.shape);
  return {
    ...x,
    shape,
    data: filled(shape, (place) => x.data[source(place).reduce((sum, i, axis) => sum + i * strides[axis]!, 0)]!),
  };
}

function filled(shape: readonly number[], value: (place: readonly number[]) => number): Float64Array {
  const strides = stridesOf(shape);
  return Float64Array.from({ length: product(shape) }, (_, i) =>
    value(strides.map((stride, axis) => Math.floor(i / stride) % shape[axis]!)),
  );
}

/** An axis counted from the front, of `rank` dimensions. */
export function axisOf(call: Call, axis: number, rank: number): number {
  const counted = axis < 0 ? axis + rank : axis;
  if (!(counted >= 0 && counted < rank))
    throw formatError(`${call.where}: its axis is ${axis}; its input has ${rank} dimensions`);
  return counted;
}

/** The shape that all of these broadcast to. */
export function broadcastShape(call: Call, shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map(({ length }) => length));
  return Array.from({ length: rank }, (_, axis) => {
    const extents = shapes.map((shape) => shape[axis - rank + shape.length] ?? 1).filter((extent) => extent !== 1);
    if (extents.some((extent) => extent !== extents[0]))
      throw formatError(
        `${call.where}: the shapes ${shapes.map((shape) => `[${shape}]`).join(' and ')} do not broadcast`,
      );
    return extents[0] ?? 1;
  });
}

export function broadcast(x: Numbers, shape: readonly number[]): Numbers {
  return gathered(x, shape, (place) =>
    x.shape.map((extent, axis) => (extent === 1 ? 0 : place[axis + shape.length - x.shape.length]!)),
  );
}

// ── operators ──

const needed = (call: Call, input: Numbers | undefined): Numbers => {
  if (!input) throw formatError(`${call.where}: lacks an input`);
  return input;
};
const list = (input: Numbers | undefined): number[] | undefined => (input ? Array.from(input.data) : undefined);

const elementwise =
  (f: (...values: number[]) => number, result: 'same' | 'whole' = 'same'): Fold =>
  (call, inputs) => {
    const all = inputs.map((input) => needed(call, input));
    const shape = broadcastShape(
      call,
      all.map((input) => input.shape),
    );
    call.model.spend(product(shape));
    const spread = all.map((input) => broadcast(input, shape));
    const isWhole = result === 'whole' || all.at(-1)!.isWhole;
    return {
      shape,
      isWhole,
      data: Float64Array.from({ length: product(shape) }, (_, i) => f(...spread.map(({ data }) => data[i]!))),
    };
  };
const division: Fold = (call, inputs) =>
  elementwise((a, b) => (inputs.every((input) => input?.isWhole) ? Math.trunc(a / b) : a / b))(call, inputs);

const reshaped = (call: Call, x: Numbers, shape: readonly number[]): Numbers => {
  if (product(shape) !== product(x.shape))
    throw formatError(`${call.where}: makes [${shape}] of [${x.shape}]; the number of elements must stay`);
  return { ...x, shape };
};

/** What a Reshape's target means for an input of this shape: 0 copies an extent, −1 is what is left over. */
export function resolveReshape(call: Call, source: readonly number[], target: readonly number[]): number[] {
  const copied = target.map((extent, i) => (extent === 0 && !call.int('allowzero', 0) ? (source[i] ?? 0) : extent));
  const known = product(copied.filter((extent) => extent !== -1));
  return copied.map((extent) => (extent === -1 ? product(source) / known : extent));
}

/** Which axes a Squeeze takes away from these extents. */
export function squeezed(call: Call, shape: readonly number[], axes: readonly number[] | undefined): number[] {
  const dropped =
    axes?.map((axis) => axisOf(call, axis, shape.length)) ??
    shape.flatMap((extent, axis) => (extent === 1 ? [axis] : []));
  const wrong = dropped.find((axis) => shape[axis] !== 1);
  if (wrong !== undefined)
    throw formatError(`${call.where}: squeezes axis ${wrong} of [${shape}], whose extent is not 1`);
  return shape.filter((_, axis) => !dropped.includes(axis));
}

export function unsqueezed(call: Call, shape: readonly number[], axes: readonly number[]): number[] {
  const rank = shape.length + axes.length;
  const added = axes.map((axis) => axisOf(call, axis, rank));
  const rest = [...shape];
  return Array.from({ length: rank }, (_, axis) => (added.includes(axis) ? 1 : rest.shift()!));
}

/** Which elements of an axis a slice takes: the first, the step, and how many. */
export function sliceRange(
  start: number,
  end: number,
  step: number,
  extent: number,
): { readonly begin: number; readonly step: number; readonly count: number } {
  const within = (at: number): number => {
    const counted = at < 0 ? at + extent : at;
    return step > 0 ? Math.min(Math.max(counted, 0), extent) : Math.min(Math.max(counted, -1), extent - 1);
  };
  const begin = within(start);
  return { begin, step, count: Math.max(0, Math.ceil((within(end) - begin) / step)) };
}

const reduction =
  (f: (values: readonly number[]) => number): Fold =>
  (call, [x, axes]) => {
    const input = needed(call, x);
    const given = list(axes) ?? call.ints('axes');
    const reduced = (given ?? input.shape.map((_, axis) => axis)).map((axis) => axisOf(call, axis, input.shape.length));
    const kept = input.shape.map((extent, axis) => (reduced.includes(axis) ? 1 : extent));
    const groups: number[][] = Array.from({ length: product(kept) }, () => []);
    const strides = stridesOf(kept);
    const inputStrides = stridesOf(input.shape);
    for (let i = 0; i < input.data.length; i++) {
      const at = inputStrides.reduce(
        (sum, stride, axis) =>
          sum + (reduced.includes(axis) ? 0 : (Math.floor(i / stride) % input.shape[axis]!) * strides[axis]!),
        0,
      );
      groups[at]!.push(input.data[i]!);
    }
    return {
      ...input,
      shape: call.int('keepdims', 1) ? kept : input.shape.filter((_, axis) => !reduced.includes(axis)),
      data: groups.map(f),
    };
  };

/** By ONNX's operator name. */
export const folds: ReadonlyMap<string, Fold> = new Map<string, Fold>([
  ['Abs', elementwise(Math.abs)],
  ['Add', elementwise((a, b) => a + b)],
  ['And', elementwise((a, b) => Number(a !== 0 && b !== 0), 'whole')],
  [
    'Cast',
    (call, [x]) => {
      const isWhole = WHOLE.has(call.int('to', 1));
      const cast =
        call.int('to', 1) === DataType.BOOL
          ? (value: number) => Number(value !== 0)
          : isWhole
            ? Math.trunc
            : (value: number) => value;
      return { shape: needed(call, x).shape, isWhole, data: Array.from(x!.data, cast) };
    },
  ],
  ['Ceil', elementwise(Math.ceil)],
  [
    'Concat',
    (call, inputs) => {
      const all = inputs.map((input) => needed(call, input));
      const axis = axisOf(call, call.int('axis', 1), all[0]!.shape.length);
      const shape = all[0]!.shape.map((extent, i) =>
        i === axis ? all.reduce((sum, input) => sum + input.shape[axis]!, 0) : extent,
      );
      if (
        all.some(
          (input) =>
            input.shape.length !== shape.length || input.shape.some((extent, i) => i !== axis && extent !== shape[i]),
        )
      ) {
        throw formatError(
          `${call.where}: joins ${all.map((input) => `[${input.shape}]`).join(' and ')}; all but axis ${axis} must agree`,
        );
      }
      const strides = all.map((input) => stridesOf(input.shape));
      return {
        ...all[0]!,
        shape,
        data: filled(shape, (place) => {
          let k = 0;
          let at = place[axis]!;
          while (at >= all[k]!.shape[axis]!) at -= all[k++]!.shape[axis]!;
          return all[k]!.data[place.reduce((sum, i, a) => sum + (a === axis ? at : i) * strides[k]![a]!, 0)]!;
        }),
      };
    },
  ],
  [
    'ConstantOfShape',
    (call, [shape]) => {
      const tensor = call.tensor('value');
      const value = tensor ? decode({ name: call.name, tensor }) : undefined;
      const extents = list(needed(call, shape))!;
      if (extents.some((extent) => !(extent >= 0)))
        throw formatError(`${call.where}: makes a constant of shape [${extents}]; extents are whole numbers from 0`);
      call.model.spend(product(extents));
      return {
        shape: extents,
        isWhole: value?.isWhole ?? false,
        data: new Float64Array(product(extents)).fill(value?.data[0] ?? 0),
      };
    },
  ],
  ['Div', division],
  ['Equal', elementwise((a, b) => Number(a === b), 'whole')],
  ['Exp', elementwise(Math.exp)],
  [
    'Expand',
    (call, [x, shape]) => {
      const to = broadcastShape(call, [needed(call, x).shape, list(needed(call, shape))!]);
      call.model.spend(product(to));
      return broadcast(x!, to);
    },
  ],
  [
    'Flatten',
    (call, [x]) => {
      const { shape } = needed(call, x);
      const axis = call.int('axis', 1);
      const before = product(shape.slice(0, axis < 0 ? axis + shape.length : axis));
      return reshaped(call, x!, [before, product(shape) / before]);
    },
  ],
  ['Floor', elementwise(Math.floor)],
  [
    'Gather',
    (call, [x, indices]) => {
      const { shape } = needed(call, x);
      const axis = axisOf(call, call.int('axis', 0), shape.length);
      const at = needed(call, indices);
      const to = [...shape.slice(0, axis), ...at.shape, ...shape.slice(axis + 1)];
      call.model.spend(product(to));
      const strides = stridesOf(at.shape);
      return gathered(x!, to, (place) => {
        const index =
          at.data[place.slice(axis, axis + at.shape.length).reduce((sum, i, a) => sum + i * strides[a]!, 0)]!;
        return [...place.slice(0, axis), axisOf(call, index, shape[axis]!), ...place.slice(axis + at.shape.length)];
      });
    },
  ],
  ['Greater', elementwise((a, b) => Number(a > b), 'whole')],
  ['GreaterOrEqual', elementwise((a, b) => Number(a >= b), 'whole')],
  ['Less', elementwise((a, b) => Number(a < b), 'whole')],
  ['LessOrEqual', elementwise((a, b) => Number(a <= b), 'whole')],
  ['Log', elementwise(Math.log)],
  ['Max', elementwise(Math.max)],
  ['Min', elementwise(Math.min)],
  ['Mod', elementwise((a, b) => (b === 0 ? NaN : ((a % b) + b) % b))],
  ['Mul', elementwise((a, b) => a * b)],
  ['Neg', elementwise((a) => -a)],
  ['Not', elementwise((a) => Number(a === 0), 'whole')],
  ['Or', elementwise((a, b) => Number(a !== 0 || b !== 0), 'whole')],
  ['Pow', elementwise((a, b) => a ** b)],
  [
    'Range',
    (call, inputs) => {
      const [start, limit, delta] = inputs.map((input) => needed(call, input).data[0]!) as [number, number, number];
      const count = Math.max(0, Math.ceil((limit - start) / delta));
      call.model.spend(count);
      return {
        shape: [count],
        isWhole: inputs[0]!.isWhole,
        data: Array.from({ length: count }, (_, i) => start + i * delta),
      };
    },
  ],
  ['Reciprocal', elementwise((a) => 1 / a)],
  ['ReduceMax', reduction((values) => Math.max(...values))],
  ['ReduceMean', reduction((values) => values.reduce((a, b) => a + b, 0) / values.length)],
  ['ReduceMin', reduction((values) => Math.min(...values))],
  ['ReduceProd', reduction((values) => product(values))],
  ['ReduceSum', reduction((values) => values.reduce((a, b) => a + b, 0))],
  [
    'Reshape',
    (call, [x, shape]) => reshaped(call, needed(call, x), resolveReshape(call, x!.shape, list(needed(call, shape))!)),
  ],
  [
    'Slice',
    (call, [x, starts, ends, axes, steps]) => {
      const { shape } = needed(call, x);
      const begins = list(starts) ?? call.places('starts') ?? [];
      const stops = list(ends) ?? call.places('ends') ?? [];
      const along = (list(axes) ?? call.ints('axes') ?? begins.map((_, i) => i)).map((axis) =>
        axisOf(call, axis, shape.length),
      );
      const by = list(steps) ?? begins.map(() => 1);
      const ranges = shape.map((extent, axis) => {
        const k = along.indexOf(axis);
        return k < 0 ? { begin: 0, step: 1, count: extent } : sliceRange(begins[k]!, stops[k]!, by[k]!, extent);
      });
      return gathered(
        x!,
        ranges.map(({ count }) => count),
        (place) => place.map((i, axis) => ranges[axis]!.begin + i * ranges[axis]!.step),
      );
    },
  ],
  ['Sqrt', elementwise(Math.sqrt)],
  [
    'Squeeze',
    (call, [x, axes]) => reshaped(call, needed(call, x), squeezed(call, x!.shape, list(axes) ?? call.ints('axes'))),
  ],
  ['Sub', elementwise((a, b) => a - b)],
  [
    'Transpose',
    (call, [x]) => {
      const { shape } = needed(call, x);
      const order = call.ints('perm') ?? shape.map((_, axis) => shape.length - 1 - axis);
      if (!shape.every((_, axis) => order.includes(axis)) || order.length !== shape.length)
        throw formatError(`${call.where}: its perm is [${order}], for ${shape.length} dimensions`);
      return gathered(
        x!,
        order.map((axis) => shape[axis]!),
        (place) => shape.map((_, axis) => place[order.indexOf(axis)]!),
      );
    },
  ],
  [
    'Unsqueeze',
    (call, [x, axes]) =>
      reshaped(call, needed(call, x), unsqueezed(call, x!.shape, list(axes) ?? call.ints('axes') ?? [])),
  ],
  ['Where', elementwise((condition, a, b) => (condition !== 0 ? a : b))],
]);

/** The constants that a node of constants writes; undefined where it reads anything else, or is not known here. */
export function foldNode(call: Call, opType: string): readonly TensorProto[] | undefined {
  const fold = folds.get(opType);
  const constants = call.inputs.map((name, index) => (name === '' ? undefined : call.constant(index)));
  if (!fold || call.inputs.length === 0 || call.inputs.some((name, index) => name !== '' && !constants[index]))
    return undefined;
  const inputs = constants.map((constant) => constant && decode(constant));
  call.model.spend(inputs.reduce((sum, input) => sum + (input?.data.length ?? 0), 0));
  const result = fold(call, inputs);
  return ('data' in result ? [result] : result).map(encode);
}

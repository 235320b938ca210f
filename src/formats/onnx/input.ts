/** The picture among a graph's inputs, and the others, which are held at what the caller says. */
import { TensorProto_DataType as DataType, type GraphProto, type ValueInfoProto } from 'onnx-buf';
import type { ReadingOptions } from '../../graph';
import { MOST_ELEMENTS } from '../../shape';
import { formatError, quote } from '../checks';
import { encode } from './fold/numbers';
import type { Constant } from './tensors';
import { product, valueOf, type Value } from './value';

const FLOATS = [DataType.FLOAT, DataType.FLOAT16, DataType.BFLOAT16, DataType.DOUBLE];
/** Pixels as they are; a Cast of theirs changes no number. */
const BYTES = [DataType.UINT8, DataType.INT8, DataType.INT32, DataType.INT64, DataType.UINT16, DataType.INT16];
const AXES = ['N', 'C', 'H', 'W'];

/** The image, or whatever else is classified. */
export interface GraphInput {
  readonly name: string;
  readonly value: Value;
  /** Undefined where it is symbolic. */
  readonly batch: number | undefined;
  /** Whether the file takes pixels as whole numbers, 0 to 255. */
  readonly isWhole: boolean;
}

/** A dimension that is free bears a name. */
type Dimension = number | string;

/** Whatever `readInputs` is to know beside the graph. */
export interface InputHints extends Pick<ReadingOptions, 'size' | 'fixed'> {
  /** A size that the file suggests, and where. */
  readonly suggested?: { readonly size: readonly [number, number]; readonly by: string };
}

export interface ReadInputs {
  readonly input: GraphInput;
  /** The other inputs, as the caller holds them. */
  readonly held: readonly Constant[];
  /** Sentences for people. */
  readonly notes: readonly string[];
}

/**
 * The inputs of a graph that are no weights (old files list those too). One is the picture, of shape `[N, C, H, W]`,
 * `[N, H, W, C]`, `[N, C, H]` or `[N, C]`: N free or fixed, H and W fixed or given.
 * @throws GradlensError `model-format` naming the input, the dimension, and the option that would help.
 */
export function readInputs(graph: GraphProto, hints: InputHints): ReadInputs {
  const constants = new Set(graph.initializer.map(({ name }) => name));
  const inputs = graph.input.filter(({ name }) => !constants.has(name));
  const fixed = hints.fixed ?? {};
  const unknown = Object.keys(fixed).find((name) => !inputs.some((input) => input.name === name));
  if (unknown !== undefined)
    throw formatError(
      `onnx: the option fixed names ${quote(unknown)}; the inputs are ${quote(inputs.map(({ name }) => name))}`,
      { option: 'fixed' },
    );
  const [picture, ...others] = inputs.filter(({ name }) => !Object.hasOwn(fixed, name));
  if (!picture) throw formatError(`onnx: has ${inputs.length} inputs that are not held; it takes one, the picture`);
  if (others.length > 0) throw severalInputs([picture, ...others]);
  const held = inputs.filter((input) => input !== picture).map((input) => heldInput(input, fixed[input.name]!));
  return { ...pictureOf(picture, hints), held };
}

function severalInputs(inputs: readonly ValueInfoProto[]): Error {
  const listed = inputs.map((input) => `${quote(input.name)} ${printed(dimensionsOf(input) ?? [])}`);
  const planes = inputs.filter((input) => (dimensionsOf(input)?.length ?? 0) >= 3);
  const other = inputs.find((input) => input !== planes[0])!;
  return formatError(
    `onnx: has ${inputs.length} inputs, ${listed.join(' and ')}; one is the picture, and the others are held at what ` +
      `the option fixed says, such as { ${quote(other.name)}: 0 } (--fixed ${other.name}=0, or =FILE.npy)`,
    { option: 'fixed', inputs: inputs.map(({ name }) => name) },
  );
}

const printed = (shape: readonly Dimension[]): string => `[${shape.join(', ')}]`;

// ── the picture ──

function pictureOf(picture: ValueInfoProto, { size, suggested }: InputHints): Pick<ReadInputs, 'input' | 'notes'> {
  const where = `onnx: input ${quote(picture.name)}`;
  const { dimensions, isWhole } = readDimensions(picture, where);
  const isAlone = standsAlone(dimensions);
  const [N, ...stated] = isAlone ? [1, ...dimensions] : dimensions;
  const axes = stated.length === 3 ? planeAxes(stated) : undefined;
  const free = stated.findIndex((extent, axis) => typeof extent === 'string' && !axes?.includes(axis));
  if (free >= 0)
    throw formatError(
      `${where}: its ${AXES[free + 1]} is free (${quote(stated[free])}); export the model with a fixed number there`,
    );
  const open = axes?.filter((axis) => typeof stated[axis] === 'string') ?? [];
  if (size && !axes) throw formatError(`${where}: has no height and width for the option size`, { option: 'size' });
  if (size) checkSize(size, stated, axes!, where);
  const given = size ?? (open.length > 0 ? suggested?.size : undefined);
  if (open.length > 0 && !given) {
    const names = open.map((axis) => `${axis === axes![0] ? 'height' : 'width'} (${quote(stated[axis])})`);
    throw formatError(
      `${where}: its ${names.join(' and ')} ${open.length > 1 ? 'are' : 'is'} free in the file; say the size of the ` +
        'pictures, size: [height, width] (--size HxW)',
      { option: 'size' },
    );
  }
  const shape = stated.map((extent, axis) => (typeof extent === 'string' ? given![axes!.indexOf(axis)]! : extent));
  if (product(shape) > MOST_ELEMENTS)
    throw formatError(`${where}: is ${shape.join('×')}, more than ${MOST_ELEMENTS} elements`);
  const notes =
    open.length > 0 && !size
      ? [`the file leaves the size of pictures free; taking ${given!.join('×')}, since ${suggested!.by} (size: [H, W])`]
      : [];
  const batch = typeof N === 'number' ? N : undefined;
  return { input: { name: picture.name, value: valueOf(isAlone ? shape : [1, ...shape]), batch, isWhole }, notes };
}

/** Whether it is a picture without an axis for a batch: three axes, of which the first or the last are its channels. */
function standsAlone(dimensions: readonly Dimension[]): boolean {
  const [first = '', , last = '', ...rest] = dimensions;
  const isChannels = (extent: Dimension): boolean => extent === 3 || extent === 4;
  if (dimensions.length !== 3 || rest.length > 0 || typeof first === 'string') return false;
  return isChannels(first) || (first > 4 && isChannels(last));
}

/** Which of the three axes behind the batch are height and width: the last two, or, where C is last, those before. */
function planeAxes(extents: readonly Dimension[]): readonly [height: number, width: number] {
  const isFixed = (axis: number): boolean => typeof extents[axis] === 'number';
  const isChannelsLast = !isFixed(0) && isFixed(2) && (extents[2] as number) <= 4;
  return isChannelsLast ? [0, 1] : [1, 2];
}

function checkSize(
  size: readonly number[],
  stated: readonly Dimension[],
  axes: readonly [number, number],
  where: string,
): void {
  if (size.length !== 2 || size.some((extent) => !Number.isInteger(extent) || extent < 1 || extent > MOST_ELEMENTS))
    throw formatError(`${where}: the option size is ${quote(size)}; [height, width] in pixels would be right`, {
      option: 'size',
    });
  const other = axes.findIndex((axis, k) => typeof stated[axis] === 'number' && stated[axis] !== size[k]);
  if (other >= 0)
    throw formatError(
      `${where}: the option size says ${size.join('×')}; the file fixes the ${other === 0 ? 'height' : 'width'} ` +
        `at ${stated[axes[other]!]}, so leave it out`,
      { option: 'size' },
    );
}

/** Two to four of them; fixed ones as numbers, symbolic ones by name. */
function readDimensions(input: ValueInfoProto, where: string): { dimensions: Dimension[]; isWhole: boolean } {
  const { type } = input;
  const tensor = type?.value.case === 'tensorType' ? type.value.value : undefined;
  if (!tensor?.shape) throw formatError(`${where}: is no tensor of known shape; it should be [N, C, H, W]`);
  const {
    elemType,
    shape: { dim },
  } = tensor;
  const isWhole = BYTES.includes(elemType);
  if (!isWhole && !FLOATS.includes(elemType)) {
    const known = [...FLOATS, ...BYTES].map((type) => DataType[type]).join(', ');
    throw formatError(`${where}: holds ${DataType[elemType] ?? `type ${elemType}`}; it should hold one of ${known}`);
  }
  if (dim.length < 2 || dim.length > AXES.length)
    throw formatError(`${where}: has ${dim.length} dimensions; it should have two to four, [N, C] to [N, C, H, W]`);
  const dimensions = dim.map(({ value }, axis) => {
    if (value.case !== 'dimValue') return value.value || '?';
    const extent = Number(value.value);
    if (axis !== 1 && extent < 1) return '?'; // some exporters write 0 or −1 for what is free
    if (extent < 1 || extent > MOST_ELEMENTS)
      throw formatError(`${where}: its ${AXES[axis]} is ${extent}; it should be from 1 to ${MOST_ELEMENTS}`);
    return extent;
  });
  return { dimensions, isWhole };
}

// ── the others ──

/** Free dimensions are 1, or of one that is not the batch what the numbers make it. */
function heldInput(input: ValueInfoProto, numbers: number | ArrayLike<number>): Constant {
  const { name, type } = input;
  const where = `onnx: input ${quote(name)}`;
  const stated = dimensionsOf(input);
  if (!stated) throw formatError(`${where}: is no tensor of known shape, so that it cannot be held`);
  const known = product(stated.map((extent) => (typeof extent === 'number' ? extent : 1)));
  const count = typeof numbers === 'number' ? known : numbers.length;
  const free = stated.findLastIndex((extent) => typeof extent === 'string');
  const shape = stated.map((extent, axis) =>
    typeof extent === 'number' ? extent : axis === free ? Math.max(1, count / known) : 1,
  );
  if (product(shape) !== count || !Number.isInteger(shape[free] ?? 1))
    throw formatError(`${where}: is held at ${count} numbers; its shape ${printed(stated)} takes ${known}`, {
      option: 'fixed',
    });
  const data = typeof numbers === 'number' ? Array.from({ length: count }, () => numbers) : Array.from(numbers);
  const bad = data.find((value) => !Number.isFinite(value));
  if (bad !== undefined) throw formatError(`${where}: is held at ${bad}; numbers are finite`, { option: 'fixed' });
  const elemType = type?.value.case === 'tensorType' ? type.value.value.elemType : DataType.FLOAT;
  return { name, tensor: encode({ shape, data, isWhole: !FLOATS.includes(elemType) }) };
}

function dimensionsOf({ type }: ValueInfoProto): Dimension[] | undefined {
  const dim = type?.value.case === 'tensorType' ? type.value.value.shape?.dim : undefined;
  return dim?.map(({ value }) =>
    value.case === 'dimValue' && value.value > 0n ? Number(value.value) : String(value.value || '?'),
  );
}

import { TensorProto_DataType as DataType, type GraphProto, type ValueInfoProto } from 'onnx-buf';
import { MOST_ELEMENTS } from '../../shape';
import { formatError, quote } from '../checks';
import { product, valueOf, type Value } from './value';

const TYPES = [DataType.FLOAT, DataType.FLOAT16, DataType.BFLOAT16, DataType.DOUBLE];
const AXES = ['N', 'C', 'H', 'W'];

/** The image, or whatever else is classified. */
export interface GraphInput {
  readonly name: string;
  readonly value: Value;
  /** Undefined where it is symbolic. */
  readonly batch: number | undefined;
}

/**
 * The graph's one input that is no weight (old files list those too), of shape `[N, C, H, W]`, `[N, C, H]` or `[N, C]`:
 * N free or fixed, the rest fixed.
 * @throws GradlensError `model-format` naming the input and the dimension.
 */
export function readInput(graph: GraphProto): GraphInput {
  const constants = new Set(graph.initializer.map(({ name }) => name));
  const inputs = graph.input.filter(({ name }) => !constants.has(name));
  const [input] = inputs;
  if (!input || inputs.length > 1) {
    throw formatError(
      `onnx: has ${inputs.length} inputs, ${quote(inputs.map(({ name }) => name))}; a ConvNet has one, the image`,
    );
  }
  const where = `onnx: input ${quote(input.name)}`;
  const [N, ...extents] = readDimensions(input, where);
  const free = extents.findIndex((extent) => typeof extent === 'string');
  if (free >= 0)
    throw formatError(
      `${where}: its ${AXES[free + 1]} is free (${quote(extents[free])}); export the model with a fixed size`,
    );
  const shape = extents as number[];
  if (product(shape) > MOST_ELEMENTS)
    throw formatError(`${where}: is ${shape.join('×')}, more than ${MOST_ELEMENTS} elements`);
  return { name: input.name, value: valueOf([1, ...shape]), batch: typeof N === 'number' ? N : undefined };
}

/** Two to four of them; fixed ones as numbers, symbolic ones by name. */
function readDimensions({ type }: ValueInfoProto, where: string): (number | string)[] {
  const tensor = type?.value.case === 'tensorType' ? type.value.value : undefined;
  if (!tensor?.shape) throw formatError(`${where}: is no tensor of known shape; it should be [N, C, H, W]`);
  const {
    elemType,
    shape: { dim },
  } = tensor;
  if (!TYPES.includes(elemType)) {
    const known = TYPES.map((type) => DataType[type]).join(', ');
    throw formatError(`${where}: holds ${DataType[elemType] ?? `type ${elemType}`}; it should hold one of ${known}`);
  }
  if (dim.length < 2 || dim.length > AXES.length)
    throw formatError(`${where}: has ${dim.length} dimensions; it should have two to four, [N, C] to [N, C, H, W]`);
  return dim.map(({ value }, axis) => {
    if (value.case !== 'dimValue') return value.value ?? '?';
    const extent = Number(value.value);
    if (axis === 0 && extent < 1) return '?'; // some exporters write 0 or −1 for a free batch
    if (extent < 1 || extent > MOST_ELEMENTS)
      throw formatError(`${where}: its ${AXES[axis]} is ${extent}; it should be from 1 to ${MOST_ELEMENTS}`);
    return extent;
  });
}

import { ScalarType, type DescField, type DescMessage } from '@bufbuild/protobuf';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { ModelProtoSchema } from 'onnx-buf';
import { formatError, MOST_FILE_BYTES } from '../checks';

/** The deepest nesting of messages that is decoded; a ConvNet's constants lie at five. */
export const MOST_DEPTH = 16;

/** The most of each that is decoded: generous for ConvNets, and together within about 128 MB. */
const MOST = {
  bytes: MOST_FILE_BYTES,
  fields: 2 ** 21,
  messages: 200_000,
  nodes: 10_000,
  tensors: 20_000,
  /** One by one in typed fields; `raw_data` has no such limit. */
  numbers: 2 ** 24,
  /** The same of 64 bits, which become BigInts. */
  integers: 2 ** 20,
};
type Counted = keyof typeof MOST;

/**
 * Walks the message without decoding it, counts what decoding would make, and refuses what is too much: a few bytes
 * each must not become millions of objects. It also refuses what this walk and the decoder might read differently.
 *
 * @throws GradlensError `model-format` naming the limit, or where the wire format is broken.
 */
export function checkOnnxLimits(bytes: Uint8Array): void {
  const counts: Record<Counted, number> = {
    bytes: 0,
    fields: 0,
    messages: 0,
    nodes: 0,
    tensors: 0,
    numbers: 0,
    integers: 0,
  };
  const spend = (what: Counted, count: number): void => {
    counts[what] += count;
    if (counts[what] > MOST[what]) {
      const hint = what === 'numbers' || what === 'integers' ? ' outside raw_data; save the weights as raw_data' : '';
      throw formatError(`onnx: holds more than ${MOST[what]} ${what}${hint}`, { limit: what, most: MOST[what] });
    }
  };
  spend('bytes', bytes.length);

  const reader = new BinaryReader(bytes);
  const walk = (message: DescMessage, end: number, depth: number): void => {
    if (depth > MOST_DEPTH) throw formatError(`onnx: nests messages deeper than ${MOST_DEPTH}`);
    spend('messages', 1);
    if (message.name === 'NodeProto') spend('nodes', 1);
    if (message.name === 'TensorProto') spend('tensors', 1);
    while (reader.pos < end) {
      const [number, wireType] = reader.tag();
      spend('fields', 1);
      const field = message.fields.find((known) => known.number === number);
      if (wireType !== WireType.LengthDelimited) {
        if (field) spend(kindOf(field), 1);
        if (wireType === WireType.StartGroup || (field && wireTypeOf(field) !== wireType))
          throw broken(message, `field ${number} has wire type ${wireType}`);
        reader.skip(wireType);
      } else {
        const length = reader.uint32();
        const stop = reader.pos + length;
        if (stop > end) throw broken(message, `field ${number} claims ${length} bytes; ${end - reader.pos} are left`);
        if (field?.message) walk(field.message, stop, depth + 1);
        else if (field && wireTypeOf(field) !== WireType.LengthDelimited)
          spend(kindOf(field), packedCount(bytes, field, reader.pos, stop));
        reader.pos = stop;
      }
    }
    if (reader.pos !== end) throw broken(message, 'its last field runs past its end');
  };

  try {
    walk(ModelProtoSchema, bytes.length, 1);
  } catch (error) {
    throw asFormatError(error);
  }
}

/** What protobuf throws, as our own error. */
export function asFormatError(error: unknown): Error {
  if (error instanceof Error && error.name === 'GradlensError') return error;
  return formatError(
    `onnx: not a readable protobuf: ${error instanceof Error ? error.message : error}`,
    {},
    { cause: error },
  );
}

const WIRE_TYPES: ReadonlyMap<ScalarType | undefined, WireType> = new Map([
  [ScalarType.FLOAT, WireType.Bit32],
  [ScalarType.DOUBLE, WireType.Bit64],
  [ScalarType.STRING, WireType.LengthDelimited],
  [ScalarType.BYTES, WireType.LengthDelimited],
]);

/** How a single value of the field is written; ONNX's other scalars, enums among them, are varints. */
function wireTypeOf(field: DescField): WireType {
  return field.message ? WireType.LengthDelimited : (WIRE_TYPES.get(field.scalar) ?? WireType.Varint);
}

function kindOf({ scalar }: DescField): 'numbers' | 'integers' {
  return scalar === ScalarType.INT64 || scalar === ScalarType.UINT64 ? 'integers' : 'numbers';
}

/** How many values a packed field holds, at most: a varint takes a byte or more. */
function packedCount(bytes: Uint8Array, field: DescField, start: number, stop: number): number {
  const size = { [WireType.Bit32]: 4, [WireType.Bit64]: 8 }[wireTypeOf(field) as number] ?? 1;
  const runsOver = size === 1 ? stop > start && bytes[stop - 1]! >= 0x80 : (stop - start) % size !== 0;
  if (field.fieldKind !== 'list' || runsOver)
    throw broken(field.parent, `${field.name} is packed wrongly, in ${stop - start} bytes`);
  return (stop - start) / size;
}

function broken(message: DescMessage, fault: string): Error {
  return formatError(`onnx: not a readable protobuf: in ${message.name}, ${fault}`);
}

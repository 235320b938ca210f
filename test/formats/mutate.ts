/**
 * Changes of a decoded file that keep its structure: other numbers and names, list items gone, doubled or in another
 * order, data cut.
 */
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { ModelProtoSchema } from 'onnx-buf';

/** `where` picks the place, `how` the change, `which` its value. */
type Change = readonly [where: number, how: number, which: number];

const changes = fc.array(fc.tuple(fc.nat(), fc.nat(99), fc.nat(99)), { minLength: 1, maxLength: 5 }) as fc.Arbitrary<
  readonly Change[]
>;

const NUMBERS = [0, 1, -1, 2, 3, 7, 11, 16, 127, 1000, 2 ** 31 - 1, -(2 ** 31)];
const LARGE = [0n, 1n, -1n, 2n, 3n, 7n, 13n, 100n, 2n ** 31n, 2n ** 32n + 1n, 2n ** 53n + 1n, 2n ** 62n, -(2n ** 63n)];
const NAMES = [
  '',
  'x',
  '__proto__',
  'constructor',
  '../x',
  'a'.repeat(300),
  'DequantizeLinear',
  'Conv',
  'Reshape',
  'ai.onnx',
];

const pick = <T>(list: readonly T[], which: number): T => list[which % list.length]!;

/** Changes a tree of objects and lists in place. */
export function change(root: object, all: readonly Change[]): void {
  for (const [where, how, which] of all) {
    const places: [holder: any, key: string | number][] = [];
    const names: string[] = [...NAMES];
    const walk = (holder: any): void => {
      for (const key of Array.isArray(holder) ? holder.keys() : Object.keys(holder)) {
        const value = holder[key];
        if (key === '$typeName' || key === '$unknown' || key === 'case' || value === undefined || value === null)
          continue;
        if (typeof value === 'string') names.push(value);
        places.push([holder, key]);
        if (typeof value === 'object' && !ArrayBuffer.isView(value)) walk(value);
      }
    };
    walk(root);
    if (places.length === 0) return;
    const [holder, key] = pick(places, where);
    holder[key] = changed(holder[key], how, which, names);
  }
}

function changed(value: unknown, how: number, which: number, names: readonly string[]): unknown {
  switch (typeof value) {
    case 'string':
      return pick(names, how * 100 + which);
    case 'number':
      return pick(NUMBERS, which);
    case 'bigint':
      return pick(LARGE, which);
    case 'boolean':
      return !value;
    default:
  }
  if (value instanceof Uint8Array) {
    const at = which % (value.length + 1);
    return pick(
      [
        value.subarray(0, at),
        new Uint8Array(),
        new Uint8Array(value.length).fill(255),
        Uint8Array.of(...value.subarray(0, 1000), ...value.subarray(0, 1000)),
        value.map((byte, i) => (i === at ? byte ^ (1 << (how % 8)) : byte)),
      ],
      how,
    );
  }
  if (!Array.isArray(value)) return value;
  const at = which % (value.length || 1);
  return pick(
    [
      value.filter((_, i) => i !== at),
      [...value.slice(0, at), ...value.slice(at, at + 1), ...value.slice(at)],
      [...value].reverse(),
      [],
      value.slice(at),
      value.length > 0 ? [value.at(-1), ...value.slice(0, -1)] : [],
    ],
    how,
  );
}

/** An ONNX file, changed as a message. */
export function changedOnnx(file: Uint8Array): fc.Arbitrary<Uint8Array> {
  return changes.map((all) => {
    const model = fromBinary(ModelProtoSchema, file);
    change(model, all);
    try {
      return toBinary(ModelProtoSchema, model);
    } catch {
      return file; // what protobuf cannot write
    }
  });
}

/** A JSON value, changed. */
export const changedJson = (json: object): fc.Arbitrary<object> =>
  changes.map((all) => {
    const copy = structuredClone(json);
    change(copy, all);
    return copy;
  });

/** External data: tensors whose numbers lie in other files beside the model. */
import { TensorProto_DataLocation, type GraphProto, type TensorProto } from 'onnx-buf';
import { formatError, quote } from '../checks';

/** Old exporters write a file per tensor. */
const MOST_FILES = 1000;
const KEYS = ['location', 'offset', 'length', 'checksum'];

interface External {
  readonly tensor: TensorProto;
  /** Relative to the model's folder, and inside of it: `weights.bin`, `data/weights.bin`. */
  readonly location: string;
  readonly offset: number;
  /** Undefined: to the end of the file. */
  readonly length: number | undefined;
}

/**
 * The tensors of a graph, its nodes' own among them, whose data are in other files.
 * @throws GradlensError `model-format` for a place that is not inside the model's folder (absolute, upwards, or with a
 *   scheme), or not
 *   readable.
 */
export function externalTensors(graph: GraphProto): External[] {
  const tensors = [
    ...graph.initializer,
    ...graph.node.flatMap(({ attribute }) => attribute.flatMap(({ t }) => t ?? [])),
  ];
  const found = tensors
    .filter(
      ({ dataLocation, externalData }) => dataLocation === TensorProto_DataLocation.EXTERNAL || externalData.length > 0,
    )
    .map(placeOf);
  const files = new Set(found.map(({ location }) => location)).size;
  if (files > MOST_FILES)
    throw formatError(`onnx: keeps its weights in ${files} other files; at most ${MOST_FILES} are read`);
  return found;
}

function placeOf(tensor: TensorProto): External {
  const where = `onnx: tensor ${quote(tensor.name)}`;
  const entries = new Map(tensor.externalData.map(({ key, value }) => [key, value]));
  const odd = tensor.externalData.find(({ key }) => !KEYS.includes(key));
  if (odd || entries.size !== tensor.externalData.length)
    throw formatError(
      `${where}: its external data say ${quote(tensor.externalData.map(({ key }) => key))}; ` +
        `known are ${KEYS.join(', ')}, once each`,
    );
  if (tensor.dataLocation !== TensorProto_DataLocation.EXTERNAL || tensor.rawData.length > 0)
    throw formatError(`${where}: has its data both in this file and in another one`);

  const location = (entries.get('location') ?? '').replace(/^\.\//, '');
  if (!isInside(location)) {
    throw formatError(
      `${where}: its data are in the file ${quote(entries.get('location'))}; ` +
        "that must be a path inside the model's own folder",
      { tensor: tensor.name },
    );
  }
  const number = (key: string): number | undefined => {
    const text = entries.get(key);
    if (text === undefined) return undefined;
    if (!/^\d{1,15}$/.test(text))
      throw formatError(`${where}: the ${key} of its data is ${quote(text)}; it should be a whole number of bytes`);
    return Number(text);
  };
  return { tensor, location, offset: number('offset') ?? 0, length: number('length') };
}

/**
 * No upwards, no root, drive or scheme, no backslash, which one system takes for a separator and another for a letter.
 */
function isInside(path: string): boolean {
  return (
    path.length <= 1000 &&
    path.split('/').every((step) => step !== '' && step !== '.' && step !== '..') &&
    !/[\\:\0-\x1f]/.test(path)
  );
}

/**
 * Gives tensors their bytes out of these files, as views; after it they are like any others.
 * @throws GradlensError `model-format` where a file is missing or too short.
 */
export function bringIn(externals: readonly External[], files: ReadonlyMap<string, Uint8Array>): void {
  for (const { tensor, location, offset, length } of externals) {
    const where = `onnx: tensor ${quote(tensor.name)}`;
    const file = files.get(location);
    if (!file)
      throw formatError(`${where}: its data are in the file ${quote(location)}, which was not given with the model`, {
        tensor: tensor.name,
        file: location,
      });
    const end = length === undefined ? file.length : offset + length;
    if (offset > file.length || end > file.length) {
      throw formatError(
        `${where}: its data are the bytes ${offset} to ${end} of ${quote(location)}, which has ${file.length}`,
        { tensor: tensor.name, file: location },
      );
    }
    tensor.rawData = file.subarray(offset, end) as Uint8Array<ArrayBuffer>;
    tensor.dataLocation = TensorProto_DataLocation.DEFAULT;
    tensor.externalData = [];
  }
}

import { fromBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema, type GraphProto, type ModelProto } from 'onnx-buf';
import type { Extents, Graph, ModelFile, ReadingOptions } from '../graph';
import { formatError, quote } from './checks';
import { guessPreparation } from './guess';
import { readsOf } from './onnx/branches';
import { channelsFirst, mapFirst } from './onnx/channelsFirst';
import { declaredShapes } from './onnx/declared';
import { bringIn, externalTensors } from './onnx/external';
import { inlined } from './onnx/inline';
import { readInputs } from './onnx/input';
import { asFormatError, checkOnnxLimits, MOST_DEPTH } from './onnx/limits';
import { metadataOf } from './onnx/metadata';
import { chooseOutput } from './onnx/outputs';
import { type OnnxSummary, summaryOf } from './onnx/summary';
import { translate } from './onnx/translate';
import { weightStore } from './onnx/weights';
import { checkWiring, upstream } from './onnx/wiring';

const OPSETS = { oldest: 1, newest: 25 };

/** A model, and the extents of its output, which may be a map. */
export interface ReadModel extends ModelFile {
  readonly extents: Extents;
}

/** An ONNX file that was decoded, and waits for the files that its weights lie in. */
export interface OnnxFile {
  /** Paths relative to the model's folder, inside of it; empty where the file is whole. */
  readonly externalFiles: readonly string[];
  /** What it holds, whether or not that can be imported. */
  readonly summary: OnnxSummary;
  /**
   * The model. May be called once: it takes the decoded message apart.
   * @throws GradlensError as {@link readOnnx}
   */
  read(files: ReadonlyMap<string, Uint8Array>, options?: ReadingOptions): ReadModel;
}

/**
 * A ConvNet from an ONNX file: a picture `[N, C, H, W]` (or TensorFlow's `[N, H, W, C]`, turned at once), of floats or
 * of bytes, float weights (or quantized ones through DequantizeLinear), and the operators of onnx/operators.ts, of the
 * opsets from 1 to 25.
 *
 * What the file leaves open, `options` say: a free height and width, which of several outputs has the class scores
 * (else the one that looks like them), and what other inputs are held at; what the scores do not depend on is left out.
 * A node of ours bears the name of the tensor that the ONNX node writes. The file says little of input preparation, so
 * the result only guesses at it; its provenance is the exporter and the opset.
 *
 * @param files the bytes of `externalFiles`, for models whose weights lie in other files (see {@link openOnnx}).
 * @throws GradlensError `unsupported-op`, with every such node in `detail.nodes` (see `UnsupportedNode`);
 *   `model-format` where the file is broken, beyond a limit, leaves open what no option says (`detail.option`), or
 *   holds weights that are not finite; `shape` where two tensors do not fit, or one is not as the file's `value_info`
 *   says.
 */
export function readOnnx(
  file: ArrayBuffer | Uint8Array,
  files: ReadonlyMap<string, Uint8Array> = new Map(),
  options: ReadingOptions = {},
): ReadModel {
  return openOnnx(file).read(files, options);
}

/**
 * @throws GradlensError `model-format` where the file is broken, or beyond a limit, or names a file outside of its
 *   folder.
 */
export function openOnnx(file: ArrayBuffer | Uint8Array): OnnxFile {
  const bytes = file instanceof Uint8Array ? file : new Uint8Array(file);
  const decoded = decode(bytes);
  const externals = externalTensors(decoded.graph);
  const externalFiles = [...new Set(externals.map(({ location }) => location))];
  return {
    externalFiles,
    summary: summaryOf(decoded.graph, producerOf(decoded), decoded.opset),
    read(files, options = {}) {
      bringIn(externals, files);
      const size = externalFiles.reduce((sum, name) => sum + files.get(name)!.length, bytes.length);
      return modelOf(decoded, size, options);
    },
  };
}

const producerOf = ({ model }: Decoded): string => `${model.producerName} ${model.producerVersion}`.trim();

function modelOf(decoded: Decoded, bytes: number, options: ReadingOptions): ReadModel {
  const { graph, opset, model } = decoded;
  const told = metadataOf(model, graph);
  const { input, held, notes } = readInputs(graph, { ...options, ...(told.size && { suggested: told.size }) });
  const output = chooseOutput(graph, options.output);
  checkWiring(graph, [input.name, ...held.map(({ name }) => name)], output.name);

  // in elements: room for widened halves, some folded copies, and what is computed of constants
  let computed = 0;
  const { weights, weight } = weightStore(() => bytes + 2 ** 18 + computed);
  const needed = upstream(graph.node, output.name, (node) => ({ writes: node.output, reads: readsOf(node) }));
  const given = [...graph.initializer.map((tensor) => ({ name: tensor.name, tensor })), ...held];
  const translated = translate(needed, input, given, {
    opset,
    output: output.name,
    weight,
    checkShape: declaredShapes(graph),
    made: (elements) => (computed += elements),
  });
  const nodes = upstream([...translated.nodes.values()], output.name, ({ name, inputs }) => ({
    writes: [name],
    reads: inputs,
  }));
  if (nodes.length === 0)
    throw formatError(
      `onnx: the output ${quote(output.name)} is not computed from the input ${quote(input.name)}; ` +
        'name another one by the option output',
      { option: 'output' },
    );
  const producer = producerOf(decoded);
  const asWritten: Graph = {
    name: graph.name || 'onnx',
    input: { name: input.name, extents: input.value.extents },
    nodes,
    output: output.name,
    weights,
  };
  const turned = channelsFirst(asWritten);
  const value = translated.values.get(output.name)!;
  const isMap = value.shape.length === 4 && value.shape[0] === 1;
  const { graph: ours, extents } =
    turned !== asWritten && isMap ? mapFirst(turned, value.extents) : { graph: turned, extents: value.extents };
  return {
    graph: ours,
    extents,
    guess: guessPreparation(ours, producer, input.isWhole),
    labels: told.labels,
    provenance: { format: 'onnx', producer, opset },
    notes: [...notes, ...output.notes, ...translated.notes],
  };
}

interface Decoded {
  readonly model: ModelProto;
  readonly graph: GraphProto;
  readonly opset: number;
}

function decode(bytes: Uint8Array): Decoded {
  checkOnnxLimits(bytes);
  const model = decodeMessage(bytes);
  const { graph, opsetImport } = model;
  const stated = new Set(
    opsetImport.filter(({ domain }) => domain === '' || domain === 'ai.onnx').map(({ version }) => Number(version)),
  );
  // files of the first versions state none
  const [opset = model.opsetImport.length === 0 ? 1 : 0, ...others] = stated;
  if (!graph) throw formatError('onnx: holds no graph');
  if (others.length > 0) throw formatError(`onnx: is of opset ${opset} and of ${others[0]} at once`);
  if (opset < OPSETS.oldest || opset > OPSETS.newest)
    throw formatError(`onnx: is of opset ${opset}; readable are ${OPSETS.oldest} to ${OPSETS.newest}`);
  if (graph.sparseInitializer.length > 0) throw formatError('onnx: holds sparse weights; export them dense');
  graph.node = inlined(model, graph);
  return { model, graph, opset };
}

function decodeMessage(bytes: Uint8Array): ModelProto {
  try {
    return fromBinary(ModelProtoSchema, bytes, { readUnknownFields: false, recursionLimit: MOST_DEPTH });
  } catch (error) {
    throw asFormatError(error);
  }
}

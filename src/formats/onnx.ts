import { fromBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema, type GraphProto, type ModelProto } from 'onnx-buf';
import type { ModelFile } from '../graph';
import { formatError, quote } from './checks';
import { readInput } from './onnx/input';
import { asFormatError, checkOnnxLimits, MOST_DEPTH } from './onnx/limits';
import { translate } from './onnx/translate';
import { weightStore } from './onnx/weights';
import { checkWiring, upstream } from './onnx/wiring';

const OPSETS = { oldest: 7, newest: 25 };

/**
 * A ConvNet from an ONNX file: one input `[N, C, H, W]` whose C, H and W are fixed, float weights in the file itself, and the operators
 * of onnx/operators.ts, opsets 7 to 25. Of several outputs the first is the class scores; what it does not depend on is left out.
 * A node of ours bears the name of the tensor that the ONNX node writes. The file says nothing of input preparation or labels, so
 * neither does the result; its provenance is the exporter and the opset.
 *
 * @throws GradlensError `unsupported-op`, with every such node in `detail.nodes` (see `UnsupportedNode`); `model-format` where the
 *   file is broken, beyond a limit, or holds weights that are not finite; `shape` where two tensors do not fit.
 */
export function readOnnx(file: ArrayBuffer | Uint8Array): ModelFile {
  const bytes = file instanceof Uint8Array ? file : new Uint8Array(file);
  const { model, graph, opset } = decode(bytes);
  const input = readInput(graph);
  const output = graph.output[0]?.name;
  if (!output) throw formatError('onnx: the graph has no output');
  checkWiring(graph, input.name, output);

  const { weights, weight } = weightStore(bytes.length + 2 ** 18); // in elements: room for widened halves and some folded copies
  const needed = upstream(graph.node, output, (node) => ({ writes: node.output, reads: node.input }));
  const translated = translate(needed, input, graph.initializer, { opset, output, weight });
  const nodes = upstream([...translated.values()], output, ({ name, inputs }) => ({ writes: [name], reads: inputs }));
  if (nodes.length === 0) throw formatError(`onnx: the output ${quote(output)} is not computed from the input ${quote(input.name)}`);
  return {
    graph: { name: graph.name || 'onnx', input: { name: input.name, extents: input.value.extents }, nodes, output, weights },
    labels: [],
    provenance: { format: 'onnx', producer: `${model.producerName} ${model.producerVersion}`.trim(), opset },
  };
}

function decode(bytes: Uint8Array): { model: ModelProto; graph: GraphProto; opset: number } {
  checkOnnxLimits(bytes);
  const model = decodeMessage(bytes);
  const { graph, opsetImport } = model;
  const opset = Number(opsetImport.find(({ domain }) => domain === '' || domain === 'ai.onnx')?.version ?? 0);
  if (!graph) throw formatError('onnx: holds no graph');
  if (opset < OPSETS.oldest || opset > OPSETS.newest) throw formatError(`onnx: is of opset ${opset}; readable are ${OPSETS.oldest} to ${OPSETS.newest}`);
  if (graph.sparseInitializer.length > 0) throw formatError('onnx: holds sparse weights; export them dense');
  return { model, graph, opset };
}

function decodeMessage(bytes: Uint8Array): ModelProto {
  try {
    return fromBinary(ModelProtoSchema, bytes, { readUnknownFields: false, recursionLimit: MOST_DEPTH });
  } catch (error) {
    throw asFormatError(error);
  }
}

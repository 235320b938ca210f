/** A graph of the benchmark as an ONNX file, for engines that read those. */
import { create, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema, TensorProto_DataType as DataType } from 'onnx-buf';
import type { Graph, GraphNode, Window } from '../../src/graph';
import { type AttributeValue, type Node, type Tensor, node, valueInfo } from '../../test/formats/models';
import { extentsOf } from '../networks';

/** @throws for an operator that no network of the benchmark has */
export function onnxFileOf(graph: Graph, batch: number): Uint8Array<ArrayBuffer> {
  const { name, input, nodes, output, weights } = graph;
  const { C, H, W } = input.extents;
  const initializer = [...weights].map(
    ([weight, { shape, data }]): Tensor => ({
      name: weight,
      dims: shape.map(BigInt),
      dataType: DataType.FLOAT,
      rawData: new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength),
    }),
  );
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: 8n,
      producerName: 'gradlens benchmark',
      opsetImport: [{ domain: '', version: 17n }],
      graph: {
        name,
        node: nodes.flatMap(nodesOf),
        initializer,
        input: [valueInfo(input.name, [batch, C, H, W])],
        output: [valueInfo(output, scoresShape(graph, batch))],
      },
    }),
  );
}

/** As the last operator has it: flat behind a fully connected layer only. */
function scoresShape(graph: Graph, batch: number): number[] {
  const { C, H, W } = extentsOf(graph).get(graph.output)!;
  return graph.nodes.find(({ name }) => name === graph.output)!.op === 'fullyConnected' ? [batch, C] : [batch, C, H, W];
}

function nodesOf(layer: GraphNode): Node[] {
  const { name, inputs } = layer;
  switch (layer.op) {
    case 'conv':
      return [
        node('Conv', [...inputs, ...parametersOf(layer)], name, { ...windowOf(layer), group: layer.groups ?? 1 }),
      ];
    case 'fullyConnected':
      return [
        node('Flatten', inputs, `${name}.flat`, { axis: 1 }),
        node('Gemm', [`${name}.flat`, ...parametersOf(layer)], name, { transB: 1 }),
      ];
    case 'maxPool':
      return [node('MaxPool', inputs, name, { ...windowOf(layer), ceil_mode: layer.ceil ? 1 : 0 })];
    case 'relu':
      return [node('Relu', inputs, name)];
    case 'concat':
      return [node('Concat', inputs, name, { axis: 1 })];
    case 'globalAveragePool':
      return [node('GlobalAveragePool', inputs, name)];
    default:
      throw new Error(`${name}: ${layer.op} is not written for ONNX`);
  }
}

const parametersOf = ({ weight, bias }: { readonly weight: string; readonly bias?: string }): string[] => [
  weight,
  ...(bias === undefined ? [] : [bias]),
];

const windowOf = ({ kernel, stride = [1, 1], pads = [0, 0, 0, 0] }: Window): Record<string, AttributeValue> => ({
  kernel_shape: kernel,
  strides: stride,
  pads,
});

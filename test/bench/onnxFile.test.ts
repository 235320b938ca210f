import { expect, test } from 'vitest';
import { onnxFileOf } from '../../bench/contenders/onnxFile';
import { NETWORKS, extentsOf } from '../../bench/networks';
import { relativeL2 } from '../../src/compare';
import { readOnnx } from '../../src/formats/onnx';

test.each(['tiny', 'squeezenet'] as const)('%s as an ONNX file is the same network', (name) => {
  const network = NETWORKS[name]();
  const { graph } = readOnnx(onnxFileOf(network, 2));
  const layers = ['conv', 'fullyConnected', 'maxPool', 'relu', 'concat', 'globalAveragePool'];
  expect(graph.nodes.filter(({ op }) => layers.includes(op)).map(({ op }) => op)).toEqual(
    network.nodes.map(({ op }) => op),
  );
  expect(graph.input.extents).toEqual(network.input.extents);
  const [ours, theirs] = [extentsOf(network), extentsOf(graph)];
  for (const node of network.nodes) expect(theirs.get(node.name), node.name).toEqual(ours.get(node.name));
  for (const node of network.nodes) {
    if (node.op !== 'conv' && node.op !== 'fullyConnected') continue;
    const read = graph.nodes.find((other) => other.name === node.name)!;
    if (read.op !== node.op) throw new Error(`${node.name} is ${read.op}`);
    for (const [is, was] of [
      [read.weight, node.weight],
      [read.bias!, node.bias!],
    ] as const) {
      expect(relativeL2(graph.weights.get(is)!.data, network.weights.get(was)!.data), node.name).toBe(0);
    }
  }
});

import { describe, expect, test } from 'vitest';
import { NETWORKS, classesFor, extentsOf, flopsOf, inputFor } from '../../bench/networks';
import { forwardFlops } from '../../src/compile/flops';
import { type Plan, compile } from '../../src/compile';

describe('the networks are the ones they are named after', () => {
  test.each([
    ['alexnet', 1.428, 244.4],
    ['vgg16', 30.941, 553.43],
    ['squeezenet', 0.698, 4.94],
    ['paper', 1.453, 243.34],
    ['small', 0.313, 9.55],
  ] as const)('%s takes %f GFLOP forward, and %f MB of weights', (name, gflop, megabytes) => {
    const network = NETWORKS[name]();
    expect(Math.abs(forwardFlops(network) / 1e9 / gflop - 1)).toBeLessThan(0.005);
    const bytes = [...network.weights.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
    expect(Math.abs(bytes / 1e6 / megabytes - 1)).toBeLessThan(0.005);
  });

  test('tiny takes less than 5 MFLOP', () => {
    expect(forwardFlops(NETWORKS.tiny())).toBeLessThan(5e6);
  });

  test('the shapes on the way are those of the papers', () => {
    const shapes = (name: keyof typeof NETWORKS, op: string): string[] => {
      const network = NETWORKS[name]();
      const extents = extentsOf(network);
      return network.nodes
        .filter((node) => node.op === op)
        .map((node) => Object.values(extents.get(node.name)!).join('×'));
    };
    expect(shapes('alexnet', 'maxPool')).toEqual(['64×27×27', '192×13×13', '256×6×6']);
    expect(shapes('squeezenet', 'concat')).toEqual([
      '128×55×55',
      '128×55×55',
      '256×27×27',
      '256×27×27',
      '384×13×13',
      '384×13×13',
      '512×13×13',
      '512×13×13',
    ]);
    expect(shapes('squeezenet', 'globalAveragePool')).toEqual(['1000×1×1']);
  });

  test.each([
    ['squeezenet', 224, 1000],
    ['small', 64, 10],
    ['tiny', 32, 10],
  ] as const)(
    '%s compiles to the same layers for 1 and for 8 pictures, which cost 8 times as much',
    (name, side, classes) => {
      const network = NETWORKS[name]();
      const [one, eight] = [1, 8].map((batch) => compile(network, { batch, bindingBytes: 2 ** 27 })) as [Plan, Plan];
      // however many steps a layer takes
      const layers = ({ forward, backward }: Plan): string[] => [
        ...new Set([...forward, ...backward].map(({ label }) => label.split('.')[0]!)),
      ];
      const flops = ({ forward }: Plan): number => forward.reduce((sum, { kernel }) => sum + kernel.flops, 0);
      expect(layers(eight)).toEqual(layers(one));
      expect(eight.input.bytes).toBe(8 * 3 * side * side * 4);
      expect(eight.gradient.bytes).toBe(eight.input.bytes);
      expect(eight.scores.storage.bytes).toBe(8 * Math.ceil(classes / 4) * 16);
      expect(flops(eight)).toBe(8 * flops(one));
      // the kernels also compute the channels that fill up the last block of four
      expect(flops(one) / forwardFlops(network)).toBeGreaterThanOrEqual(1);
      expect(flops(one) / forwardFlops(network)).toBeLessThan(1.1);
    },
  );
});

describe('what is counted', () => {
  test('the gradient counts as much as the forward pass, and every picture counts', () => {
    const network = NETWORKS.tiny();
    expect(flopsOf(network, 'forward', 1)).toBe(forwardFlops(network));
    expect(flopsOf(network, 'gradient', 8)).toBe(16 * forwardFlops(network));
  });

  test('one convolution by hand: 2 · 27 taps · 16 channels · 32² pixels', () => {
    const { nodes, ...rest } = NETWORKS.tiny();
    expect(forwardFlops({ ...rest, nodes: nodes.slice(0, 2), output: nodes[1]!.name })).toBe(2 * 27 * 16 * 1024);
  });
});

test('weights, inputs and classes are the same every time', () => {
  const [a, b] = [NETWORKS.tiny(), NETWORKS.tiny()];
  expect(a.weights).toEqual(b.weights);
  expect(inputFor(a, 2)).toEqual(inputFor(b, 2));
  expect(inputFor(a, 2)).toHaveLength(2 * 3 * 32 * 32);
  expect(classesFor(a, 3)).toEqual([3, 0, 7]);
});

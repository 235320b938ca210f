import { describe, expect, test } from 'vitest';
import { type CompileOptions, compile, tensorsOf } from '../../src/compile';
import type { Graph } from '../../src/graph';
import { PLAIN, type Variants } from '../../src/variants/variants';
import { branched } from '../engine/graphs';
import { someTensors } from '../engine/probing';
import { randomGraph } from '../oracle/randomGraph';

const options = { batch: 1, bindingBytes: 2 ** 27 };

const SOFTWARE: Variants = { ...PLAIN, joined: false };
const GPU: Variants = { ...PLAIN, joined: true };

function dispatchesBeyond(graph: Graph, taps: readonly string[], variants: Variants): number {
  const count = (of: Partial<CompileOptions>): number => {
    const { forward, backward } = compile(graph, { ...options, variants, ...of });
    return forward.length + backward.length;
  };
  return count({ taps }) - count({});
}

describe.each([
  ['software', SOFTWARE],
  ['a GPU', GPU],
] as const)('on %s, by two dispatches a tensor more than a class has, at most, are read and seeded', (_, variants) => {
  test.each(Array.from({ length: 24 }, (_, seed) => seed))('up to five tensors of random net %i', (seed) => {
    const graph = randomGraph(seed);
    for (const count of [1 + (seed % 5), 1 + ((seed + 2) % 5)]) {
      const taps = someTensors(graph, seed + count, count);
      expect(dispatchesBeyond(graph, taps, variants), taps.join(', ')).toBeLessThanOrEqual(2 * count);
    }
  });

  test('the soft-max at the end of a net, alone or beside others', () => {
    const nets = Array.from({ length: 24 }, (_, seed) => randomGraph(seed)).filter(({ nodes, output }) =>
      nodes.some(({ name, op }) => name === output && op === 'softmax'),
    );
    expect(nets.length).toBeGreaterThan(5);
    for (const [k, graph] of nets.entries()) {
      const others = someTensors(graph, k, 1 + (k % 4)).filter((name) => name !== graph.output);
      for (const taps of [[graph.output], [graph.output, ...others]])
        expect(dispatchesBeyond(graph, taps, variants), taps.join(', ')).toBeLessThanOrEqual(2 * taps.length);
    }
  });

  test('any tensor of a net with branches', () => {
    for (const { name } of tensorsOf(branched)) {
      expect(dispatchesBeyond(branched, [name], variants), name).toBeLessThanOrEqual(2);
      const plan = compile(branched, { ...options, variants, taps: [name] });
      expect([...plan.taps.keys()]).toEqual([name]);
      expect(plan.tapped).toBeLessThanOrEqual(plan.forward.length);
    }
  });
});

test('only what is asked for is taken out of the layer that it is fused with', () => {
  const { nodes } = branched;
  const relu = nodes.find(
    ({ op, inputs }) => op === 'relu' && nodes.some(({ op, name }) => op === 'conv' && name === inputs[0]),
  )!;
  const [conv = ''] = relu.inputs;
  const count = (taps: readonly string[]): number => compile(branched, { ...options, taps }).forward.length;
  expect(count([conv])).toBe(count([relu.name]) + 1);
});

test('the mask of a ReLU is applied once, by whatever gives to its gradient last', () => {
  // relu2 is the epilogue of conv1, which two convolutions read
  const { backward } = compile(branched, { ...options, taps: ['relu2', 'softmax16'] });
  const giving = backward.flatMap((step) => step.parts ?? [step]).filter(({ bind }) => bind['dX']?.name === 'd.conv1');
  expect(giving.map(({ label }) => label)).toEqual(['relu2.tapBackward', 'conv5.convBackward', 'conv3.convBackward']);
  expect(giving.map(({ bind }) => bind['bits']?.name)).toEqual([undefined, undefined, 'conv1.bits']);
});

test('a tensor that is not there is refused', () => {
  expect(() => compile(branched, { ...options, taps: ['nowhere'] })).toThrow(
    /there is no tensor 'nowhere'; there are /,
  );
});

import { expect, test } from 'vitest';
import { compile, tensorsOf } from '../../src/compile';
import { branched } from '../engine/graphs';
import { randomGraph } from '../oracle/randomGraph';

const options = { batch: 1, bindingBytes: 2 ** 27 };

test.each([
  ['branched', branched] as const,
  ...[1, 5, 9].map((seed) => [`random ${seed}`, randomGraph(seed)] as const),
])('any tensor of %s is read and seeded by two dispatches more than a class has, at most', (_, graph) => {
  const { forward, backward } = compile(graph, options);
  const softmax = new Set(graph.nodes.filter(({ op }) => op.endsWith('oftmax')).map(({ name }) => name));
  for (const { name } of tensorsOf(graph)) {
    if (softmax.has(name)) continue; // a class has none of its kernels
    const plan = compile(graph, { ...options, taps: [name] });
    expect(plan.forward.length + plan.backward.length, name).toBeLessThanOrEqual(forward.length + backward.length + 2);
    expect([...plan.taps.keys()]).toEqual([name]);
    expect(plan.tapped).toBeLessThanOrEqual(plan.forward.length);
  }
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
  const giving = backward.filter(({ bind }) => bind['dX']?.name === 'd.conv1');
  expect(giving.map(({ label }) => label)).toEqual(['relu2.tapBackward', 'conv5.convBackward', 'conv3.convBackward']);
  expect(giving.map(({ bind }) => bind['bits']?.name)).toEqual([undefined, undefined, 'conv1.bits']);
});

test('a tensor that is not there is refused', () => {
  expect(() => compile(branched, { ...options, taps: ['nowhere'] })).toThrow(
    /there is no tensor 'nowhere'; there are /,
  );
});

/** Which decisions of a gradient float32 cannot make, and what goes through them; more in `certainty.long.ts`. */
import { describe, expect, test } from 'vitest';
import type { Graph } from '../../src/graph';
import { Net, batchOf } from '../ops/net';
import { nodeDrivers } from '../node';
import { normals, seededRandom } from '../oracle/random';
import { randomGraph } from '../oracle/randomGraph';
import { sizeOf } from '../oracle/tensor';
import { compared, isPlain } from './certainties';
import { engineOn } from './support';

/** A row of numbers, what is done to it, and their sum by these weights. */
function row(length: number, weights: readonly number[], done: (net: Net) => string): Graph {
  const net = new Net({ C: 1, H: 1, W: length });
  const weight = net.parameter([1, weights.length], weights);
  return net.graph(net.add({ op: 'fullyConnected', inputs: [done(net)], weight }));
}

const rectified = row(4, [1, 2, 3, 4], (net) => net.relu('image'));
const clipped = row(4, [1, 2, 3, 4], (net) => net.add({ op: 'clip', inputs: ['image'], min: 0, max: 6 }));
const pooled = row(4, [2, 1], (net) => net.add({ op: 'maxPool', inputs: ['image'], kernel: [1, 2], stride: [1, 2] }));
const leaky = row(4, [1, 2, 3, 4], (net) => net.add({ op: 'leakyRelu', inputs: ['image'], slope: 0.1 }));
const NEXT = 1 + 2 ** -23;

describe.each(nodeDrivers)('on %s', (driver) => {
  const of = async (graph: Graph, ...items: readonly (readonly number[])[]) => {
    using engine = await engineOn(driver);
    return await compared(
      engine,
      graph,
      items.map((item) => Float64Array.from(item)),
    );
  };

  test('a ReLU is undecided where rounding may have turned it; its weight is what goes through it', async () => {
    const [open, shut, zero, far] = await of(
      rectified,
      [1, -1, 1e-9, 2],
      [1, -1, -1e-9, 2],
      [1, -1, 0, 2],
      [1, -1, 1, 2],
    );
    const at = { tensor: 'relu1', channel: 0, y: 0, x: 2, box: { x: 2, y: 0, width: 1, height: 1 } };
    for (const [found, weight] of [
      [open!, 3 / Math.sqrt(1 + 9 + 16)],
      [shut!, 3 / Math.sqrt(1 + 16)],
    ] as const) {
      const { certainty } = found;
      expect(certainty).toMatchObject({ undecided: 1, ties: 0, doubtful: true, unwatched: [] });
      expect(certainty.weight).toBeCloseTo(weight, 6);
      expect(certainty.places).toEqual([{ ...at, weight: expect.closeTo(weight, 6) }]);
      expect(certainty.bound).toBeCloseTo(certainty.rounding + 3 * weight, 5);
    }
    for (const { certainty } of [zero!, far!]) {
      expect(certainty).toMatchObject({ undecided: 0, weight: 0, doubtful: false, places: [] });
      expect(isPlain(certainty)).toBe(true);
    }
  });

  test('a clip is undecided at its upper limit too', async () => {
    const [near, far] = await of(clipped, [1, Math.fround(6 + 4e-7), 2, 3], [1, 5, 2, 3]);
    expect(near!.certainty).toMatchObject({ undecided: 1, places: [{ tensor: 'clip1', x: 1 }] });
    expect(far!.certainty.undecided).toBe(0);
  });

  test('a pool is undecided where its winner leads by little; equal ones count in the bound alone', async () => {
    const [close, tied, clear] = await of(pooled, [1, NEXT, 5, 7], [1, 3, 5, 5], [1, 3, 5, 7]);
    const { certainty } = close!;
    expect(certainty).toMatchObject({ undecided: 1, ties: 0, places: [{ channel: 0, y: 0, x: 0 }] });
    expect(certainty.places[0]!.box).toEqual({ x: 0, y: 0, width: 2, height: 1 });
    expect(certainty.weight).toBeCloseTo(2 / Math.sqrt(5), 6);
    expect(tied!.certainty).toMatchObject({ undecided: 0, weight: 0, ties: 1, doubtful: false });
    expect(tied!.certainty.bound).toBeCloseTo(tied!.certainty.rounding + 3 / Math.sqrt(5), 5);
    expect(isPlain(clear!.certainty)).toBe(true);
  });

  test('where other functions decide, nothing is promised', async () => {
    const [found] = await of(leaky, [1, -1, 2, 3]);
    expect(found!.certainty).toMatchObject({ bound: Infinity, unwatched: ['leakyRelu1'], undecided: 0 });
  });

  test.each(driver === nodeDrivers[0] ? [0, 1, 2, 3] : [4])(
    'of random net %i: the gradient stays as it is, and the error of each item is within its bound',
    async (seed) => {
      using engine = await engineOn(driver);
      const graph = randomGraph(seed);
      const items = [1, 2].map((n) => normals(seededRandom(seed + 100 * n), sizeOf(graph.input.extents)));
      for (const { same, error, certainty } of await compared(engine, graph, items)) {
        expect(same).toBe(true);
        expect(error).toBeLessThanOrEqual(certainty.bound);
      }
    },
  );
});

test('there is one for each class, of the best class, of a neuron; and the same ones again', async () => {
  using engine = await engineOn(nodeDrivers[0]!);
  const graph = randomGraph(3);
  using model = await engine.load(graph);
  const image = batchOf(graph, [normals(seededRandom(1), sizeOf(graph.input.extents))]);
  const certain = async (chosen: Parameters<typeof model.inputGradient>[1]['class']) =>
    (await model.inputGradient(image, { class: chosen, certainty: true })).certainty!;
  const both = await certain([0, 1]);
  expect(both).toHaveLength(2);
  expect(await certain([0, 1])).toEqual(both);
  expect(await certain(1)).toEqual([both[1]]);
  const { classes } = await model.inputGradient(image, { class: 'top1' });
  expect(await certain('top1')).toEqual(await certain(classes[0]!));
  expect(await certain({ top: 2 })).toHaveLength(2);
  const { name: tensor } = model.tensors[0]!;
  expect(await certain({ tensor, channel: 0 })).toHaveLength(1);
  expect(await model.inputGradient(image, { class: 0 })).not.toHaveProperty('certainty');
});

test('it is of the true gradient alone', async () => {
  using engine = await engineOn(nodeDrivers[0]!);
  using model = await engine.load(rectified);
  const image = { data: Float32Array.of(1, 2, 3, 4), shape: [1, 1, 1, 4] };
  const asked = (options: object) => model.inputGradient(image, { class: 0, certainty: true, ...options });
  await expect(asked({ relu: 'guided' })).rejects.toThrow(/certainty is of the true gradient; relu is 'guided'/);
  await expect(asked({ certainty: 'yes' })).rejects.toThrow(/certainty is 'yes'; true or false would be right/);
});

/**
 * Weights and activations in half precision, by the type `f16` and packed. Halves hold whole numbers up to 2048, so
 * nets of small ones must equal the oracle to the last bit as they do in float32: what is stored or loaded wrongly
 * shows.
 */
import { describe, expect, test } from 'vitest';
import { inHalf, kernel } from '../../shaders/kernel';
import { ANY_PRECISION, type Half, reads, writes } from '../../shaders/tensor';
import type { ConvNode } from '../../src/ops/conv';
import { type Features, type NodeDriver, isSampled, nodeDrivers } from '../node';
import { PATIENCE } from '../runs';
import { branched, imageOf, prepared } from '../engine/support';
import { relativeL2 } from '../oracle/compare';
import { graphGradient } from '../oracle/network';
import { type Loader, Net, engineOn, errorAround, errorOf, loaderOf } from './check';

async function halves(driver: NodeDriver, features: Features): Promise<Loader> {
  const engine = await engineOn(driver, features);
  return { load: (graph, options) => engine.load(graph, { ...options, precision: 'f16' }) };
}

/** Layers with something fused into them; operators by themselves are in examples.test.ts. */
const FUSED: Readonly<Record<string, (net: Net, x: string) => string>> = {
  'a convolution': (net, x) => net.relu(net.conv(x, 9, { kernel: [3, 3], pads: [1, 1, 1, 1] })),
  'a convolution that pools': (net, x) =>
    net.add({
      op: 'maxPool',
      inputs: [net.relu(net.conv(x, 6, { kernel: [3, 3], pads: [1, 1, 1, 1] }))],
      kernel: [2, 2],
      stride: [2, 2],
    }),
  'a fully connected layer': (net, x) => net.relu(net.fullyConnected(x, 9)),
  'a sum': (net, x) => net.relu(net.add({ op: 'add', inputs: [x, net.conv(x, 6, { kernel: [1, 1] })] })),
};

const WAYS = nodeDrivers.flatMap((driver) =>
  (isSampled(driver) ? (['all'] as const) : (['all', 'none'] as const)).map((features) => [driver, features] as const),
);

describe.each(WAYS)('in half precision on %s with %s of its features', (driver, features) => {
  test.each(Object.entries(FUSED))('whole numbers are exact through %s and its ReLU', async (_, operator) => {
    const loader = await halves(driver, features);
    const net = { C: 6, H: 8, W: 10 };
    expect(
      await errorAround(loader, net, { rectified: true, branch: 'after', batch: 1, rule: 'guided', seed: 3 }, operator),
    ).toBe(0);
    expect(
      await errorAround(
        loader,
        net,
        { rectified: false, branch: 'none', batch: 5, rule: 'gradient', seed: 4 },
        operator,
      ),
    ).toBe(0);
  });

  test(
    'real numbers come near to float64, and not nearer than halves do',
    async () => {
      using model = await (await engineOn(driver, features)).load(branched, { precision: 'f16' });
      expect(model.precision).toBe('f16');
      const image = imageOf(branched, 5);
      const { scores, gradient } = await model.inputGradient(prepared(branched, image), { class: 1 });
      const expected = graphGradient(branched, image, { class: 1 });
      for (const error of [relativeL2(scores, expected.scores), relativeL2(gradient, expected.gradient)]) {
        expect(error).toBeLessThan(5e-3);
        expect(error).toBeGreaterThan(2e-6);
      }
    },
    PATIENCE,
  );

  test('weights take half the bytes, activations no more than before; the GPU holds what was predicted', async () => {
    const engine = await engineOn(driver, features);
    const net = new Net({ C: 6, H: 8, W: 8 }, 8);
    const graph = net.graph(
      net.fullyConnected(
        net.relu(net.fullyConnected(net.conv('image', 32, { kernel: [3, 3], pads: [1, 1, 1, 1] }), 64)),
        12,
      ),
    );
    const bytesIn = async (precision: 'f32' | 'f16') => {
      const before = engine.memory().live;
      using model = await engine.load(graph, { precision });
      await model.scores(prepared(graph, net.image()));
      await model.inputGradient(prepared(graph, net.image()), { class: 0 });
      const { weights, activations, saved, scratch } = model.memory;
      expect(engine.memory().live - before).toBe(weights + activations + saved + scratch);
      return { weights, activations };
    };
    const [whole, half] = [await bytesIn('f32'), await bytesIn('f16')];
    const biases = (32 + 64 + 12) * 4;
    expect(half.weights - biases).toBe((whole.weights - biases) / 2);
    expect(half.activations).toBeLessThanOrEqual(whole.activations);
  });

  test('the tiled kernels too, in spans as well', async () => {
    const loader = await loaderOf(
      driver,
      { conv: () => ({ family: 'tiled', tile: { blocks: 2, units: 4, depth: 1, own: 1 }, spans: 3 }) },
      { features, precision: 'f16' },
    );
    const net = new Net({ C: 3, H: 9, W: 11 }, 7);
    const graph = net.graph(
      net.fullyConnected(net.relu(net.conv('image', 13, { kernel: [2, 3], pads: [1, 1, 0, 2] })), 5),
    );
    expect(await errorOf(loader, graph, [net.image(), net.image()], { classes: [3, 1], relu: 'guided' })).toBe(0);
  });
});

test.each(WAYS)(
  'an activation that no half reaches is an error with its layer: on %s with %s',
  async (driver, features) => {
    const engine = await engineOn(driver, features);
    const made = new Net({ C: 5, H: 2, W: 2 });
    const first = made.conv('image', 6, { kernel: [1, 1] });
    const graph = made.graph(made.fullyConnected(made.relu(first), 3));
    using model = await engine.load(graph, { precision: 'f16' });
    const weights = graph.weights.get((graph.nodes[0] as ConvNode).weight)!.data;
    const row = Math.max(
      ...Array.from({ length: 6 }, (_, o) => weights.slice(o * 5, o * 5 + 5).reduce((a, b) => a + b)),
    );
    const filled = (value: number) => ({ data: new Float32Array(20).fill(value / row), shape: [5, 2, 2] });
    expect([...(await model.scores(filled(60_000)))].every(Number.isFinite)).toBe(true);
    await expect(model.inputGradient(filled(70_000), { class: 0 })).rejects.toThrow(
      expect.objectContaining({
        message: expect.stringContaining("beyond ±65504, where half precision ends; precision 'f32' would do"),
        detail: expect.objectContaining({ layer: first }),
      }),
    );
  },
);

test('a weight that no half reaches is refused, by its name', async () => {
  const engine = await engineOn(nodeDrivers[0]!);
  const net = new Net({ C: 1, H: 1, W: 1 });
  const graph = net.graph(net.fullyConnected('image', 1, [7e4]));
  await expect(engine.load(graph, { precision: 'f16' })).rejects.toThrow(
    expect.objectContaining({
      code: 'feature',
      message: expect.stringContaining("holds 70000, and half precision ends at 65504; precision 'f32' would do"),
    }),
  );
});

test.each<Half>(['native', 'packed'])(
  'a kernel keeps in half precision what it is told to, and nothing else: %s',
  (half) => {
    const copy = kernel({
      name: 'copy',
      dims: { SIZE: 9 },
      tensors: [reads('x', 'SIZE', ANY_PRECISION), writes('y', 'SIZE', ANY_PRECISION)],
      each: { x: { i: 'SIZE' } },
      body: 'store_y(i, load_x_at(i));',
    });
    const { code } = inHalf(copy, ['x'], half);
    expect(code.startsWith('enable f16;')).toBe(half === 'native');
    expect(code).toContain(`x: array<${half === 'native' ? 'vec4<f16>' : 'vec2u'}>`);
    expect(code).toContain('y: array<vec4f>');
    expect(inHalf(copy, [], half)).toBe(copy);
  },
);

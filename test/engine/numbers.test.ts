/** Numbers at the ends of float32: probabilities next to 1, and activations that overflow. */
import { describe, expect, test } from 'vitest';
import { CURVES } from '../../shaders/curves';
import type { Graph } from '../../src/graph';
import { smoothGrad } from '../../src/methods/smoothGrad';
import type { FullyConnectedNode } from '../../src/ops/fullyConnected';
import { nodeDrivers } from '../node';
import { relativeL2 } from '../oracle/compare';
import { graphGradient } from '../oracle/network';
import { Net, real } from '../ops/check';
import { engineOn, imageOf, prepared, small } from './support';

/** The small net with a soft-max, its last layer scaled so that the best class of `image` has the probability 1 − q. */
function certain(image: Float64Array, q: number): { graph: Graph; best: number } {
  const scores = graphGradient(small, image, { class: 0 }).scores;
  const best = scores.indexOf(Math.max(...scores));
  const rest = (scale: number): number =>
    scores.reduce((sum, score, c) => (c === best ? sum : sum + Math.exp(scale * (score - scores[best]!))), 0);
  let [low, high] = [0, 1e3];
  for (let k = 0; k < 100; k++) {
    const middle = (low + high) / 2;
    if (rest(middle) > q / (1 - q)) low = middle;
    else high = middle;
  }
  const last = small.nodes.at(-1) as FullyConnectedNode;
  const weights = new Map(small.weights);
  for (const name of [last.weight, last.bias!]) {
    const { shape, data } = small.weights.get(name)!;
    weights.set(name, { shape, data: data.map((value) => value * high) });
  }
  const softmax = { op: 'softmax', name: 'probabilities', inputs: [small.output] } as const;
  return { graph: { ...small, nodes: [...small.nodes, softmax], output: softmax.name, weights }, best };
}

/** The image whose best class leads by most, measured by the largest score: float32 rounds all scores alike. */
function clearest(): Float64Array {
  const leads = [1, 2, 3, 4, 5, 6, 7, 8].map((seed) => {
    const image = imageOf(small, seed);
    const [first, second, ...rest] = [...graphGradient(small, image, { class: 0 }).scores].sort((a, b) => b - a);
    return { image, lead: (first! - second!) / Math.max(Math.abs(first!), ...rest.map(Math.abs)) };
  });
  return leads.reduce((a, b) => (b.lead > a.lead ? b : a)).image;
}

describe.each(nodeDrivers)('on %s', (driver) => {
  test.each([0.1, 1e-3, 1e-5, 1e-7, 1e-9])(
    'the gradient of a probability of 1 − %d has its digits, and so have those of the other classes',
    async (q) => {
      const image = clearest();
      const { graph, best } = certain(image, q);
      using engine = await engineOn(driver);
      using model = await engine.load(graph);
      for (const chosen of [best, (best + 1) % 5, (best + 2) % 5]) {
        const { gradient } = await model.inputGradient(prepared(graph, image), { class: chosen, score: 'probability' });
        const right = graphGradient(graph, image, { class: chosen, score: 'probability' }).gradient;
        expect(relativeL2(gradient, right), `class ${chosen}`).toBeLessThan(1e-5);
      }
    },
  );

  const overflow = (layer: string) =>
    expect.objectContaining({ code: 'validation', detail: expect.objectContaining({ layer }) });

  /** Convolutions with a ReLU and what `pool` says between them; weights of both signs. */
  const net = (pool: 'none' | 'fused' | 'overlapping' | 'average'): Graph => {
    const made = new Net({ C: 3, H: 12, W: 12 }, 5, real);
    let x = made.relu(made.conv('image', 8, { kernel: [3, 3], pads: [1, 1, 1, 1] }));
    if (pool === 'fused') x = made.add({ op: 'maxPool', inputs: [x], kernel: [2, 2], stride: [2, 2] });
    if (pool === 'overlapping') x = made.add({ op: 'maxPool', inputs: [x], kernel: [3, 3], stride: [2, 2] });
    if (pool === 'average') x = made.add({ op: 'averagePool', inputs: [x], kernel: [2, 2], stride: [2, 2] });
    x = made.relu(made.conv(x, 8, { kernel: [3, 3], pads: [1, 1, 1, 1] }));
    if (pool === 'fused') x = made.add({ op: 'maxPool', inputs: [x], kernel: [2, 2], stride: [2, 2] });
    return made.graph(made.fullyConnected(made.relu(made.fullyConnected(x, 10)), 3));
  };

  test.each(['none', 'fused', 'overlapping', 'average'] as const)(
    'an activation that overflows is an error with its layer, and no gradient of zeros (pools: %s)',
    async (pool) => {
      const graph = net(pool);
      using engine = await engineOn(driver);
      using model = await engine.load(graph);
      const data = Float32Array.from({ length: 3 * 12 * 12 }, (_, i) => (i % 3 === 0 ? -1e38 : 1e38));
      const image = { data, shape: [3, 12, 12] };
      const [first] = graph.nodes;
      for (const chosen of [0, [0, 1], 'top1', { top: 2 }] as const)
        await expect(model.inputGradient(image, { class: chosen }), JSON.stringify(chosen)).rejects.toThrow(
          overflow(first!.name),
        );
      await expect(model.scores(image)).rejects.toThrow(overflow(first!.name));
      await expect(model.layerGradient(image, { tensor: graph.nodes[1]!.name, class: 0 })).rejects.toThrow(
        overflow(first!.name),
      );
      await expect(smoothGrad(model, image, { class: 0, samples: 2 })).rejects.toThrow(overflow(first!.name));
      // what overflows further on is said of the layer further on
      const milder = { data: data.map((value) => value / 30), shape: image.shape };
      const answer = await model.scores(milder).then(
        () => null,
        (error: { detail: { layer: string } }) => error.detail.layer,
      );
      expect(answer === null || graph.nodes.some(({ name }) => name === answer && name !== first!.name)).toBe(true);
      // and the model works on
      const tame = { data: data.map((value) => value / 1e38), shape: image.shape };
      const right = graphGradient(graph, Float64Array.from(tame.data), { class: 0 }).gradient;
      expect(relativeL2((await model.inputGradient(tame, { class: 0 })).gradient, right)).toBeLessThan(1e-5);
    },
  );

  test.each([
    { op: 'relu' },
    { op: 'clip', min: 0, max: 6 },
    { op: 'leakyRelu', slope: 0.1 },
    { op: 'elu', alpha: 1 },
    { op: 'hardSigmoid', alpha: 0.2, beta: 0.5 },
    { op: 'hardSwish' },
    { op: 'swish' },
    { op: 'sigmoid' },
  ] as const)('a layer whose sums are no number is named, whatever function follows: $op', async (curve) => {
    const made = new Net({ C: 4, H: 1, W: 1 });
    const first = made.fullyConnected('image', 4, [1e38, 0, 0, 0, 0, 1e38, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
    const second = made.fullyConnected(first, 4, [1e38, -1e38, 0, 0, -1e38, 1e38, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
    const x = made.add({ ...curve, inputs: [second] });
    using engine = await engineOn(driver);
    using model = await engine.load(made.graph(made.fullyConnected(x, 3, [1, 1, 1, 1, 1, -1, 1, 1, -1, 1, 1, 1])));
    const data = Float32Array.of(100, 100, 1, 2);
    await expect(model.inputGradient({ data, shape: [4, 1, 1] }, { class: 0 })).rejects.toThrow(overflow(first));
    const less = Float32Array.of(3, 3, 1, 2); // infinity less infinity, in the second layer alone
    await expect(model.scores({ data: less, shape: [4, 1, 1] })).rejects.toThrow(overflow(second));
  });

  describe('an infinite activation, of either sign', () => {
    const isNamed = async (graph: Graph, layer: string): Promise<void> => {
      using engine = await engineOn(driver);
      using model = await engine.load(graph);
      const [, C, H, W] = model.inputShape;
      for (const large of [100, -100]) {
        const data = Float32Array.from({ length: C * H * W }, (_, i) => (i === 5 ? large : i % 2));
        await expect(model.inputGradient({ data, shape: [C, H, W] }, { class: 0 }), `${large}`).rejects.toThrow(
          overflow(layer),
        );
      }
    };

    const functions = ['relu', ...Object.keys(CURVES)].map((op) => ({ op }));
    test.each(functions)('is not squashed by $op', async ({ op }) => {
      const made = new Net({ C: 6, H: 1, W: 1 });
      const times = Array.from({ length: 36 }, (_, i) => (i % 7 === 0 ? 1e38 : 0));
      const first = made.fullyConnected('image', 6, times);
      const slope = op === 'prelu' ? made.parameter([6], [0, 0.1, 0.2, 0, 0, 0]) : 0.1;
      const node = { op, min: -1, max: 6, slope, alpha: 0.2, beta: 0.5, inputs: [first] } as never;
      await isNamed(made.graph(made.fullyConnected(made.add(node), 3)), first);
    });

    test.each(['fused', 'overlapping', 'of a plain layer'] as const)('wins a max-pool (%s)', async (which) => {
      const made = new Net({ C: 1, H: 4, W: 4 });
      const weight = made.parameter([1, 1, 1, 1], [1e38]);
      const first = made.add({ op: 'conv', inputs: ['image'], kernel: [1, 1], weight });
      const x = which === 'of a plain layer' ? first : made.relu(first);
      const size = which === 'overlapping' ? ([3, 3] as const) : ([2, 2] as const);
      const stride = which === 'overlapping' ? ([1, 1] as const) : ([2, 2] as const);
      const pool = made.add({ op: 'maxPool', inputs: [x], kernel: size, stride });
      await isNamed(made.graph(made.fullyConnected(pool, 2)), first);
    });
  });

  test('squares that overflow in a local response normalization make no zeros', async () => {
    const made = new Net({ C: 6, H: 1, W: 1 });
    const x = made.add({ op: 'lrn', inputs: ['image'], size: 3, alpha: 1, beta: 0.75, k: 1 });
    using engine = await engineOn(driver);
    using model = await engine.load(made.graph(made.fullyConnected(x, 3)));
    const data = Float32Array.of(1, 1e25, 1, 1, 1, 1);
    await expect(model.inputGradient({ data, shape: [6, 1, 1] }, { class: 0 })).rejects.toThrow(overflow(x));
  });

  test.each(['guided', 'deconvnet'] as const)('a gradient that is no number is not dropped by %s', async (relu) => {
    const made = new Net({ C: 2, H: 1, W: 1 });
    const first = made.relu(made.fullyConnected('image', 2, [1, 0, 0, 1]));
    const second = made.fullyConnected(first, 2, [1e30, 1e30, 1e30, 1e30]);
    const third = made.fullyConnected(second, 2, [1e10, -1e10, 1e10, -1e10]);
    using engine = await engineOn(driver);
    using model = await engine.load(made.graph(made.fullyConnected(third, 2, [1, 1, 1, 1])));
    const image = { data: Float32Array.of(1e-30, 1e-30), shape: [2, 1, 1] };
    // of the second layer it is (2e10, −2e10), so of the first infinity less infinity
    await expect(model.inputGradient(image, { class: 0, relu })).rejects.toThrow(overflow(second));
  });

  test.each(['fused', 'overlapping', 'first', 'last'] as const)('a NaN wins a max-pool (%s)', async (which) => {
    const made = new Net({ C: 1, H: 4, W: 4 });
    // the sum of a picture and of its opposite, each times 1e38 twice: infinity less infinity where it is not 0
    const times = (x: string, value: number): string =>
      made.add({ op: 'conv', inputs: [x], kernel: [1, 1], weight: made.parameter([1, 1, 1, 1], [value]) });
    const [up, down] = [1e38, -1e38].map((value) => times(times('image', value), 1e38)) as [string, string];
    const x = times(made.add({ op: 'add', inputs: [up, down] }), 1);
    const kernel = which === 'fused' ? ([2, 2] as const) : ([3, 3] as const);
    const pool = made.add({
      op: 'maxPool',
      inputs: [made.relu(x)],
      kernel,
      stride: which === 'fused' ? [2, 2] : [1, 1],
    });
    using engine = await engineOn(driver);
    using model = await engine.load(made.graph(made.fullyConnected(pool, 2)));
    const data = new Float32Array(16);
    data[{ fused: 5, overlapping: 6, first: 0, last: 15 }[which]] = 1;
    await expect(model.scores({ data, shape: [1, 4, 4] })).rejects.toThrow(
      expect.objectContaining({ code: 'validation' }),
    );
  });

  test('a layer that overflows after a finite one is the one that is named', async () => {
    const graph = new Net({ C: 2, H: 1, W: 1 });
    const first = graph.relu(graph.fullyConnected('image', 2, [1e20, 0, 0, 1e20]));
    const second = graph.fullyConnected(first, 2, [1e20, 0, -1e20, 1e20]);
    const last = graph.fullyConnected(graph.relu(second), 2, [1, -1, 1, 1]);
    using engine = await engineOn(driver);
    using model = await engine.load(graph.graph(last));
    const { live } = engine.memory();
    await expect(model.inputGradient({ data: Float32Array.of(1, 1), shape: [2, 1, 1] }, { class: 0 })).rejects.toThrow(
      overflow(second),
    );
    expect(engine.memory().live).toBeLessThanOrEqual(live + 1024); // what looked for it is given back
  });

  test('a gradient that overflows is said of the layer whose gradient it is', async () => {
    const graph = new Net({ C: 1, H: 1, W: 1 });
    const first = graph.fullyConnected('image', 1, [1e30]);
    using engine = await engineOn(driver);
    using model = await engine.load(graph.graph(graph.fullyConnected(first, 1, [1e30])));
    await expect(model.inputGradient({ data: Float32Array.of(1e-30), shape: [1, 1, 1] }, { class: 0 })).rejects.toThrow(
      overflow(first),
    );
  });
});

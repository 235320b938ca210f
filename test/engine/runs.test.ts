import { describe, expect, test } from 'vitest';
import { Engine } from '../../src/engine';
import type { Graph } from '../../src/graph';
import type { Neuron } from '../../src/options';
import { uniform } from '../../src/random';
import { floats, node, onnxFile } from '../formats/models';
import { isSampled, nodeDrivers, shareOn } from '../node';
import { relativeL2 } from '../oracle/compare';
import { graphGradient } from '../oracle/network';
import { mixedGraph } from '../oracle/mixedGraph';
import { randomGraph } from '../oracle/randomGraph';
import { Net, RULES } from '../ops/check';
import { branched, deviceOf, engineOn, expected, imageOf, prepared, small } from './support';

const TOLERANCE = 1e-5;
const images = (graph: Graph, count: number) => Array.from({ length: count }, (_, k) => imageOf(graph, k + 1));
const sizeOf = (graph: Graph): number => graph.input.extents.C * graph.input.extents.H * graph.input.extents.W;

describe.each(nodeDrivers)('on %s', (driver) => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8].slice(0, Math.ceil(8 * shareOn(driver))))(
    'random graph %d agrees with the oracle under every rule',
    async (seed) => {
      using engine = await engineOn(driver);
      const graph = randomGraph(seed);
      const image = imageOf(graph, seed);
      using model = await engine.load(graph);
      for (const relu of RULES) {
        const { scores, gradient } = await model.inputGradient(prepared(graph, image), { class: 1, relu });
        const oracle = graphGradient(graph, image, { class: 1, relu });
        expect(relativeL2(scores, oracle.scores)).toBeLessThan(TOLERANCE);
        expect(relativeL2(gradient, oracle.gradient)).toBeLessThan(TOLERANCE);
      }
    },
  );

  test.each([[['N', 37]], [[2, 37]], [['N', 5, 7]]])('a net of %j, without a plane, is exact', async (input) => {
    using engine = await engineOn(driver);
    const features = input.slice(1).reduce<number>((a, b) => a * Number(b), 1);
    const random = (seed: number, length: number, scale: number) => {
      const next = uniform(seed);
      return Array.from({ length }, () => scale * (next() - 0.5));
    };
    const file = onnxFile({
      input,
      tensors: [
        floats('w1', [11, features], random(1, 11 * features, 0.5)),
        floats('b1', [11], random(2, 11, 1)),
        floats('w2', [11, 4], random(3, 44, 1)),
      ],
      nodes: [
        node('Flatten', ['x'], 'f'),
        node('Gemm', ['f', 'w1', 'b1'], 'h', { transB: 1 }),
        node('Relu', ['h'], 'r'),
        node('MatMul', ['r', 'w2'], 'y'),
      ],
    });
    using model = await engine.load(file, { batch: 2 });
    const { graph } = model.file;
    const pair = [1, 2].map((seed) => Float64Array.from(random(seed + 5, features, 2), Math.fround));
    const data = Float32Array.from(pair.flatMap((item) => [...item]));
    const shape = input.length === 2 ? [2, features] : [2, 5, 7, 1];
    const { gradient } = await model.inputGradient({ data, shape }, { class: [1, 3] });
    pair.forEach((item, n) =>
      expect(
        relativeL2(gradient.subarray(n * features, (n + 1) * features), expected(graph, item, { class: [1, 3][n]! })),
      ).toBeLessThan(TOLERANCE),
    );
  });

  test.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12].slice(0, Math.ceil(12 * shareOn(driver))))(
    'mixed graph %d agrees with the oracle',
    async (seed) => {
      using engine = await engineOn(driver);
      const graph = mixedGraph(seed);
      const image = imageOf(graph, seed);
      using model = await engine.load(graph);
      const { scores, gradient } = await model.inputGradient(prepared(graph, image), { class: 1 });
      const oracle = graphGradient(graph, image, { class: 1 });
      expect(relativeL2(scores, oracle.scores)).toBeLessThan(TOLERANCE);
      expect(relativeL2(gradient, oracle.gradient)).toBeLessThan(TOLERANCE);
    },
  );

  test.each([
    ['small', small],
    ['branched', branched],
  ])('two runs of the %s net are bit-identical, and so is a run on another engine', async (_, graph) => {
    using engine = await engineOn(driver);
    const image = prepared(graph, imageOf(graph));
    using model = await engine.load(graph);
    const first = await model.inputGradient(image, { class: 2 });
    expect(await model.inputGradient(image, { class: 2 })).toEqual(first);
    using other = await Engine.create({ device: await deviceOf(driver) });
    using again = await other.load(graph);
    expect(await again.inputGradient(image, { class: 2 })).toEqual(first);
    expect(relativeL2(first.gradient, expected(graph, imageOf(graph), { class: 2 }))).toBeLessThan(TOLERANCE);
  });

  test('what ran before leaves no trace: other pictures, classes, rules and scores in between', async () => {
    using engine = await engineOn(driver);
    using model = await engine.load(branched);
    const [a, b] = images(branched, 2);
    const before = await model.inputGradient(prepared(branched, a!), { class: 3 });
    await model.inputGradient(prepared(branched, b!), { class: 0, relu: 'deconvnet', score: 'probability' });
    await model.inputGradient(prepared(branched, b!), { class: { tensor: 'whole', channel: 2 } });
    await model.scores(prepared(branched, b!));
    expect(await model.inputGradient(prepared(branched, a!), { class: 3 })).toEqual(before);
  });

  test('two models on one device, of two engines even, do not disturb each other', async () => {
    using engine = await engineOn(driver);
    using neighbour = await Engine.create({ device: engine.device });
    using first = await engine.load(small);
    const image = prepared(small, imageOf(small));
    const alone = await first.inputGradient(image, { class: 1 });
    using second = await neighbour.load(branched);
    using third = await neighbour.load(small);
    const other = imageOf(branched);
    const runs = await Promise.all(
      Array.from(
        { length: 9 },
        (_, k) =>
          [
            first.inputGradient(image, { class: 1 }),
            second.inputGradient(prepared(branched, other), { class: 4 }),
            third.inputGradient(prepared(small, imageOf(small, 2)), { class: 0 }),
          ][k % 3]!,
      ),
    );
    for (const k of [0, 3, 6]) expect(runs[k]).toEqual(alone);
    for (const k of [1, 4, 7])
      expect(relativeL2(runs[k]!.gradient, expected(branched, other, { class: 4 }))).toBeLessThan(TOLERANCE);
    second.dispose();
    expect(await first.inputGradient(image, { class: 1 })).toEqual(alone);
  });

  test('concurrent calls on one model wait for each other, and each is right', async () => {
    using engine = await engineOn(driver);
    using model = await engine.load(small);
    const pictures = images(small, 4);
    const answers = await Promise.all(
      pictures.flatMap((picture, k) => [
        model.inputGradient(prepared(small, picture), { class: k }),
        model.inputGradient(prepared(small, picture), { class: 'top1', relu: 'guided' }),
        model.inputGradient(prepared(small, picture), { class: { tensor: 'pool1', channel: k, y: 1, x: 2 } }),
      ]),
    );
    pictures.forEach((picture, k) => {
      const { scores } = graphGradient(small, picture, { class: 0 });
      const best = scores.indexOf(Math.max(...scores));
      expect(relativeL2(answers[3 * k]!.gradient, expected(small, picture, { class: k }))).toBeLessThan(TOLERANCE);
      expect(answers[3 * k + 1]!.classes).toEqual([best]);
      expect(
        relativeL2(answers[3 * k + 1]!.gradient, expected(small, picture, { class: best, relu: 'guided' })),
      ).toBeLessThan(TOLERANCE);
      expect(
        relativeL2(
          answers[3 * k + 2]!.gradient,
          expected(small, picture, { target: { tensor: 'pool1', channel: k, y: 1, x: 2 } }),
        ),
      ).toBeLessThan(TOLERANCE);
    });
  });

  test('K classes of one picture equal K single runs bit for bit', async () => {
    using engine = await engineOn(driver);
    using model = await engine.load(branched);
    const picture = prepared(branched, imageOf(branched));
    for (const options of [{}, { relu: 'deconvnet' }, { score: 'probability' }] as const) {
      const all = await model.inputGradient(picture, { class: [5, 0, 5, 6], ...options });
      expect(all.classes).toEqual([5, 0, 5, 6]);
      for (const [k, one] of [5, 0, 5, 6].entries()) {
        const alone = await model.inputGradient(picture, { class: one, ...options });
        expect(all.gradient.subarray(k * sizeOf(branched), (k + 1) * sizeOf(branched))).toEqual(alone.gradient);
        expect(all.scores).toEqual(alone.scores);
      }
    }
  });

  test('the items of a batch do not know of each other', async () => {
    using engine = await engineOn(driver);
    using single = await engine.load(branched);
    using three = await engine.load(branched, { batch: 3 });
    const pictures = images(branched, 3);
    const together = await three.inputGradient(prepared(branched, ...pictures), { class: [6, 0, 3] });
    const apart = await three.inputGradient(
      pictures.map((picture) => prepared(branched, picture)),
      { class: [6, 0, 3] },
    );
    expect(apart).toEqual(together);
    for (const [n, chosen] of [6, 0, 3].entries()) {
      const alone = await single.inputGradient(prepared(branched, pictures[n]!), { class: chosen });
      expect(together.gradient.subarray(n * sizeOf(branched), (n + 1) * sizeOf(branched))).toEqual(alone.gradient);
    }
    const [a, , c] = pictures;
    const swapped = await three.inputGradient(prepared(branched, a!, new Float64Array(sizeOf(branched)), c!), {
      class: [6, 1, 3],
    });
    for (const n of [0, 2]) {
      expect(swapped.gradient.subarray(n * sizeOf(branched), (n + 1) * sizeOf(branched))).toEqual(
        together.gradient.subarray(n * sizeOf(branched), (n + 1) * sizeOf(branched)),
      );
    }
  });

  test.each([
    ['small', small],
    ['branched', branched],
  ])('any neuron of the %s net agrees with the oracle, in any order', async (_, graph) => {
    using engine = await engineOn(driver);
    using model = await engine.load(graph);
    const image = imageOf(graph);
    const { tensors } = graphGradient(graph, image, { class: 0 });
    const nodes = graph.nodes.filter((_, i) => !isSampled(driver) || i % 4 === 0);
    for (const { name } of [...nodes, ...nodes.toReversed()]) {
      const { C, H, W } = tensors.get(name)!.extents;
      const targets: Neuron[] = [
        { tensor: name, channel: C - 1, y: H - 1, x: W >> 1 },
        { tensor: name, channel: C >> 1 },
      ];
      for (const target of targets) {
        const { scores, gradient } = await model.inputGradient(prepared(graph, image), {
          class: target,
          relu: 'gradient',
        });
        const { data } = tensors.get(name)!;
        const value =
          target.y !== undefined
            ? data[(target.channel * H + target.y) * W + target.x!]!
            : data.subarray(target.channel * H * W, (target.channel + 1) * H * W).reduce((a, b) => a + b, 0);
        expect(scores[0], `${JSON.stringify(target)} value`).toBeCloseTo(value, 2);
        expect(relativeL2(gradient, expected(graph, image, { target })), JSON.stringify(target)).toBeLessThan(
          TOLERANCE,
        );
      }
    }
  });

  test.each(RULES)('the probability agrees with the oracle under the rule %s', async (relu) => {
    using engine = await engineOn(driver);
    using model = await engine.load(branched, { batch: 2 });
    const pictures = images(branched, 2);
    const { gradient } = await model.inputGradient(prepared(branched, ...pictures), {
      class: [1, 6],
      relu,
      score: 'probability',
    });
    for (const [n, chosen] of [1, 6].entries()) {
      const oracle = expected(branched, pictures[n]!, { class: chosen, relu, score: 'probability' });
      expect(relativeL2(gradient.subarray(n * sizeOf(branched), (n + 1) * sizeOf(branched)), oracle)).toBeLessThan(
        TOLERANCE,
      );
    }
  });

  test('top1 takes the best class of each item, and classify() ranks them', async () => {
    using engine = await engineOn(driver);
    using model = await engine.load(branched, { batch: 3 });
    const pictures = images(branched, 3);
    const { scores, gradient, classes } = await model.inputGradient(prepared(branched, ...pictures), { class: 'top1' });
    for (const [n, picture] of pictures.entries()) {
      const oracle = graphGradient(branched, picture, { class: 0 }).scores;
      expect(classes[n]).toBe(oracle.indexOf(Math.max(...oracle)));
      expect(relativeL2(scores.subarray(n * 7, (n + 1) * 7), oracle)).toBeLessThan(TOLERANCE);
      expect(
        relativeL2(
          gradient.subarray(n * sizeOf(branched), (n + 1) * sizeOf(branched)),
          expected(branched, picture, { class: classes[n]! }),
        ),
      ).toBeLessThan(TOLERANCE);
    }
    using single = await engine.load(branched);
    const ranked = await single.classify(prepared(branched, pictures[0]!), 7);
    expect(ranked.map(({ score }) => score)).toEqual(ranked.map(({ score }) => score).toSorted((a, b) => b - a));
    expect(ranked[0]).toMatchObject({ index: classes[0], label: String(classes[0]) });
    expect(ranked.reduce((sum, { probability }) => sum + probability!, 0)).toBeCloseTo(1, 12);
  });
});

describe('is refused:', () => {
  const image = prepared(small, imageOf(small));
  const [one] = nodeDrivers;
  const shape = (message: string) =>
    expect.objectContaining({ name: 'GradlensError', code: 'shape', message: expect.stringContaining(message) });

  test('what does not have the right shape, and the next run is right', async () => {
    using engine = await engineOn(one!);
    using model = await engine.load(small);
    const right = await model.inputGradient(image, { class: 0 });
    const wrong: [Promise<unknown>, string][] = [
      [model.inputGradient(image, { class: 5 }), 'class 5 is not among the 5 classes, 0 to 4'],
      [model.inputGradient(image, { class: -1 }), 'class -1'],
      [model.inputGradient(image, { class: 0.5 }), 'class 0.5'],
      [model.inputGradient(image, { class: [] }), '0 classes for a batch of 1'],
      [
        model.inputGradient({ ...image, shape: [3, 11, 13] }, { class: 0 }),
        'the input is [3, 11, 13], the network takes [N, 3, 13, 11]',
      ],
      [
        model.inputGradient({ data: image.data.subarray(1), shape: [3, 13, 11] }, { class: 0 }),
        'has 429 elements, these are 428',
      ],
      [model.inputGradient([image, image], { class: 0 }), 'more pictures than the batch of 1'],
      [model.inputGradient([], { class: 0 }), '0 picture(s) for a batch of 1'],
      [
        model.inputGradient({ data: new Uint8Array(16), width: 2, height: 2 }, { class: 0 }),
        'does not say how pictures are prepared',
      ],
      [
        model.inputGradient(image, { class: { tensor: 'conv9', channel: 0 } }),
        "there is no tensor 'conv9'; there are conv1, relu1",
      ],
      [
        model.inputGradient(image, { class: { tensor: 'conv1', channel: 6 } }),
        'conv1 is [6, 7, 11]; channel 6 is not in it',
      ],
      [model.inputGradient(image, { class: { tensor: 'conv1', channel: 0, y: 7, x: 0 } }), 'channel 0, y 7, x 0'],
      [model.inputGradient(image, { class: { tensor: 'conv1', channel: 0, y: 1 } }), 'conv1 is'],
      [model.inputGradient(image, { class: { tensor: 'conv1', channel: 0.5 } }), 'channel 0.5'],
      [model.inputGradient(image, { class: { tensor: 'conv1', channel: NaN } }), 'channel NaN'],
    ];
    for (const [call, message] of wrong) await expect(call, message).rejects.toThrow(shape(message));
    await expect(engine.load(small, { batch: 0 })).rejects.toThrow(shape('batch is 0'));
    await expect(engine.load(small, { precision: 'fast' })).rejects.toThrow(
      expect.objectContaining({ code: 'feature' }),
    );
    expect(await model.inputGradient(image, { class: 0 })).toEqual(right);
  });

  test.each([NaN, Infinity, -Infinity])(
    'an input of %d: a ReLU would hide it, and the scores look fine',
    async (bad) => {
      using engine = await engineOn(one!);
      using model = await engine.load(small);
      const data = image.data.slice();
      data[200] = bad;
      for (const chosen of [0, 'top1', { tensor: 'conv1', channel: 0, y: 0, x: 0 }] as const) {
        await expect(model.inputGradient({ ...image, data }, { class: chosen })).rejects.toThrow(
          expect.objectContaining({ name: 'GradlensError' }),
        );
      }
      await expect(model.scores({ ...image, data })).rejects.toThrow(
        expect.objectContaining({ name: 'GradlensError' }),
      );
    },
  );

  test.each([NaN, Infinity])('a weight of %d: at load, whichever layer it is in', async (bad) => {
    using engine = await engineOn(one!);
    for (const name of small.weights.keys()) {
      const { shape, data } = small.weights.get(name)!;
      const broken = data.slice();
      broken[broken.length - 1] = bad;
      const graph = { ...small, weights: new Map([...small.weights, [name, { shape, data: broken }]]) };
      await expect(engine.load(graph), name).rejects.toThrow(
        expect.objectContaining({ name: 'GradlensError', message: expect.stringContaining(name) }),
      );
      expect(engine.memory().live).toBe(0);
    }
  });

  test('a gradient that float32 cannot hold is an error, though the score can', async () => {
    const net = new Net({ C: 1, H: 1, W: 1 });
    const graph = net.graph(net.fullyConnected(net.fullyConnected('image', 1, [1e30]), 1, [1e30]));
    using engine = await engineOn(one!);
    using model = await engine.load(graph);
    await expect(model.inputGradient({ data: Float32Array.of(1e-30), shape: [1, 1, 1] }, { class: 0 })).rejects.toThrow(
      expect.objectContaining({ code: 'validation' }),
    );
  });

  test('scores that are a map: which of its places is the class score?', async () => {
    using engine = await engineOn(one!);
    await expect(engine.load({ ...small, output: 'conv2', nodes: small.nodes.slice(0, 4) })).rejects.toThrow(
      shape('conv2'),
    );
  });
});

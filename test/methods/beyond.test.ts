import { describe, expect, test } from 'vitest';
import {
  type Heatmap,
  gradCam,
  gradientTimesInput,
  integratedGradients,
  layerMap,
  layerMaps,
  occlusion,
  perturbationCurves,
  randomised,
  rankCorrelation,
  smoothGrad,
} from '../../src';
import { planesOf } from '../../src/compile';
import { graphAfter } from '../../src/graph';
import { blurred } from '../../src/image/blur';
import { resizeMap } from '../../src/image/resize';
import { relativeL2 } from '../oracle/compare';
import { graphGradient, runGraph } from '../oracle/network';
import { C, H, W, engineOn, exact, graph, normal, picture } from './support';

const plane = H * W;
const scoreOf = (image: Float64Array, index: number): number =>
  graphGradient(graph, image, { class: index }).scores[index]!;
const overChannels = (values: ArrayLike<number>, start: number, join: (a: number, b: number) => number): Float64Array =>
  Float64Array.from({ length: plane }, (_, i) =>
    Array.from({ length: C }, (_, c) => values[c * plane + i]!).reduce((a, b) => join(a, b), start),
  );

test('gradient × input is the float64 product, summed over the channels', async () => {
  using engine = await engineOn();
  const model = await engine.load(graph);
  const { gradient, scores } = graphGradient(graph, exact, { class: 3 });
  const map = await gradientTimesInput(model, picture, { class: 3 });
  expect(
    relativeL2(
      map.data,
      overChannels(
        gradient.map((value, i) => value * exact[i]!),
        0,
        (a, b) => a + b,
      ),
    ),
  ).toBeLessThan(1e-5);
  expect(map).toMatchObject({ class: 3, signed: true });
  expect(map.score).toBeCloseTo(scores[3]!, 3);
});

describe('SmoothGrad', () => {
  const range = Math.max(...picture.data) - Math.min(...picture.data);
  const gradients = (noise: number, samples: number, seed: number): Float64Array[] =>
    Array.from(
      { length: samples },
      (_, s) =>
        graphGradient(
          graph,
          exact.map((value, i) => value + noise * range * normal(seed, s, i)),
          { class: 2 },
        ).gradient,
    );

  test('the mean gradient of noisy copies is that of float64, whatever the batch', async () => {
    using engine = await engineOn();
    const runs = gradients(0.1, 7, 5);
    const mean = exact.map((_, i) => runs.reduce((sum, run) => sum + run[i]!, 0) / 7);
    const options = { class: 2, samples: 7, noise: 0.1, seed: 5 };
    const map = await smoothGrad(await engine.load(graph), picture, options);
    expect(relativeL2(map.data, overChannels(mean.map(Math.abs), 0, Math.max))).toBeLessThan(1e-5);
    const inThrees = await engine.load(graph, { batch: 3 }); // of which 7 are no multiple
    expect(await smoothGrad(inThrees, picture, options)).toEqual(map);
    const root = exact.map((_, i) => Math.sqrt(runs.reduce((sum, run) => sum + run[i]! ** 2, 0) / 7));
    const squared = await smoothGrad(await engine.load(graph, { batch: 2 }), picture, { ...options, squared: true });
    expect(relativeL2(squared.data, overChannels(root, 0, Math.max))).toBeLessThan(1e-5);
  });

  test('the drawn noise is normal to the fourth moment', () => {
    const draws = Float64Array.from({ length: 20_000 }, (_, i) => normal(9, i >> 8, i & 255));
    const moment = (power: number): number => draws.reduce((sum, value) => sum + value ** power, 0) / draws.length;
    // within four standard errors: 4·√(1/n), 4·√(2/n), 4·√(15/n), 4·√(96/n); twelve uniform terms have a kurtosis of
    // 2.9
    expect(Math.abs(moment(1))).toBeLessThan(0.029);
    expect(Math.abs(moment(2) - 1)).toBeLessThan(0.04);
    expect(Math.abs(moment(3))).toBeLessThan(0.11);
    expect(Math.abs(moment(4) - 2.9)).toBeLessThan(0.28);
  });

  test('no noise is the plain gradient, and memory does not grow with the samples', async () => {
    using engine = await engineOn();
    const model = await engine.load(graph);
    const map = await smoothGrad(model, picture, { class: 0, samples: 1, noise: 0 });
    expect(
      relativeL2(map.data, overChannels(graphGradient(graph, exact, { class: 0 }).gradient.map(Math.abs), 0, Math.max)),
    ).toBeLessThan(1e-5);
    await smoothGrad(model, picture, { class: 0, samples: 2 });
    const before = engine.memory().live;
    const { peak } = engine.memory();
    await smoothGrad(model, picture, { class: 0, samples: 100 });
    expect(engine.memory().live - before).toBeLessThanOrEqual(4 * 98); // the read-back of one score per sample stays
    expect(engine.memory().peak - peak).toBeLessThanOrEqual(2 * 4 * 98);
  });

  test('an abort ends it, and nothing stays behind; wrong options are refused', async () => {
    using engine = await engineOn();
    const model = await engine.load(graph);
    await smoothGrad(model, picture, { class: 0, samples: 2 });
    const before = engine.memory().live;
    const abort = new AbortController();
    const run = smoothGrad(model, picture, {
      class: 0,
      samples: 100_000,
      signal: abort.signal,
      onProgress: () => abort.abort(new Error('enough')),
    });
    await expect(run).rejects.toThrow('enough');
    await model.scores(picture);
    expect(engine.memory().live).toBe(before);
    await expect(smoothGrad(model, picture, { samples: 0 })).rejects.toThrow(
      'samples is 0; a whole number from 1 would be right',
    );
    await expect(smoothGrad(model, picture, { noise: -1 })).rejects.toMatchObject({ code: 'validation' });
  });
});

describe('integrated gradients', () => {
  test('the midpoint rule in float64, from any baseline, with its gap', async () => {
    using engine = await engineOn();
    const baseline = Float32Array.from(picture.data, (_, i) => Math.cos(i) / 3);
    const mean = exact.map(() => 0);
    for (let k = 0; k < 5; k++) {
      graphGradient(
        graph,
        exact.map((value, i) => baseline[i]! + ((k + 0.5) / 5) * (value - baseline[i]!)),
        { class: 4 },
      ).gradient.forEach((value, i) => {
        mean[i]! += value / 5;
      });
    }
    const expected = overChannels(
      mean.map((value, i) => value * (exact[i]! - baseline[i]!)),
      0,
      (a, b) => a + b,
    );
    const map = await integratedGradients(await engine.load(graph, { batch: 2 }), picture, {
      class: 4,
      steps: 5,
      baseline,
    });
    expect(relativeL2(map.data, expected)).toBeLessThan(1e-5);
    const difference = scoreOf(exact, 4) - scoreOf(Float64Array.from(baseline), 4);
    const sum = expected.reduce((whole, value) => whole + value, 0);
    expect(map.gap).toBeCloseTo(Math.abs(sum - difference) / Math.abs(difference), 4);
  });

  test('with more steps the map adds up to what the score gains', async () => {
    using engine = await engineOn();
    const { gap, sum } = await integratedGradients(await engine.load(graph, { batch: 8 }), picture, {
      class: 1,
      steps: 256,
    });
    expect(gap).toBeLessThan(0.01);
    expect(
      Math.abs(
        sum -
          (scoreOf(exact, 1) -
            scoreOf(
              exact.map(() => 0),
              1,
            )),
      ),
    ).toBeLessThan(0.01 * Math.abs(sum) + 0.01);
  });
});

test('occlusion is how much the score falls, the mean over the squares that cover a pixel', async () => {
  using engine = await engineOn();
  const [sum, count] = [new Float64Array(plane), new Float64Array(plane)];
  const whole = scoreOf(exact, 0);
  for (let top = 0; top === 0 || top < H - 5 + 3; top += 3) {
    for (let left = 0; left === 0 || left < W - 5 + 3; left += 3) {
      const inside = (i: number): boolean =>
        i % W >= left && i % W < left + 5 && Math.floor(i / W) >= top && Math.floor(i / W) < top + 5;
      const fall =
        whole -
        scoreOf(
          exact.map((value, i) => (inside(i % plane) ? 0 : value)),
          0,
        );
      for (let i = 0; i < plane; i++) {
        if (!inside(i)) continue;
        sum[i]! += fall;
        count[i]!++;
      }
    }
  }
  expect(Math.min(...count)).toBeGreaterThan(0);
  for (const batch of [1, 4]) {
    const map = await occlusion(await engine.load(graph, { batch }), picture, { class: 0, size: 5, stride: 3 });
    expect(
      relativeL2(
        map.data,
        sum.map((value, i) => value / count[i]!),
      ),
    ).toBeLessThan(1e-5);
  }
  await expect(occlusion(await engine.load(graph), picture, { size: 4, stride: 5 })).rejects.toThrow('stride is 5');
});

/** A plane in the input's extents: bilinear, centres of pixels on centres, the outermost values beyond them. */
function stretched(values: Float64Array, { H: h, W: w }: { readonly H: number; readonly W: number }): Float64Array {
  const clamped = (at: number, last: number): number => Math.min(Math.max(at, 0), last);
  return Float64Array.from({ length: plane }, (_, i) => {
    const x = clamped((((i % W) + 0.5) * w) / W - 0.5, w - 1);
    const y = clamped(((Math.floor(i / W) + 0.5) * h) / H - 0.5, h - 1);
    let sum = 0;
    for (let v = 0; v < h; v++)
      for (let u = 0; u < w; u++)
        sum += values[v * w + u]! * Math.max(0, 1 - Math.abs(x - u)) * Math.max(0, 1 - Math.abs(y - v));
    return sum;
  });
}

describe('Grad-CAM', () => {
  test("the layer's activations, weighted by their mean gradients", async () => {
    using engine = await engineOn();
    const model = await engine.load(graph);
    const { data, extents } = runGraph(graph, exact).get('relu1')!;
    const rest = graphAfter(graph, 'relu1', extents);
    const gradient = graphGradient(rest, Float64Array.from(data), { class: 2 }).gradient;
    const size = extents.H * extents.W;
    const sums = new Float64Array(size);
    for (let k = 0; k < extents.C; k++) {
      const alpha = gradient.subarray(k * size, (k + 1) * size).reduce((a, b) => a + b, 0) / size;
      for (let i = 0; i < size; i++) sums[i]! += alpha * data[k * size + i]!;
    }
    const layer = await model.layerGradient(picture, { tensor: 'relu1', class: 2 });
    expect(relativeL2(layer.activations, Float64Array.from(data))).toBeLessThan(1e-5);
    expect(relativeL2(layer.gradient, gradient)).toBeLessThan(1e-5);
    const positive = sums.map((value) => Math.max(0, value));
    expect(positive.some((value) => value > 0) && sums.some((value) => value < 0)).toBe(true); // both are to be seen
    const map = await gradCam(model, picture, { tensor: 'relu1', class: 2 });
    expect(map).toMatchObject({ width: W, height: H, class: 2, signed: false });
    expect(relativeL2(map.data, stretched(positive, extents))).toBeLessThan(1e-5);
  });

  test('by itself it takes the last tensor with a plane; what does not cut the net is refused', async () => {
    using engine = await engineOn();
    const model = await engine.load(graph);
    expect(model.lastPlane).toBe('relu2');
    expect((await gradCam(model, picture)).meta).toMatchObject({ tensor: 'relu2' });
    await expect(gradCam(model, picture, { tensor: 'nothing' })).rejects.toThrow("there is no tensor 'nothing'");
    await expect(gradCam(model, picture, { tensor: 'fc' })).rejects.toThrow("do not come after 'fc'");
    const around = {
      ...graph,
      nodes: [
        ...graph.nodes.slice(0, 5),
        { op: 'concat', name: 'both', inputs: ['relu2', 'conv2'] } as const,
        { ...graph.nodes[5]!, inputs: ['both'], weight: 'wide' } as never,
      ],
      weights: new Map([
        ...graph.weights,
        ['wide', { shape: [5, 2 * 9 * 18], data: new Float32Array(5 * 2 * 9 * 18).fill(0.1) }],
      ]),
    };
    await expect(gradCam(await engine.load(around), picture, { tensor: 'relu2' })).rejects.toThrow(
      "both goes around 'relu2'",
    );
  });
});

describe('layer maps', () => {
  const tensors = ['relu1', 'relu2'];

  test('are the geometric mean of what the layers contribute, in float64', async () => {
    using engine = await engineOn();
    const maps = tensors.map((tensor) => {
      const { data, extents } = runGraph(graph, exact).get(tensor)!;
      const { gradient } = graphGradient(graphAfter(graph, tensor, extents), Float64Array.from(data), { class: 2 });
      const size = extents.H * extents.W;
      const sums = Float32Array.from({ length: size }, (_, i) =>
        Array.from({ length: extents.C }, (_, k) => Math.abs(data[k * size + i]! * gradient[k * size + i]!)).reduce(
          (a, b) => a + b,
        ),
      );
      const whole = resizeMap({ data: sums, width: extents.W, height: extents.H }, W, H);
      const mean = whole.reduce((a, b) => a + b, 0) / whole.length;
      return blurred({ data: whole, width: W, height: H }, W / 56).data.map((value) => 1e-3 + value / mean);
    });
    const expected = Float64Array.from({ length: W * H }, (_, i) => Math.sqrt(maps[0]![i]! * maps[1]![i]!));
    const map = await layerMap(await engine.load(graph), picture, { class: 2, tensors });
    expect(relativeL2(map.data, expected)).toBeLessThan(1e-5);
    expect(map).toMatchObject({ class: 2, signed: false, meta: { method: 'layers', tensors } });
  });

  test('of several classes each is as if alone; the default is the last tensors of the coarsest planes', async () => {
    using engine = await engineOn();
    const model = await engine.load(graph);
    const both = await layerMaps(model, picture, { class: [3, 1], tensors });
    expect(both[0]).toEqual(await layerMap(model, picture, { class: 3, tensors }));
    expect(both[1]).toEqual(await layerMap(model, picture, { class: 1, tensors }));
    const best = await layerMaps(model, picture, { class: { top: 2, also: [0] } });
    expect(best[0]).toEqual(await layerMap(model, picture));
    expect(best[0]!.meta).toMatchObject({ tensors: model.planes.slice(-3) });
    await expect(layerMap(model, picture, { tensors: [] })).rejects.toThrow('tensors is empty');
  });

  test('planes are the last tensor of each extents, but for those with a channel per class', () => {
    expect(planesOf(graph, 5)).toEqual(['relu1', 'relu2']);
    expect(planesOf(graph, 9)).toEqual(['relu1', 'pool1']);
  });
});

describe('sanity checks', () => {
  const mapOf = (data: Float32Array): Heatmap => ({
    data,
    width: W,
    height: H,
    class: 1,
    score: 0,
    signed: false,
    meta: {},
  });

  test('deletion leads from the picture to the mean, insertion back; pixels go in the order of the map', async () => {
    using engine = await engineOn();
    const map = mapOf(Float32Array.from({ length: plane }, (_, i) => (i * 7) % plane)); // every rank once
    const curves = await perturbationCurves(await engine.load(graph, { batch: 3 }), picture, map, { steps: 4 });
    const scoreWith = (shown: (rank: number) => boolean): number =>
      scoreOf(
        exact.map((value, i) => (shown(plane - 1 - map.data[i % plane]!) ? value : 0)),
        1,
      );
    for (let k = 0; k <= 4; k++) {
      expect(curves.deletion[k]).toBeCloseTo(
        scoreWith((rank) => rank >= (k * plane) / 4),
        3,
      );
      expect(curves.insertion[k]).toBeCloseTo(
        scoreWith((rank) => rank < (k * plane) / 4),
        3,
      );
    }
    const [a, b, c, d, e] = curves.deletion;
    expect(curves.deletionArea).toBeCloseTo((a! / 2 + b! + c! + d! + e! / 2) / 4, 4);
    await expect(perturbationCurves(await engine.load(graph), picture, { ...map, width: 3 }, {})).rejects.toThrow(
      `the map is 3×${H}`,
    );
  });

  test('randomising takes the last layers first and only shuffles them', () => {
    const file = { graph, labels: [], provenance: {} };
    const {
      graph: { weights },
    } = randomised(file, 2);
    expect(weights.get('w1')).toBe(graph.weights.get('w1'));
    for (const name of ['w2', 'w3']) {
      expect(weights.get(name)!.data).not.toEqual(graph.weights.get(name)!.data);
      expect(weights.get(name)!.data.toSorted()).toEqual(graph.weights.get(name)!.data.toSorted());
    }
    expect(randomised(file, 99).graph.weights.get('w1')!.data).not.toEqual(graph.weights.get('w1')!.data);
  });

  test("Spearman's correlation by hand: 1 for the same order, −1 for the reverse, ties share their rank", () => {
    const values = (...data: number[]): Heatmap => ({
      ...mapOf(Float32Array.from(data)),
      width: data.length,
      height: 1,
    });
    expect(rankCorrelation(values(1, 2, 3, 10), values(5, 6, -7, 8))).toBeCloseTo(1, 12);
    expect(rankCorrelation(values(1, 2, 3), values(3, 2, 1))).toBeCloseTo(-1, 12);
    expect(rankCorrelation(values(1, 1, 3), values(1, 2, 3))).toBeCloseTo(1.5 / Math.sqrt(1.5 * 2), 12);
    expect(rankCorrelation(values(1, 1, 1), values(1, 2, 3))).toBe(0);
  });
});

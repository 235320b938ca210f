import { describe, expect, test } from 'vitest';
import {
  CLASS_MODEL_PRESETS,
  type ClassModel,
  type ClassModelOptions,
  type Model,
  type Neuron,
  classModel,
} from '../../src';
import { nodeDrivers } from '../node';
import { PHOTOS } from '../../src/image/photoStatistics';
import { relativeL2 } from '../oracle/compare';
import { graphGradient } from '../oracle/network';
import { C, H, W, engineOn, graph, mix32, preparation as input } from './support';

async function finish(model: Model, options: ClassModelOptions): Promise<ClassModel> {
  const run = classModel(model, options);
  for (;;) {
    const next = await run.next();
    if (next.done) return next.value;
  }
}

/** The ascent in float64. */
function ascent(
  target: number,
  {
    iterations,
    step,
    l2,
    score = 'logit' as const,
    start,
  }: { iterations: number; step: number; l2: number; score?: 'logit' | 'probability'; start: Float64Array },
) {
  let image = start;
  const scores: number[] = [];
  for (let k = 0; k < iterations; k++) {
    const run = graphGradient(graph, image, { class: target, score });
    scores.push(run.scores[target]!);
    const direction = run.gradient.map((g, i) => g - 2 * l2 * image[i]!);
    const norm = Math.sqrt(direction.reduce((sum, value) => sum + value * value, 0) / direction.length);
    image = image.map((value, i) => value + (step * direction[i]!) / norm);
  }
  return { image, scores };
}

const start = Float32Array.from({ length: C * H * W }, (_, i) => Math.sin(i) / 4);

test.each(nodeDrivers)('six steps of ascent are those of float64, on %s', async (driver) => {
  using engine = await engineOn(driver);
  const model = await engine.load(graph);
  const options = { iterations: 6, step: 0.02, l2: 0.01 };
  const expected = ascent(2, { ...options, start: Float64Array.from(start) });
  const actual = await finish(model, { ...options, class: 2, start });
  expect(relativeL2(actual.data, expected.image)).toBeLessThan(1e-5);
  expect(relativeL2(actual.scores[0]!, expected.scores)).toBeLessThan(1e-5);
});

test('the ascent begins at the mean image, climbs, and repeats bit for bit', async () => {
  using engine = await engineOn();
  const model = await engine.load(graph, { input });
  const first = await finish(model, { class: 1, iterations: 40 });
  const second = await finish(model, { class: 1, iterations: 40 });
  expect(second.data).toEqual(first.data);
  expect(first.scores[0]).toHaveLength(40);
  expect(first.scores[0]![39]!).toBeGreaterThan(first.scores[0]![0]! + 1);
  const mean = await finish(model, { class: 1, iterations: 1, step: 0 });
  expect([...mean.picture().data.subarray(0, 4)]).toEqual([120, 110, 100, 255]); // stored B, G, R
});

test('the probability as objective, and the bare gradient as step', async () => {
  using engine = await engineOn();
  const model = await engine.load(graph);
  const options = { iterations: 3, step: 0.02, l2: 0, score: 'probability' as const };
  const near = start.map((value) => value / 50); // where the probabilities are not yet 0 and 1
  const expected = ascent(0, { ...options, start: Float64Array.from(near) });
  const actual = await finish(model, { ...options, class: 0, start: near });
  expect(relativeL2(actual.data, expected.image)).toBeLessThan(1e-4);
  const bare = await finish(model, { class: 0, iterations: 1, step: 0.001, l2: 0.5, normalise: false, start });
  const { gradient } = graphGradient(graph, Float64Array.from(start), { class: 0 });
  expect(
    relativeL2(
      bare.data,
      gradient.map((g, i) => start[i]! + 0.001 * (g - start[i]!)),
    ),
  ).toBeLessThan(1e-6);
});

test('a batch makes as many class models, each as if alone, and other calls do not disturb it', async () => {
  using engine = await engineOn();
  const alone = await engine.load(graph);
  const together = await engine.load(graph, { batch: 3 });
  const both = classModel(together, { class: [4, 0, 2], iterations: 5 });
  await both.next();
  await together.scores({ data: new Float32Array(3 * C * H * W).fill(1), shape: [3, C, H, W] });
  let next = await both.next();
  while (!next.done) next = await both.next();
  for (const [n, target] of [4, 0, 2].entries()) {
    const single = await finish(alone, { class: target, iterations: 5 });
    expect(next.value.data.subarray(n * C * H * W, (n + 1) * C * H * W)).toEqual(single.data);
    expect(next.value.scores[n]).toEqual(single.scores[0]);
  }
});

test('leaving early, and an abort, give back every byte', async () => {
  using engine = await engineOn();
  const model = await engine.load(graph, { input });
  await model.scores({ data: start, shape: [C, H, W] });
  await finish(model, { class: 0, iterations: 30 });
  const before = engine.memory().live;
  for await (const { iteration, preview } of classModel(model, { class: 0, iterations: 1000 })) {
    if (iteration === 2) expect((await preview()).data).toHaveLength(W * H * 4);
    if (iteration === 3) break;
  }
  const abort = new AbortController();
  const run = classModel(model, { class: 0, iterations: 1000, signal: abort.signal });
  await run.next();
  abort.abort(new Error('enough'));
  await expect(
    (async () => {
      // oxlint-disable-next-line no-unused-vars -- only that it ends matters
      for await (const _ of run);
    })(),
  ).rejects.toThrow('enough');
  await model.scores({ data: start, shape: [C, H, W] }); // waits for what the abort left running
  expect(engine.memory().live).toBe(before);
});

test('a wrong class, a wrong start and too many classes are refused', async () => {
  using engine = await engineOn();
  const model = await engine.load(graph);
  await expect(finish(model, { class: 5 })).rejects.toMatchObject({ code: 'shape' });
  await expect(finish(model, { class: [0, 1] })).rejects.toThrow('2 classes at once need a batch of 2; this one is 1');
  await expect(finish(model, { class: 0, start: new Float32Array(3) })).rejects.toThrow(
    `the start image has 3 elements, [1, ${C}, ${H}, ${W}] has ${C * H * W}`,
  );
});

describe('regularisers', () => {
  const ALL = { totalVariation: 0.1, momentum: 0.5, jitter: 2, blur: 0.6 };
  const bound = (value: number, extent: number): number => ((value % extent) + extent) % extent;
  /** The ascent with all of them, element by element in float64. */
  function regularised(
    iterations: number,
    o: {
      step: number;
      l2: number;
      totalVariation: number;
      momentum: number;
      parametrisation: string;
      jitter: number;
      rotate: number;
      zoom: number;
      blur: number;
      blurEvery: number;
      seed: number;
    },
  ) {
    let image: Float64Array = Float64Array.from(start);
    const velocity = new Float64Array(image.length);
    const at = (c: number, h: number, w: number): number => (c * H + h) * W + w;
    for (let k = 0; k < iterations; k++) {
      const word = (salt: number): number => mix32((mix32((mix32(o.seed) ^ salt) >>> 0) ^ k) >>> 0);
      const drawn = (salt: number): number => (word(salt) % (2 * o.jitter + 1)) - o.jitter;
      const part = (salt: number): number => (word(salt) >>> 8) / 2 ** 23 - 1;
      const [dx, dy] = [drawn(1), drawn(2)];
      const each = (value: (c: number, h: number, w: number) => number): Float64Array =>
        Float64Array.from({ length: image.length }, (_, i) =>
          value(Math.floor(i / (H * W)), Math.floor(i / W) % H, i % W),
        );
      // what is shown is linear in the image: row i of its matrix has the pixels of the image that pixel i shows
      const angle = 2 * Math.atan(part(3) * Math.tan((o.rotate * Math.PI) / 360));
      const zoom = 1 + part(4) * o.zoom;
      const row = (h: number, w: number): (readonly [weight: number, h: number, w: number])[] => {
        if (o.rotate === 0 && o.zoom === 0) return [[1, bound(h - dy, H), bound(w - dx, W)]];
        const [x, y] = [w - (W - 1) / 2, h - (H - 1) / 2];
        const left = (W - 1) / 2 + (x * Math.cos(angle) - y * Math.sin(angle)) / zoom + dx;
        const top = (H - 1) / 2 + (x * Math.sin(angle) + y * Math.cos(angle)) / zoom + dy;
        return [0, 1].flatMap((j) =>
          [0, 1].flatMap((i) => {
            const [at, down] = [Math.floor(left) + i, Math.floor(top) + j];
            if (at < 0 || at >= W || down < 0 || down >= H) return [];
            return [[(1 - Math.abs(left - at)) * (1 - Math.abs(top - down)), down, at] as const];
          }),
        );
      };
      const shown = each((c, h, w) => row(h, w).reduce((sum, [weight, y, x]) => sum + weight * image[at(c, y, x)]!, 0));
      const { gradient: climbed } = graphGradient(graph, shown, { class: 1 });
      const gradient = new Float64Array(climbed.length);
      each((c, h, w) => {
        for (const [weight, y, x] of row(h, w)) gradient[at(c, y, x)]! += weight * climbed[at(c, h, w)]!;
        return 0;
      });
      // the derivative of TV by its definition: a small difference of the whole sum
      const variation = (of: Float64Array): number => {
        let sum = 0;
        each((c, h, w) => {
          const right = w + 1 < W ? of[at(c, h, w + 1)]! - of[at(c, h, w)]! : 0;
          const below = h + 1 < H ? of[at(c, h + 1, w)]! - of[at(c, h, w)]! : 0;
          sum += Math.sqrt(right * right + below * below + 1e-6);
          return 0;
        });
        return sum;
      };
      const slope = image.map((_, i) => {
        const moved = (by: number): Float64Array => image.map((value, j) => (j === i ? value + by : value));
        return (variation(moved(1e-5)) - variation(moved(-1e-5))) / 2e-5;
      });
      const climb = gradient.map((g, i) => g - 2 * o.l2 * image[i]! - o.totalVariation * slope[i]!);
      const direction = o.parametrisation === 'fourier' ? inCosines(climb) : climb;
      const norm = Math.sqrt(direction.reduce((sum, value) => sum + value * value, 0) / direction.length);
      direction.forEach((value, i) => {
        velocity[i] = o.momentum * velocity[i]! + value / norm;
      });
      image = image.map((value, i) => value + o.step * velocity[i]!);
      if (o.blur > 0 && (k + 1) % o.blurEvery === 0) {
        const radius = Math.ceil(3 * o.blur);
        const mirror = (i: number, extent: number): number =>
          bound(i, 2 * extent) < extent ? bound(i, 2 * extent) : 2 * extent - 1 - bound(i, 2 * extent);
        const weights = Array.from({ length: 2 * radius + 1 }, (_, j) =>
          Math.exp(-((j - radius) ** 2) / (2 * o.blur ** 2)),
        );
        const total = weights.reduce((a, b) => a + b, 0);
        const before = image;
        const across = each(
          (c, h, w) =>
            weights.reduce((sum, weight, j) => sum + weight * before[at(c, h, mirror(w + j - radius, W))]!, 0) / total,
        );
        image = each(
          (c, h, w) =>
            weights.reduce((sum, weight, j) => sum + weight * across[at(c, mirror(h + j - radius, H), w)]!, 0) / total,
        );
      }
    }
    return image;
  }

  /** A · Aᵀ · direction, where A makes pixels of coefficients: orthonormal cosines, as large as in photos. */
  function inCosines(direction: Float64Array): Float64Array {
    const wave = (u: number, h: number, extent: number): number =>
      Math.sqrt((u === 0 ? 1 : 2) / extent) * Math.cos((Math.PI * (2 * h + 1) * u) / (2 * extent));
    const lowest = 1 / (2 * Math.max(H, W));
    const result = new Float64Array(direction.length);
    for (let c = 0; c < C; c++)
      for (let u = 0; u < H; u++)
        for (let v = 0; v < W; v++) {
          const amplitude = (lowest / Math.max(lowest, Math.hypot(u / (2 * H), v / (2 * W)))) ** PHOTOS.decay;
          const basis = Float64Array.from(
            { length: H * W },
            (_, i) => amplitude * wave(u, Math.floor(i / W), H) * wave(v, i % W, W),
          );
          const coefficient = basis.reduce((sum, value, i) => sum + value * direction[c * H * W + i]!, 0);
          basis.forEach((value, i) => (result[c * H * W + i]! += coefficient * value));
        }
    return result;
  }

  const none = {
    step: 0.02,
    l2: 0.01,
    totalVariation: 0,
    momentum: 0,
    parametrisation: 'pixels',
    jitter: 0,
    rotate: 0,
    zoom: 0,
    blur: 0,
    blurEvery: 2,
    seed: 3,
  } as const;
  test.each([
    ['total variation', { totalVariation: 0.3 }],
    ['momentum', { momentum: 0.7 }],
    ['jitter', { jitter: 3 }],
    ['blur', { blur: 0.8 }],
    ['a step in cosines', { parametrisation: 'fourier' }],
    ['a turn', { rotate: 20 }],
    ['a zoom', { zoom: 0.3 }],
    ['all of them', ALL],
    ['all of them, turned, in cosines', { ...ALL, rotate: 30, zoom: 0.2, parametrisation: 'fourier' }],
  ] as const)('%s is as in float64', async (_, some) => {
    using engine = await engineOn();
    const options = { ...none, ...some };
    const { data } = await finish(await engine.load(graph), { ...options, class: 1, iterations: 5, start });
    expect(relativeL2(data, regularised(5, options))).toBeLessThan(2e-5);
  });

  test('the preset switches them on, and options overrule it', async () => {
    using engine = await engineOn();
    const model = await engine.load(graph);
    const paper = await finish(model, { class: 1, iterations: 3, start });
    expect(paper.meta).toMatchObject({ preset: 'paper', totalVariation: 0, momentum: 0, jitter: 0, blur: 0 });
    const vivid = await finish(model, { class: 1, iterations: 3, start, preset: 'vivid' });
    expect(vivid.data).not.toEqual(paper.data);
    const off = CLASS_MODEL_PRESETS.paper;
    expect((await finish(model, { ...off, class: 1, iterations: 3, start, preset: 'vivid' })).data).toEqual(paper.data);
  });

  test('options out of their range are refused by name', async () => {
    using engine = await engineOn();
    const model = await engine.load(graph);
    for (const [name, value] of Object.entries({
      momentum: 1,
      jitter: 11,
      rotate: 45,
      zoom: 0.5,
      totalVariation: -1,
      blur: NaN,
      blurEvery: 0,
      iterations: 0,
      l2: -1,
      seed: 0.5,
    })) {
      await expect(finish(model, { class: 0, [name]: value })).rejects.toThrow(`${name} is ${value}`);
    }
  });
});

test('a run goes on from its state as if it had not ended, shifts and momentum too', async () => {
  using engine = await engineOn();
  const model = await engine.load(graph);
  const options = { class: 2, preset: 'vivid', jitter: 2, blurEvery: 3 } as const;
  const whole = await finish(model, { ...options, iterations: 12 });
  const first = await finish(model, { ...options, iterations: 5 });
  const second = await finish(model, { ...options, iterations: 7, start: first.state });
  expect(second.data).toEqual(whole.data);
  expect([...first.scores[0]!, ...second.scores[0]!]).toEqual(whole.scores[0]);
  expect(second.state.iteration).toBe(12);
});

test('a channel and a neuron are climbed as a class is', async () => {
  using engine = await engineOn();
  const model = await engine.load(graph);
  for (const target of [
    { tensor: 'relu2', channel: 4 },
    { tensor: 'conv1', channel: 1, y: 2, x: 3 },
  ]) {
    let image: Float64Array = Float64Array.from(start);
    const scores: number[] = [];
    for (let k = 0; k < 3; k++) {
      const { gradient, tensors } = graphGradient(graph, image, { target });
      const { data, extents } = tensors.get(target.tensor)!;
      const plane = extents.H * extents.W;
      scores.push(
        'y' in target
          ? data[target.channel * plane + target.y * extents.W + target.x!]!
          : data.subarray(target.channel * plane, (target.channel + 1) * plane).reduce((a, b) => a + b, 0),
      );
      const norm = Math.sqrt(gradient.reduce((sum, value) => sum + value * value, 0) / gradient.length);
      image = image.map((value, i) => value + (0.05 * gradient[i]!) / norm);
    }
    const result = await finish(model, { class: target, iterations: 3, l2: 0, start });
    expect(relativeL2(result.data, image)).toBeLessThan(1e-5);
    expect(relativeL2(result.scores[0]!, scores)).toBeLessThan(1e-5);
  }
  await expect(finish(model, { class: { tensor: 'relu2', channel: 9 } })).rejects.toThrow('channel 9 is not in it');
});

test('noise begins at the origin, the same for a seed and for all items', async () => {
  using engine = await engineOn();
  const model = await engine.load(graph, { input, batch: 2 });
  const begun = async (options: Partial<ClassModelOptions>) =>
    (await finish(model, { class: [0, 1], iterations: 1, step: 0, l2: 0, ...options })).data;
  const options = { noise: 0.25, origin: 'photo', seed: 3 } as const;
  const [plain, noisy] = [await begun({ origin: 'photo' }), await begun(options)];
  const size = C * H * W;
  expect(noisy.subarray(size)).toEqual(noisy.subarray(0, size));
  expect(await begun({ ...options, seed: 4 })).not.toEqual(noisy);
  for (const [c, std] of input.std.entries()) {
    const plane = Array.from({ length: H * W }, (_, i) => noisy[c * H * W + i]! - plain[c * H * W + i]!);
    const deviation = Math.hypot(...plane) / Math.sqrt(plane.length);
    const share = deviation / (0.25 * ((255 * input.scale * PHOTOS.std) / std));
    expect([share > 0.7, share < 1.3]).toEqual([true, true]);
  }
  const whole = await finish(model, { class: [0, 1], iterations: 2, ...options });
  const from = await finish(model, { class: [0, 1], iterations: 2, origin: 'photo', seed: 3, start: noisy });
  expect(whole.data).toEqual(from.data);
});

test('neurons of one tensor are climbed at once, each as it is alone', async () => {
  using engine = await engineOn();
  const [single, both] = [await engine.load(graph), await engine.load(graph, { batch: 2 })];
  const neurons = [
    { tensor: 'relu2', channel: 4 },
    { tensor: 'relu2', channel: 1, y: 2, x: 3 },
  ];
  const options = { iterations: 3, l2: 0 };
  const found = await finish(both, { ...options, class: neurons, start: Float32Array.from([...start, ...start]) });
  for (const [n, neuron] of neurons.entries()) {
    const alone = await finish(single, { ...options, class: neuron, start });
    expect(relativeL2(found.data.subarray(n * alone.data.length, (n + 1) * alone.data.length), alone.data)).toBe(0);
    expect(found.scores[n]).toEqual(alone.scores[0]);
  }
  const refused = (list: readonly Neuron[]) => finish(both, { ...options, class: list });
  await expect(refused(neurons.slice(1))).rejects.toThrow('1 neurons for a batch of 2: one, or one per picture');
  await expect(refused([neurons[0]!, { tensor: 'conv1', channel: 0 }])).rejects.toThrow(
    "neurons of 'relu2' and of 'conv1': those of one pass are of one tensor",
  );
  await expect(refused([])).rejects.toMatchObject({ code: 'shape' });
});

test('a score that is no longer a number ends the run and says at which iteration', async () => {
  using engine = await engineOn();
  const model = await engine.load(graph);
  const before = engine.memory().live;
  await expect(finish(model, { class: 0, iterations: 50, step: 1e38, start })).rejects.toMatchObject({
    code: 'validation',
    message: expect.stringMatching(/^iteration \d+: .* is (NaN|-?Infinity); a smaller step/),
  });
  expect(engine.memory().live).toBeLessThanOrEqual(before + 4096); // the first read-back stays
});

import { describe, expect, test } from 'vitest';
import { type Graph, type ReluRule, saliencies, saliency } from '../../src';
import { relativeL2 } from '../oracle/compare';
import { graphGradient } from '../oracle/network';
import { C, H, W, engineOn, exact, graph, picture, pixels, preparation } from './support';

const maxAbs = (gradient: ArrayLike<number>): Float64Array =>
  Float64Array.from({ length: H * W }, (_, i) =>
    Math.max(...Array.from({ length: C }, (_, c) => Math.abs(gradient[c * H * W + i]!))),
  );

test('the map is the largest |gradient| over the channels, of the best class unless told', async () => {
  using engine = await engineOn();
  const model = await engine.load(graph);
  const { scores } = graphGradient(graph, exact, { class: 0 });
  const best = scores.indexOf(Math.max(...scores));
  const map = await saliency(model, picture);
  expect(map).toMatchObject({ class: best, width: W, height: H, signed: false });
  expect(relativeL2(map.data, maxAbs(graphGradient(graph, exact, { class: best }).gradient))).toBeLessThan(1e-5);
});

test('the best classes come best first, each map as if alone; a class that is asked for twice comes once', async () => {
  using engine = await engineOn();
  const model = await engine.load(graph);
  const { scores } = graphGradient(graph, exact, { class: 0 });
  const order = [...scores.keys()].sort((a, b) => scores[b]! - scores[a]!);
  const maps = await saliencies(model, picture, { class: { top: 3, also: [order[4]!, order[0]!] } });
  expect(maps.map((map) => map.class)).toEqual([...order.slice(0, 3), order[4]]);
  for (const map of maps) expect(map).toEqual(await saliency(model, picture, { class: map.class }));
  const pair = await engine.load(graph, { batch: 2 });
  await expect(saliencies(pair, [picture, picture] as never, { class: { top: 2 } })).rejects.toThrow(
    'the best 2 classes are of one picture; the batch is 2',
  );
  await expect(saliencies(model, picture, { class: { top: 0 } })).rejects.toThrow('top is 0');
});

describe('ten views', () => {
  const whole = pixels(40, 24);
  const [w, h] = [35, 21]; // seven eighths
  const part = (left: number, top: number, mirrored: boolean) => ({
    width: w,
    height: h,
    data: Uint8ClampedArray.from({ length: w * h * 4 }, (_, i) => {
      const [x, y] = [(i >> 2) % w, Math.floor((i >> 2) / w)];
      return whole.data[((top + y) * 40 + left + (mirrored ? w - 1 - x : x)) * 4 + (i & 3)]!;
    }),
  });

  test.each([
    ['max-abs', (sum: number, value: number) => Math.max(sum, Math.abs(value))],
    ['sum-abs', (sum: number, value: number) => sum + Math.abs(value)],
    ['sum', (sum: number, value: number) => sum + value],
  ] as const)('by %s, each view is brought back to where it lies, in any batch', async (channels, join) => {
    const joined = (gradient: Float32Array): Float64Array =>
      Float64Array.from({ length: H * W }, (_, i) =>
        Array.from({ length: C }, (_, c) => gradient[c * H * W + i]!).reduce(join, 0),
      );
    using engine = await engineOn();
    const alone = await engine.load(graph, { input: preparation });
    const [sum, count] = [new Float64Array(H * W), new Float64Array(H * W)];
    for (const mirrored of [false, true]) {
      for (const [left, top] of [
        [0, 0],
        [5, 0],
        [0, 3],
        [5, 3],
        [2, 1],
      ] as const) {
        const map = joined((await alone.inputGradient(part(left, top, mirrored), { class: 2 })).gradient);
        for (let i = 0; i < H * W; i++) {
          // the middle of the pixel: in the picture, in the part, in the part's map
          const inPart = [((i % W) + 0.5) * (40 / W) - left, (Math.floor(i / W) + 0.5) * (24 / H) - top] as const;
          if (inPart[0] < 0 || inPart[0] >= w || inPart[1] < 0 || inPart[1] >= h) continue;
          const x = Math.min(Math.max(((mirrored ? w - inPart[0] : inPart[0]) * W) / w - 0.5, 0), W - 1);
          const y = Math.min(Math.max((inPart[1] * H) / h - 0.5, 0), H - 1);
          const at = (u: number, v: number): number => map[Math.min(v, H - 1) * W + Math.min(u, W - 1)]!;
          const [u, v] = [Math.floor(x), Math.floor(y)];
          const row = (q: number): number => at(u, q) * (1 - x + u) + at(u + 1, q) * (x - u);
          sum[i]! += row(v) * (1 - y + v) + row(v + 1) * (y - v);
          count[i]!++;
        }
      }
    }
    const map = await saliency(alone, whole, { class: 2, views: 10, channels });
    expect(map).toMatchObject({ signed: channels === 'sum', meta: { channels, views: 10 } });
    expect(
      relativeL2(
        map.data,
        sum.map((value, i) => value / count[i]!),
      ),
    ).toBeLessThan(1e-5);
    for (const batch of [4, 10]) {
      // on a GPU, another batch is cut into tiles otherwise, and its sums round otherwise
      const { data, score, ...rest } = await saliency(await engine.load(graph, { input: preparation, batch }), whole, {
        class: 2,
        views: 10,
        channels,
      });
      expect(relativeL2(data, Float64Array.from(map.data))).toBeLessThan(2e-6);
      expect(score).toBeCloseTo(map.score, 5);
      expect({ ...rest, data: map.data, score: map.score }).toEqual(map);
    }
  });

  test('a mirrored picture has the mirrored map', async () => {
    using engine = await engineOn();
    const model = await engine.load(graph, { input: { ...preparation, resize: 'pad' } });
    // of even slack, so that the middle view is in the middle of both
    const even = pixels(48, 32);
    const mirror = {
      ...even,
      data: even.data.map(
        (_, i) => even.data[((Math.floor(i / 4 / 48) + 1) * 48 - 1 - (Math.floor(i / 4) % 48)) * 4 + (i % 4)]!,
      ),
    };
    const [map, other] = [
      await saliency(model, even, { class: 1, views: 10 }),
      await saliency(model, mirror, { class: 1, views: 10 }),
    ];
    expect(
      relativeL2(
        other.data,
        Float64Array.from(map.data, (_, i) => map.data[Math.floor(i / W) * W + W - 1 - (i % W)]!),
      ),
    ).toBeLessThan(1e-4);
  });

  test('the best class is that of the mean score; a prepared tensor has no views', async () => {
    using engine = await engineOn();
    const model = await engine.load(graph, { input: preparation });
    const { class: best, score } = await saliency(model, whole, { views: 10 });
    for (let index = 0; index < model.classes; index++)
      expect((await saliency(model, whole, { class: index, views: 10 })).score).toBeLessThanOrEqual(score);
    expect(best).toBeGreaterThanOrEqual(0);
    await expect(saliency(model, picture, { views: 10 })).rejects.toThrow('views are parts of a picture');
  });
});

describe('ReLU rules, by the table of §4', () => {
  const rules: readonly ReluRule[] = ['gradient', 'deconvnet', 'guided'];
  const without = (op: string): Graph => {
    const gone = new Map(graph.nodes.filter((node) => node.op === op).map(({ name, inputs }) => [name, inputs[0]!]));
    return {
      ...graph,
      nodes: graph.nodes
        .filter(({ name }) => !gone.has(name))
        .map((node) => ({ ...node, inputs: node.inputs.map((name) => gone.get(name) ?? name) })),
    };
  };
  const positive: Graph = {
    ...graph,
    weights: new Map(
      [...graph.weights].map(([name, weight]) => [name, { ...weight, data: weight.data.map(Math.abs) }]),
    ),
  };
  const mapsOf = async (net: Graph, data = picture.data) => {
    using engine = await engineOn();
    const model = await engine.load(net);
    return await Promise.all(
      rules.map(async (relu) => (await model.inputGradient({ data, shape: [C, H, W] }, { class: 1, relu })).gradient),
    );
  };

  test('without ReLUs no rule matters: all other layers are the same under all three', async () => {
    const [gradient, deconvnet, guided] = await mapsOf(without('relu'));
    expect(gradient!.some((value) => value !== 0)).toBe(true);
    expect(deconvnet).toEqual(gradient);
    expect(guided).toEqual(gradient);
  });

  test('where the inputs of ReLUs and what comes back to them are positive, all three are the same', async () => {
    const [gradient, deconvnet, guided] = await mapsOf(
      positive,
      picture.data.map((value) => Math.abs(value) + 0.01),
    );
    expect(gradient!.some((value) => value !== 0)).toBe(true);
    expect(deconvnet).toEqual(gradient);
    expect(guided).toEqual(gradient);
  });

  test('a ReLU alone tells them apart, and each is as float64 has it', async () => {
    const maps = await mapsOf(graph);
    rules.forEach((relu, k) =>
      expect(relativeL2(maps[k]!, graphGradient(graph, exact, { class: 1, relu }).gradient)).toBeLessThan(1e-5),
    );
    expect(relativeL2(maps[1]!, Float64Array.from(maps[0]!))).toBeGreaterThan(0.1);
    expect(relativeL2(maps[2]!, Float64Array.from(maps[0]!))).toBeGreaterThan(0.1);
  });
});

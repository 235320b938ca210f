import { expect, test } from 'vitest';
import { type ClassModel, type ClassModelOptions, Engine, type Model, classModel } from '../../src';
import { selfTestCase } from '../../src/selfTest';
import { nodeDevice, nodeDrivers } from '../node';
import { relativeL2 } from '../oracle/compare';
import { graphGradient } from '../oracle/network';

const { graph } = selfTestCase();
const { C, H, W } = graph.input.extents;
const input = { width: W, height: H, channels: 3, order: 'BGR', scale: 1, mean: [100, 110, 120], std: [10, 20, 30], resize: 'squash' } as const;

async function engineOn(driver = nodeDrivers[0]!): Promise<Engine> {
  return Engine.create(await nodeDevice(driver));
}

async function finish(model: Model, options: ClassModelOptions): Promise<ClassModel> {
  const run = classModel(model, options);
  for (;;) {
    const next = await run.next();
    if (next.done) return next.value;
  }
}

/** The ascent in float64. */
function ascent(target: number, { iterations, step, l2, score = 'logit' as const, start }: { iterations: number; step: number; l2: number; score?: 'logit' | 'probability'; start: Float64Array }) {
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
  expect(relativeL2(bare.data, gradient.map((g, i) => start[i]! + 0.001 * (g - start[i]!)))).toBeLessThan(1e-6);
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
  await expect((async () => { for await (const _ of run); })()).rejects.toThrow('enough');
  await model.scores({ data: start, shape: [C, H, W] }); // waits for what the abort left running
  expect(engine.memory().live).toBe(before);
});

test('a wrong class, a wrong start and too many classes are refused', async () => {
  using engine = await engineOn();
  const model = await engine.load(graph);
  await expect(finish(model, { class: 5 })).rejects.toMatchObject({ code: 'shape' });
  await expect(finish(model, { class: [0, 1] })).rejects.toThrow('2 classes at once need a batch of 2; this one is 1');
  await expect(finish(model, { class: 0, start: new Float32Array(3) })).rejects.toThrow(`the start image has 3 elements, [1, ${C}, ${H}, ${W}] has ${C * H * W}`);
});

/** Attacks against the definition: every step in float64, by the oracle's gradient. */
import { expect, test } from 'vitest';
import { type AttackOptions, attack, attackBatch } from '../../src';
import { bestClass } from '../../src/scores';
import { relativeL2 } from '../oracle/compare';
import { graphGradient, runGraph } from '../oracle/network';
import { C, H, W, engineOn, exact, graph, input as data, picture, preparation } from './support';

const { mean, std, scale } = preparation;
const channel = (i: number): number => Math.floor(i / (H * W));
const toPixels = (value: number, i: number): number => (value * std[channel(i)]! + mean[channel(i)]!) / (255 * scale);
const toInput = (value: number, i: number): number => (value * 255 * scale - mean[channel(i)]!) / std[channel(i)]!;
const length = (values: Float64Array): number => Math.hypot(...values);

/**
 * ∂log p_c/∂scores = [k is c] − p_k, where 1 − p_c is summed from the others: the net is surer than float64 has digits.
 */
function seed(x: Float64Array, c: number): Float64Array {
  const scores = runGraph(graph, x.map(toInput)).get(graph.output)!.data;
  const most = Math.max(...scores);
  const total = scores.reduce((sum, score) => sum + Math.exp(score - most), 0);
  const p = scores.map((score) => Math.exp(score - most) / total);
  const others = p.reduce((sum, share, k) => sum + (k === c ? 0 : share), 0);
  return p.map((share, k) => (k === c ? others : -share));
}

/** The change in pixels of 0 to 1. */
function oracle(
  options: Required<Pick<AttackOptions, 'norm' | 'epsilon' | 'steps' | 'step'>>,
  index: number,
  up: boolean,
) {
  const { norm, epsilon, steps, step } = options;
  const begin = exact.map(toPixels);
  let x = begin.slice();
  for (let k = 0; k < steps; k++) {
    const { gradient } = graphGradient(graph, x.map(toInput), { seeds: new Map([[graph.output, seed(x, index)]]) });
    const g = gradient.map((value, i) => (up ? value : -value) / std[channel(i)]!);
    const size = length(g);
    let change = x.map((value, i) => value + step * (norm === 'max' ? Math.sign(g[i]!) : g[i]! / size) - begin[i]!);
    if (norm === 'max') change = change.map((value) => Math.min(epsilon, Math.max(-epsilon, value)));
    else if (length(change) > epsilon) change = change.map((value) => (value * epsilon) / length(change));
    x = begin.map((value, i) => Math.min(1, Math.max(0, value + change[i]!)));
  }
  return x.map((value, i) => value - begin[i]!);
}

const bestIn = (x: Float64Array): number => bestClass(runGraph(graph, x).get(graph.output)!.data);
const own = bestIn(exact);
const other = (own + 1) % 3;

test('the picture lies between black and white, so that the cases below mean something', () => {
  const pixels = exact.map(toPixels);
  expect([Math.min(...pixels) >= 0, Math.max(...pixels) <= 1]).toEqual([true, true]);
});

test.each([
  ['FGSM', { norm: 'max', epsilon: 4 / 255, steps: 1, step: 4 / 255 }, undefined],
  ['PGD in the largest change', { norm: 'max', epsilon: 8 / 255, steps: 3, step: 5 / 255 }, undefined],
  ['PGD in L2', { norm: 'l2', epsilon: 0.5, steps: 4, step: 0.3 }, undefined],
  ['PGD to a target', { norm: 'l2', epsilon: 2, steps: 3, step: 1 }, other],
  ['far enough to meet black and white', { norm: 'max', epsilon: 0.6, steps: 2, step: 0.5 }, undefined],
] as const)('%s is what float64 makes', async (_, options, target) => {
  using engine = await engineOn();
  const model = await engine.load(graph, { input: preparation });
  const found = await attack(model, picture, { ...options, ...(target === undefined ? {} : { target }) });
  const expected = oracle(options, target ?? own, target !== undefined);
  expect(relativeL2(found.change, expected)).toBeLessThan(1e-5);
  expect(found.before.class).toBe(own);
  expect(found.after.class).toBe(bestIn(expected.map((value, i) => toInput(toPixels(exact[i]!, i) + value, i))));
  expect(found.succeeded).toBe(target === undefined ? found.after.class !== own : found.after.class === target);
  expect(found.length[options.norm]).toBeLessThanOrEqual(options.epsilon * (1 + 1e-12));
  expect(found.length[options.norm]).toBeGreaterThan(options.epsilon / 2);
  const pixels = Float64Array.from(found.image.data, toPixels);
  expect([Math.min(...pixels) > -1e-6, Math.max(...pixels) < 1 + 1e-6]).toEqual([true, true]);
});

test('a random beginning is in the ball, the same for a seed, and no other in a batch', async () => {
  using engine = await engineOn();
  const model = await engine.load(graph, { input: preparation, batch: 3 });
  for (const norm of ['max', 'l2'] as const) {
    const epsilon = 0.1;
    const options = { norm, epsilon, steps: 1, step: 0, random: true };
    const [first, second] = await attackBatch(
      model,
      [picture, { data: data.map((x) => x / 2), shape: [C, H, W] }],
      options,
    );
    expect(first!.length[norm]).toBeGreaterThan(epsilon / 2);
    expect(first!.length[norm]).toBeLessThanOrEqual(epsilon * (1 + 1e-12));
    expect((await attack(model, picture, options)).change).toEqual(first!.change);
    expect((await attack(model, picture, { ...options, seed: 2 })).change).not.toEqual(first!.change);
    expect(second!.image.data).not.toEqual(first!.image.data);
  }
});

test('the change is drawn around middle grey', async () => {
  using engine = await engineOn();
  const model = await engine.load(graph, { input: preparation });
  const found = await attack(model, picture, { epsilon: 1 / 255, steps: 1 });
  const drawn = found.changePicture(10).data;
  // the pixels' red is the network's last channel: its pictures are BGR
  const red = found.change[2 * H * W]! * 255;
  expect(Math.abs(red)).toBeCloseTo(1, 4);
  expect(Math.abs(drawn[0]! - (127.5 + 10 * red))).toBeLessThan(0.6);
});

test('what cannot be attacked is refused', async () => {
  using engine = await engineOn();
  await expect(attack(await engine.load(graph), picture)).rejects.toThrow('does not say how pictures are prepared');
  const model = await engine.load(graph, { input: preparation });
  await expect(attack(model, picture, { epsilon: 4 })).rejects.toThrow('epsilon is 4; a number from 0');
  await expect(attack(model, picture, { steps: 0 })).rejects.toThrow('steps is 0; a whole number from 1');
  await expect(attack(model, picture, { target: 99 })).rejects.toThrow('target is 99; a whole number from 0 to');
  await expect(attack(model, picture, { class: '1' as never })).rejects.toThrow("class is '1'; a class by its number");
});

test('as many pictures as the batch holds, each with a class of its own, or none is attacked', async () => {
  using engine = await engineOn();
  const model = await engine.load(graph, { input: preparation, batch: 2 });
  const run = (count: number, options = {}) => attackBatch(model, Array(count).fill(picture), options);
  await expect(run(3)).rejects.toThrow('the number of pictures is 3; a whole number from 1 to 2 would be right');
  await expect(run(0)).rejects.toThrow('the number of pictures is 0; a whole number from 1 to 2 would be right');
  await expect(run(2, { class: [0] })).rejects.toThrow('the number of classes is 1; 2 would be right');
  await expect(attackBatch(model, picture as never)).rejects.toThrow('images is an object; a list of pictures');
});

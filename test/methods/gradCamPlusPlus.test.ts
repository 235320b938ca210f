import { expect, test } from 'vitest';
import { gradCamPlusPlus } from '../../src';
import { resizeMap } from '../../src/image/resize';
import { relativeL2 } from '../oracle/compare';
import { H, W, engineOn, graph, layerOf, picture } from './support';

test('Grad-CAM++ weighs each channel by its positive gradients, each by α', async () => {
  using engine = await engineOn();
  const model = await engine.load(graph);
  const { activations, gradient, extents } = layerOf('relu1', 2);
  const size = extents.H * extents.W;
  const sums = new Float64Array(size);
  for (let k = 0; k < extents.C; k++) {
    const A = activations.subarray(k * size, (k + 1) * size);
    const g = gradient.subarray(k * size, (k + 1) * size);
    const total = A.reduce((a, b) => a + b, 0);
    // the paper's equation 19 as it stands, of exp(S) without its common factor
    const alpha = g.map((d) => (d === 0 ? 0 : d ** 2 / (2 * d ** 2 + d ** 3 * total)));
    const weight = alpha.reduce((sum, a, i) => sum + a * Math.max(0, g[i]!), 0);
    A.forEach((value, i) => (sums[i]! += weight * value));
  }
  expect(sums.some((value) => value > 0)).toBe(true);
  expect(gradient.some((value) => value < 0)).toBe(true); // that is left out
  const right = { data: Float32Array.from(sums, (value) => Math.max(0, value)), width: extents.W, height: extents.H };
  const map = await gradCamPlusPlus(model, picture, { tensor: 'relu1', class: 2 });
  expect(map).toMatchObject({ width: W, height: H, class: 2, signed: false, meta: { tensor: 'relu1' } });
  expect(relativeL2(map.data, resizeMap(right, W, H))).toBeLessThan(1e-5);
});

test('by itself it takes the last tensor with a plane; what does not cut the net is refused', async () => {
  using engine = await engineOn();
  const model = await engine.load(graph);
  expect((await gradCamPlusPlus(model, picture)).meta).toMatchObject({ tensor: 'relu2' });
  await expect(gradCamPlusPlus(model, picture, { tensor: 'nothing' })).rejects.toThrow("there is no tensor 'nothing'");
});

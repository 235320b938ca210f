import { expect, test } from 'vitest';
import { hiResCam } from '../../src';
import { resizeMap } from '../../src/image/resize';
import { relativeL2 } from '../oracle/compare';
import { H, W, engineOn, graph, layerOf, picture } from './support';

test("HiResCAM is the sum of the layer's activations, each times its own gradient, where it is positive", async () => {
  using engine = await engineOn();
  const model = await engine.load(graph);
  const { activations: data, gradient, extents } = layerOf('relu1', 2);
  const size = extents.H * extents.W;
  const sums = Float64Array.from({ length: size }, (_, i) => {
    let sum = 0;
    for (let k = 0; k < extents.C; k++) sum += data[k * size + i]! * gradient[k * size + i]!;
    return sum;
  });
  expect(sums.some((value) => value > 0) && sums.some((value) => value < 0)).toBe(true); // both are to be seen
  const positive = Float32Array.from(sums, (value) => Math.max(0, value));
  const map = await hiResCam(model, picture, { tensor: 'relu1', class: 2 });
  expect(map).toMatchObject({ width: W, height: H, class: 2, signed: false, meta: { tensor: 'relu1' } });
  expect(relativeL2(map.data, resizeMap({ data: positive, width: extents.W, height: extents.H }, W, H))).toBeLessThan(
    1e-5,
  );
});

test('by itself it takes the last tensor with a plane; what does not cut the net is refused', async () => {
  using engine = await engineOn();
  const model = await engine.load(graph);
  expect((await hiResCam(model, picture)).meta).toMatchObject({ tensor: 'relu2' });
  await expect(hiResCam(model, picture, { tensor: 'nothing' })).rejects.toThrow("there is no tensor 'nothing'");
});

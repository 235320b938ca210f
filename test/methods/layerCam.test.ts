import { expect, test } from 'vitest';
import { layerCam } from '../../src';
import { resizeMap } from '../../src/image/resize';
import { relativeL2 } from '../oracle/compare';
import { H, W, engineOn, graph, layerOf, picture } from './support';

/** max(0, Σ_k max(0, g_k) A_k) in float64. */
function mapOf(tensor: string) {
  const { activations, gradient, extents } = layerOf(tensor, 2);
  const size = extents.H * extents.W;
  const data = Float64Array.from({ length: size }, (_, i) => {
    let sum = 0;
    for (let k = 0; k < extents.C; k++) sum += Math.max(0, gradient[k * size + i]!) * activations[k * size + i]!;
    return Math.max(0, sum);
  });
  return { data, width: extents.W, height: extents.H };
}

const resized = ({ data, width, height }: ReturnType<typeof mapOf>, scale: (value: number) => number) =>
  resizeMap({ data: Float32Array.from(data, scale), width, height }, W, H);

test('LayerCAM of one layer is the sum of its activations, each times its positive gradient', async () => {
  using engine = await engineOn();
  const model = await engine.load(graph);
  const map = await layerCam(model, picture, { tensors: ['relu1'], class: 2 });
  expect(map).toMatchObject({ width: W, height: H, class: 2, signed: false, meta: { tensors: ['relu1'] } });
  expect(
    relativeL2(
      map.data,
      resized(mapOf('relu1'), (value) => value),
    ),
  ).toBeLessThan(1e-5);
});

test('of several layers each pixel takes the largest, the finer ones brought towards 1', async () => {
  using engine = await engineOn();
  const model = await engine.load(graph);
  const [fine, coarse] = [mapOf('relu1'), mapOf('relu2')];
  const [mostFine, mostCoarse] = [fine, coarse].map(({ data }) => Math.max(...data)) as [number, number];
  const parts = [
    resized(fine, (value) => Math.tanh((2 * value) / mostFine)),
    resized(coarse, (value) => value / mostCoarse),
  ] as const;
  const right = parts[0].map((value, i) => Math.max(value, parts[1][i]!));
  for (const part of parts) expect(relativeL2(part, right)).toBeGreaterThan(0.01); // each shows somewhere
  const map = await layerCam(model, picture, { tensors: ['relu1', 'relu2'], class: 2 });
  expect(relativeL2(map.data, right)).toBeLessThan(1e-5);
});

test('without a list it takes the three coarsest planes; an empty list is refused', async () => {
  using engine = await engineOn();
  const model = await engine.load(graph);
  expect((await layerCam(model, picture)).meta).toMatchObject({ tensors: model.planes.slice(-3) });
  await expect(layerCam(model, picture, { tensors: [] })).rejects.toThrow('tensors is empty');
});

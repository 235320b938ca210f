import { expect, test } from 'vitest';
import { featureMap, featureMaps, layerMap, mapBox } from '../../src';
import { mirrorImage, mirroredRows } from '../../src/methods/mirror';
import { resizeMap } from '../../src/image/resize';
import { relativeL2 } from '../oracle/compare';
import { H, W, engineOn, graph, layerOf, picture, pixels, preparation } from './support';

const tensors = ['relu1', 'relu2'];

test('without features and without the mirror image it is the layer map; with it, the geometric mean', async () => {
  using engine = await engineOn();
  const model = await engine.load(graph);
  const layers = await layerMap(model, picture, { class: 2, tensors });
  const alone = await featureMap(model, picture, { class: 2, tensors, strength: 0, mirror: 'off' });
  expect(alone.data).toEqual(layers.data);
  const back = await layerMap(model, await mirrorImage(picture), { class: 2, tensors });
  const both = await featureMap(model, picture, { class: 2, tensors, strength: 0 });
  const mean = mirroredRows(back.data, W).map((value, i) => Math.sqrt(value * layers.data[i]!));
  expect(relativeL2(back.data, layers.data)).toBeGreaterThan(0.01);
  expect(relativeL2(both.data, mean)).toBeLessThan(1e-5);
});

test('each pixel is multiplied by how like the object its features are, in float64', async () => {
  using engine = await engineOn();
  const model = await engine.load(graph);
  const options = { class: 2, tensors, mirror: 'off' } as const;
  const { data: layers } = await layerMap(model, picture, { class: 2, tensors });
  const map = await featureMap(model, picture, { ...options, strength: 0.5 });
  const { activations, extents } = layerOf('relu1', 2);
  const size = extents.H * extents.W;
  const onPlane = resizeMap({ data: layers, width: W, height: H }, extents.W, extents.H);
  const sorted = [...onPlane].sort((a, b) => a - b);
  const most = sorted.at(-1)!;
  const low = Math.max(0.12 * most, sorted[Math.floor(0.2 * (size - 1))]!);
  const units = Array.from({ length: size }, (_, i) => {
    const f = Array.from({ length: extents.C }, (_, c) => activations[c * size + i]!);
    const length = Math.hypot(...f);
    return f.map((value) => (length > 0 ? value / length : 0));
  });
  const fits = [
    units.filter((_, i) => onPlane[i]! > 0.4 * most),
    units.filter((_, i) => onPlane[i]! <= low && onPlane[i]! < 0.4 * most),
  ].map((chosen) => {
    const mean = units[0]!.map((_, c) => chosen.reduce((sum, f) => sum + f[c]!, 0) / chosen.length);
    return {
      mean,
      covariance: mean.map((m, c) =>
        mean.map((n, d) => chosen.reduce((sum, f) => sum + (f[c]! - m) * (f[d]! - n), 0) / chosen.length),
      ),
    };
  });
  const shared = fits[0]!.covariance.map((row, c) => row.map((value, d) => (value + fits[1]!.covariance[c]![d]!) / 2));
  const ridge = shared.reduce((sum, row, c) => sum + row[c]!, 0) / extents.C;
  const rows = shared.map((row, c) => [
    ...row.map((value, d) => value + (c === d ? ridge : 0)),
    fits[0]!.mean[c]! - fits[1]!.mean[c]!,
  ]);
  rows.forEach((_, c) => {
    const pivot = rows[c]!.map((value) => value / rows[c]![c]!);
    rows.forEach((row, d) => (rows[d] = d === c ? pivot : row.map((value, k) => value - row[c]! * pivot[k]!)));
  });
  const ratios = units.map((f) => f.reduce((sum, value, c) => sum + value * rows[c]![extents.C]!, 0));
  const mean = ratios.reduce((sum, value) => sum + value, 0) / size;
  const deviation = Math.sqrt(ratios.reduce((sum, value) => sum + (value - mean) ** 2, 0) / size);
  const odds = resizeMap(
    { data: Float32Array.from(ratios, (value) => (value - mean) / deviation), width: extents.W, height: extents.H },
    W,
    H,
  );
  const right = layers.map((value, i) => value * Math.exp(0.5 * odds[i]!));
  expect(relativeL2(right, layers)).toBeGreaterThan(0.1);
  expect(relativeL2(map.data, right)).toBeLessThan(1e-4);
});

test('of several classes each is as if alone; options are kept in meta, and refused out of range', async () => {
  using engine = await engineOn();
  const model = await engine.load(graph);
  const both = await featureMaps(model, picture, { class: [3, 1], tensors });
  expect(both[1]).toEqual(await featureMap(model, picture, { class: 1, tensors }));
  expect(both[0]!.meta).toMatchObject({ method: 'features', tensors, strength: 0.25, mirror: 'on' });
  await expect(featureMap(model, picture, { strength: 5 })).rejects.toThrow('strength');
  await expect(featureMap(model, picture, { mirror: 'no' as 'off' })).rejects.toThrow('mirror');
});

test('without features a mirrored picture has the mirrored map; the box goes by the border of the map', async () => {
  using engine = await engineOn();
  const model = await engine.load(graph, { input: preparation });
  const image = pixels(W, H);
  const options = { class: 1, tensors, strength: 0 };
  const map = await featureMap(model, image, options);
  const back = await featureMap(model, await mirrorImage(image), options);
  expect(relativeL2(mirroredRows(back.data, W), map.data)).toBeLessThan(1e-5);
  const most = Math.max(...map.data);
  expect(map.border).toBeGreaterThan(0);
  expect(map.border).toBeLessThan(most);
  expect(mapBox(map, image).box).toEqual(mapBox(map, image, { share: map.border! / most }).box);
});

// What the five programs share: the network, steps of descent, and pictures.
import { fileURLToPath } from 'node:url';
import { createNodeEngine, readImage } from 'gradlens/node';
import sharp from 'sharp';

export const samples = fileURLToPath(new URL('../../samples/imagenette/', import.meta.url));
export const engine = await createNodeEngine();
export const model = await engine.load('imagenette-128-robust');

export const sumOfSquares = (values) => values.reduce((sum, x) => sum + x * x, 0);

/** A picture as the network takes it: what is optimised, or compared. */
export const prepared = async (file) => ({
  data: await model.prepared(await readImage(file)),
  shape: model.inputShape,
});

/** A step against a gradient, of `rate` in the root mean square. */
export function descend({ data }, gradient, rate) {
  const scale = rate / Math.sqrt(sumOfSquares(gradient) / gradient.length);
  gradient.forEach((g, i) => (data[i] -= scale * g));
}

/** Writes a prepared picture as it looks. */
export async function save({ data }, to) {
  const { width, height, scale, mean, std } = model.input;
  const pixels = new Uint8ClampedArray(width * height * 3);
  for (let i = 0; i < width * height; i++)
    for (let c = 0; c < 3; c++) pixels[i * 3 + c] = (data[c * width * height + i] * std[c] + mean[c]) / scale;
  await sharp(pixels, { raw: { width, height, channels: 3 } }).toFile(to);
}

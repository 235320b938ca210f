// What the five programs share: the network, steps of descent, and pictures.
import { fileURLToPath } from 'node:url';
import { unprepared } from 'gradlens';
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
  const { data: pixels, width, height } = unprepared(data, model.input);
  await sharp(pixels, { raw: { width, height, channels: 4 } })
    .removeAlpha()
    .toFile(to);
}

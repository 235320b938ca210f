/**
 * What photos are like, for src/image/photoStatistics.ts: means, deviation and correlations of R, G and B, and how the
 * amplitudes of the cosines that a photo is a sum of fall with their frequency.
 *
 *   node scripts/photoStatistics.mjs PHOTOS [--split train]
 *
 * PHOTOS is a folder as weights/photos.mjs reads it.
 */
import { parseArgs } from './arguments.mjs';
import { photos } from '../weights/photos.mjs';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { split: { type: 'string', default: 'train' } },
});
const [folder] = positionals;
if (!folder) throw new Error('node scripts/photoStatistics.mjs PHOTOS');

/** The spectrum takes time, and every so many photos tell it. */
const EVERY = 25;
/** Bands of frequency, each √2 times as high as the one before, up to half a period per pixel. */
const BANDS = 12;

const sums = [0, 0, 0];
const products = [0, 1, 2].map(() => [0, 0, 0]);
const bands = Array.from({ length: BANDS }, () => ({ power: 0, count: 0 }));
let pixels = 0;
let count = 0;
for await (const { image } of photos(folder, values.split)) {
  const { data, width, height } = image;
  for (let i = 0; i < data.length; i += 4)
    for (let a = 0; a < 3; a++) {
      sums[a] += data[i + a] / 255;
      for (let b = 0; b <= a; b++) products[a][b] += (data[i + a] * data[i + b]) / 255 ** 2;
    }
  pixels += width * height;
  if (count++ % EVERY === 0) addSpectrum(image);
}

const mean = sums.map((sum) => sum / pixels);
/**
 * @param {number} a
 * @param {number} b
 * @returns {number}
 */
const covariance = (a, b) => products[Math.max(a, b)][Math.min(a, b)] / pixels - mean[a] * mean[b];
const own = [0, 1, 2].map((a) => covariance(a, a));
console.log(`${count} photos`);
console.log('mean       ', mean.map((value) => value.toFixed(6)).join(', '));
console.log('std        ', Math.sqrt(own.reduce((sum, value) => sum + value, 0) / 3).toFixed(6));
for (const a of [0, 1, 2])
  console.log(
    'correlation',
    [0, 1, 2].map((b) => (covariance(a, b) / Math.sqrt(own[a] * own[b])).toFixed(4)).join(', '),
  );

const points = bands.flatMap(({ power, count }, k) =>
  count > 0 ? [[Math.log(frequencyOf(k)), Math.log(power / count) / 2]] : [],
);
for (const [f, amplitude] of points)
  console.log(`amplitude at ${Math.exp(f).toFixed(4)} periods a pixel: ${Math.exp(amplitude).toExponential(2)}`);
const [meanX, meanY] = [0, 1].map((axis) => points.reduce((sum, point) => sum + point[axis], 0) / points.length);
const slope =
  points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0) /
  points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
console.log('decay      ', (-slope).toFixed(3));

/** @param {number} band */
function frequencyOf(band) {
  return 0.5 * 2 ** ((band + 0.5 - BANDS) / 2);
}

/**
 * Adds the power of each cosine of the photo's luminance to its band. @param {import('../src/index.ts').Pixels} image
 */
function addSpectrum({ data, width, height }) {
  const grey = Float64Array.from(
    { length: width * height },
    (_, i) => (data[4 * i] + data[4 * i + 1] + data[4 * i + 2]) / 765,
  );
  const rows = transformed(grey, height, width);
  const whole = transposed(transformed(transposed(rows, height, width), width, height), width, height);
  for (let u = 0; u < height; u++)
    for (let v = 0; v < width; v++) {
      const frequency = Math.hypot(u / (2 * height), v / (2 * width));
      const band = Math.floor(BANDS + 2 * Math.log2(2 * frequency));
      if (band < 0 || band >= BANDS) continue;
      bands[band].power += whole[u * width + v] ** 2;
      bands[band].count++;
    }
}

/** The orthonormal cosines of each row. @param {Float64Array} x @param {number} rows @param {number} length */
function transformed(x, rows, length) {
  const waves = Float64Array.from({ length: 4 * length }, (_, k) => Math.cos((Math.PI * k) / (2 * length)));
  const y = new Float64Array(x.length);
  for (let r = 0; r < rows; r++)
    for (let u = 0; u < length; u++) {
      let sum = 0;
      for (let k = 0, at = u; k < length; k++, at = (at + 2 * u) % (4 * length)) sum += x[r * length + k] * waves[at];
      y[r * length + u] = sum * Math.sqrt((u === 0 ? 1 : 2) / length);
    }
  return y;
}

/** @param {Float64Array} x @param {number} rows @param {number} columns */
function transposed(x, rows, columns) {
  return Float64Array.from({ length: x.length }, (_, i) => x[(i % rows) * columns + Math.floor(i / rows)]);
}

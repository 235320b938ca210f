/** Colours, vectors, and pictures: drawn with SVG, laid over one another, developed like a photograph. */
import sharp from 'sharp';
import { random, fractal } from './noise.mjs';

export const add = (a, b) => [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
export const subtract = (a, b) => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
export const scale = (a, s) => [a[0] * s, a[1] * s, a[2] * s];
export const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
export const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
export const normalise = (a) => scale(a, 1 / Math.sqrt(dot(a, a)));
export const mixColour = (a, b, t) => [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t];

/** 0 below a, 1 above b, smooth between. */
export const smooth = (a, b, x) => {
  const t = Math.min(Math.max((x - a) / (b - a), 0), 1);
  return t * t * (3 - 2 * t);
};

const toLinear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
const toDisplay = (v) => (v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055);

/** '#rrggbb' as linear light. */
export const colour = (hex) => [1, 3, 5].map((n) => toLinear(parseInt(hex.slice(n, n + 2), 16) / 255));

/** A material that is the same all over. */
export const paint = (hex, finish = {}) => {
  const material = { colour: colour(hex), ...finish };
  return () => material;
};

/** An SVG drawing as linear RGBA pixels, colours not multiplied by alpha. */
export async function draw(width, height, body, blur = 0) {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${body}</svg>`;
  let image = sharp(Buffer.from(svg)).ensureAlpha();
  if (blur > 0) image = sharp(await image.png().toBuffer()).blur(blur);
  const bytes = await image.raw().toBuffer();
  const pixels = Float32Array.from(bytes, (v, n) => (n % 4 === 3 ? v / 255 : toLinear(v / 255)));
  return { width, height, pixels };
}

/** A drawing to be looked up by u, v in [0, 1] (v down): [r, g, b, a], blended between pixels; transparent outside. */
export function sampler({ width, height, pixels }) {
  const at = (x, y) => (Math.min(Math.max(y, 0), height - 1) * width + Math.min(Math.max(x, 0), width - 1)) * 4;
  return (u, v) => {
    if (u < 0 || u > 1 || v < 0 || v > 1) return [0, 0, 0, 0];
    const x = u * width - 0.5,
      y = v * height - 0.5,
      i = Math.floor(x),
      j = Math.floor(y),
      s = x - i,
      t = y - j;
    const a = at(i, j),
      b = at(i + 1, j),
      c = at(i, j + 1),
      d = at(i + 1, j + 1);
    return [0, 1, 2, 3].map(
      (n) =>
        (pixels[a + n] * (1 - s) + pixels[b + n] * s) * (1 - t) + (pixels[c + n] * (1 - s) + pixels[d + n] * s) * t,
    );
  };
}

/** The layer over the base, in place. Rendered layers are multiplied by their alpha already, drawn ones are not. */
export function lay(base, layer, { multiplied = false } = {}) {
  for (let i = 0; i < base.pixels.length; i += 4) {
    const alpha = layer.pixels[i + 3],
      weight = multiplied ? 1 : alpha;
    for (let c = 0; c < 3; c++) base.pixels[i + c] = base.pixels[i + c] * (1 - alpha) + layer.pixels[i + c] * weight;
  }
  return base;
}

/** Blue above, pale at the horizon, with clouds as if on a ceiling. */
export function cloudySky({ zenith, horizon, cover = 0.5, size = 1, seed = 0 }) {
  const top = colour(zenith),
    bottom = colour(horizon);
  return (d) => {
    const height = Math.max(d[1], 0.01);
    const blue = mixColour(bottom, top, height ** 0.6);
    const u = ((d[0] / (height + 0.25)) * 2) / size + seed,
      v = ((d[2] / (height + 0.25)) * 2) / size;
    const density = fractal(u, v, seed) + 0.12 * (fractal(4 * u, 4 * v, seed) - 0.5);
    const cloud = smooth(1 - cover, 1.25 - cover, density) * smooth(0, 0.12, d[1]);
    const grey = 1.02 - 0.3 * smooth(1.1 - cover, 1.5 - cover, fractal(u + 0.1, v + 0.15, seed));
    return mixColour(blue, [grey, grey, grey * 1.02], 0.92 * cloud);
  };
}

/** A sky with a line of trees before it, out of focus. `tall` is the sine of their usual height above the horizon. */
export const withTrees =
  (sky, { tall, seed = 0 }) =>
  (d) => {
    const angle = Math.atan2(d[0], -d[2]) * 9 + seed;
    const crown = tall * (0.55 + 0.9 * fractal(angle, seed, 0, 4));
    const leaf = fractal(angle * 2.5, d[1] * 22, seed, 4),
      bough = fractal(angle * 0.9, d[1] * 8, seed, 3);
    const green = mixColour(colour('#182c14'), colour('#8aa552'), smooth(0.3, 0.8, 0.5 * leaf + 0.5 * bough));
    return mixColour(green, sky(d), smooth(-0.018, 0.018, d[1] - crown - 0.06 * (leaf - 0.5)));
  };

/** Linear light to a JPEG: a film curve, a little vignette, a little grain. */
export async function develop({ width, height, pixels }, { exposure = 1, grain = 0.008 } = {}) {
  const next = random(1);
  const bytes = new Uint8Array(width * height * 3);
  for (let h = 0; h < height; h++)
    for (let w = 0; w < width; w++) {
      const edge = ((2 * w) / width - 1) ** 2 + ((2 * h) / height - 1) ** 2;
      const speck = grain * (next() + next() + next() - 1.5) * 2;
      for (let c = 0; c < 3; c++) {
        const x = pixels[(h * width + w) * 4 + c] * exposure * (1 - 0.08 * edge);
        const film = (x * (2.51 * x + 0.03)) / (x * (2.43 * x + 0.59) + 0.14);
        bytes[(h * width + w) * 3 + c] = 255 * Math.min(Math.max(toDisplay(Math.min(film, 1)) + speck, 0), 1) + 0.5;
      }
    }
  return sharp(bytes, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 88 })
    .toBuffer();
}

import { colour, draw, lay, mixColour, scale, smooth } from '../lib/paint.mjs';
import { fractal, noise } from '../lib/noise.mjs';
import { render } from '../lib/raymarch.mjs';
import { difference, moved, plane, sphere, tube, turned, union, within } from '../lib/shapes.mjs';

/** A blue-and-white teapot on a wooden table before a window out of focus. */
export async function teapot(width, height) {
  const picture = await draw(width, height, room(width, height), 14);
  const light = { above: [0.5, 0.52, 0.55], below: [0.26, 0.2, 0.14] };
  return lay(
    picture,
    render({
      width,
      height,
      samples: 3,
      sky: null,
      camera: { from: [1.2, 2.3, 6.0], to: [0.05, 0.78, 0], fov: 32 },
      sun: { direction: [-0.75, 0.8, 0.5], colour: [1.35, 1.25, 1.1] },
      ambient: light,
      objects: [
        { shape: table, material: wood },
        { shape: within([0, 0.9, 0, 2.1], pot), material: china },
      ],
    }),
    { multiplied: true },
  );
}

/** A table's top that ends behind the pot. */
const table = (x, y, z) => Math.max(plane(0)(x, y, z), -3.2 - z);

const bulge = (y) => 1.02 * Math.sqrt(Math.max(0.02, 1 - ((y - 0.66) / 0.78) ** 2));
const pot = union(
  turned(bulge, 0.06, 1.3),
  turned((y) => 0.62 + 0.05 * Math.cos(y * 40), 0, 0.1),
  turned((y) => 0.56 * Math.sqrt(Math.max(0.01, 1 - ((y - 1.28) / 0.26) ** 2)), 1.28, 1.54),
  moved(sphere(0.13), [0, 1.62, 0]),
  difference(
    tube(
      [
        [0.78, 0.45, 0],
        [1.15, 0.62, 0],
        [1.38, 1.0, 0],
        [1.68, 1.3, 0],
      ],
      0.16,
    ),
    moved(sphere(0.14), [1.76, 1.36, 0]),
  ),
  tube(
    [
      [-0.82, 1.12, 0],
      [-1.3, 1.32, 0],
      [-1.62, 0.95, 0],
      [-1.38, 0.5, 0],
      [-0.88, 0.4, 0],
    ],
    0.09,
  ),
);

const china = (p, outward) => {
  const [x, y, z] = p;
  const angle = Math.atan2(z, x);
  const white = colour('#f3f1ea'),
    blue = colour('#1f3f94');
  const wave = 0.66 + 0.14 * Math.sin(angle * 6);
  const onBelly = Math.hypot(x, z) < 1.08 && Math.hypot(x, z) > 0.3;
  const ribbon = onBelly ? 1 - smooth(0.018, 0.034, Math.abs(y - wave)) : 0;
  const petal = onBelly ? Math.hypot(((angle * 6) / Math.PI) % 1, (y - 0.66) * 6 - 0.5) : 9;
  const bands = onBelly ? Math.min(Math.abs(y - 0.32), Math.abs(y - 1.0), Math.abs(y - 1.27)) : 9;
  const rim = 1 - smooth(0.02, 0.034, bands);
  const glaze = Math.max(ribbon, rim, petal < 0.16 ? 1 : 0, y > 1.55 ? 1 : 0);
  return { colour: mixColour(white, blue, glaze), gloss: 0.9, sharpness: 120, mirror: 0.06, normal: outward };
};

const wood = (p) => {
  const plank = Math.floor(p[2] / 0.9);
  const grain = fractal(p[0] * 0.9 + plank * 7, p[2] * 11, plank, 4);
  const gap = Math.abs(p[2] / 0.9 - Math.round(p[2] / 0.9)) < 0.012 ? 0.35 : 1;
  const hue = mixColour(colour('#7a4a24'), colour('#b98150'), grain);
  return { colour: scale(hue, gap * (0.9 + 0.15 * noise(p[0] * 2, p[2] * 2))), gloss: 0.2, mirror: 0.03 };
};

/** A wall, and daylight through a window on the left. */
const room = (width, height) => `
  <linearGradient id="w" x2="1" y2="0"><stop offset="0" stop-color="#d8d2c2"/><stop offset="1" stop-color="#94866f"/>
  </linearGradient>
  <rect width="${width}" height="${height}" fill="url(#w)"/>
  <rect x="${0.04 * width}" y="${-0.05 * height}" width="${0.3 * width}" height="${0.5 * height}" fill="#f4f6f2"/>
  <rect x="${0.17 * width}" y="${-0.05 * height}" width="${0.03 * width}" height="${0.5 * height}" fill="#c9bfa8"/>
  <rect x="${0.68 * width}" y="${0.08 * height}" width="${0.2 * width}" height="${0.3 * height}" fill="#6f7d6a"/>`;

import { colour, draw, lay, mixColour, scale, smooth } from '../lib/paint.mjs';
import { fractal, noise, random } from '../lib/noise.mjs';
import { render } from '../lib/raymarch.mjs';
import { capsule, moved, tube, union, within } from '../lib/shapes.mjs';

/** A ladybug on a leaf, a summer garden behind it out of focus. */
export async function ladybug(width, height) {
  const picture = await draw(width, height, garden(width, height), 12);
  return lay(
    picture,
    render({
      width,
      height,
      samples: 3,
      sky: null,
      camera: { from: [2.2, 3.4, 4.1], to: [0.12, 0.22, 0], fov: 34 },
      sun: { direction: [-0.35, 0.9, 0.55], colour: [1.5, 1.42, 1.2] },
      ambient: { above: [0.4, 0.46, 0.42], below: [0.1, 0.17, 0.06] },
      objects: [
        { shape: leaf, material: green },
        { shape: within([-0.15, 0.5, 0, 1.2], wings), material: spotted },
        { shape: within([0.85, 0.42, 0, 0.8], head), material: black },
        { shape: legs, material: black },
      ],
    }),
    { multiplied: true },
  );
}

/** A blade that bends along x, with a keel for its middle vein. */
function leaf(x, y, z) {
  const top = -0.05 * x * x - 0.12 * Math.abs(z) + 0.02 * Math.sin(x * 5 + Math.abs(z) * 6);
  const edge = Math.abs(z) - 1.7 * Math.sqrt(Math.max(0.01, 1 - (x / 4.2) ** 2));
  return Math.max(Math.abs(y - top) - 0.03, edge) * 0.6;
}

const green = (p) => {
  const across = Math.abs(p[2]);
  const vein = Math.abs(((p[0] * 1.6 - across * 1.1) % 1) + (p[0] * 1.6 - across * 1.1 < 0 ? 1 : 0) - 0.5);
  const pale = Math.max(1 - smooth(0.02, 0.07, across), 0.6 * smooth(0.44, 0.49, vein));
  const hue = mixColour(colour('#3f7d22'), colour('#6fa835'), fractal(p[0] * 2, p[2] * 2));
  return { colour: mixColour(hue, colour('#b6d27a'), 0.7 * pale), gloss: 0.15, through: 0.2 };
};

const dome = (x, y, z) => {
  const r = Math.hypot(x / 1.08, (y - 0.12) / 0.86, z / 0.92);
  return Math.max((r - 1) * 0.8, 0.04 - y);
};
const wings = moved(dome, [-0.15, 0, 0]);

/** Spots: one over the seam, four on each wing. */
const SPOTS = [
  [0.66, 0, 0.16],
  [0.3, 0.44, 0.17],
  [-0.3, 0.26, 0.18],
  [-0.34, 0.7, 0.13],
  [-0.8, 0.36, 0.13],
];
const spotted = (p) => {
  const [x, z] = [p[0] + 0.15, Math.abs(p[2])];
  const spot = SPOTS.reduce(
    (most, [a, b, r]) => Math.max(most, 1 - smooth(r - 0.015, r + 0.015, Math.hypot(x - a, z - b))),
    0,
  );
  const seam = 1 - smooth(0.008, 0.022, z);
  const red = scale(colour('#cf1a0d'), 0.92 + 0.12 * noise(p[0] * 4, p[2] * 4));
  return { colour: mixColour(red, colour('#0d0c0c'), Math.max(spot, seam)), gloss: 0.9, sharpness: 90, mirror: 0.07 };
};

const head = union(
  moved((x, y, z) => (Math.hypot(x / 0.42, y / 0.4, z / 0.62) - 1) * 0.38, [0.82, 0.36, 0]),
  moved((x, y, z) => (Math.hypot(x / 0.28, y / 0.26, z / 0.36) - 1) * 0.25, [1.16, 0.28, 0]),
  tube(
    [
      [1.3, 0.34, 0.16],
      [1.5, 0.46, 0.28],
      [1.62, 0.42, 0.4],
    ],
    0.022,
  ),
  tube(
    [
      [1.3, 0.34, -0.16],
      [1.5, 0.46, -0.28],
      [1.62, 0.42, -0.4],
    ],
    0.022,
  ),
);
const legs = union(
  ...[0.55, 0, -0.6].flatMap((x) =>
    [1, -1].flatMap((side) => [
      capsule([x, 0.16, 0.7 * side], [x + 0.1, 0.12, 0.98 * side], 0.045),
      capsule([x + 0.1, 0.12, 0.98 * side], [x + 0.18, -0.14, 1.1 * side], 0.035),
    ]),
  ),
);
const black = (p) => {
  const white = p[0] > 0.6 && Math.hypot(p[0] - 0.88, (p[1] - 0.5) * 0.8, Math.abs(p[2]) - 0.48) < 0.12;
  return { colour: white ? colour('#f1eee2') : colour('#131212'), gloss: 0.7, sharpness: 70, mirror: 0.05 };
};

/** Meadow, light between leaves, and a few flowers. */
function garden(width, height) {
  const next = random(21);
  const discs = (count, hues, size) =>
    Array.from({ length: count }, () => {
      const hue = hues[Math.floor(next() * hues.length)];
      return `<circle cx="${next() * width}" cy="${next() * 0.8 * height}" r="${size * (0.5 + next()) * height}"
        fill="${hue}" opacity="${0.25 + 0.4 * next()}"/>`;
    }).join('');
  return `
    <linearGradient id="g" x2="0" y2="1"><stop offset="0" stop-color="#7fa24f"/><stop offset="1" stop-color="#31601e"/>
    </linearGradient>
    <rect width="${width}" height="${height}" fill="url(#g)"/>
    ${discs(24, ['#a8c46a', '#4d7c30', '#d9e3a0'], 0.09)}${discs(5, ['#f0e06a', '#e9e6f0'], 0.05)}`;
}

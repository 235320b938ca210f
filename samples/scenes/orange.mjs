import { add, colour, draw, lay, mixColour, normalise, scale, smooth } from '../lib/paint.mjs';
import { fractal, noise } from '../lib/noise.mjs';
import { render } from '../lib/raymarch.mjs';
import { capsule, intersection, moved, plane, rotated, sphere, union, within } from '../lib/shapes.mjs';

/** Two oranges and a half one on a white cloth, in window light. */
export async function orange(width, height) {
  const picture = await draw(width, height, wall(width, height), 16);
  return lay(
    picture,
    render({
      width,
      height,
      samples: 3,
      sky: null,
      camera: { from: [0.2, 2.3, 5.6], to: [0, 0.62, 0], fov: 34 },
      sun: { direction: [-0.7, 0.85, 0.55], colour: [1.35, 1.26, 1.1] },
      ambient: { above: [0.5, 0.5, 0.52], below: [0.3, 0.24, 0.18] },
      objects: [
        { shape: cloth, material: linen },
        ...WHOLE.map((at) => ({ shape: within([...at, 1.1], moved(sphere(1), at)), material: peel(at) })),
        { shape: within([1.0, 0.62, 1.25, 0.9], cut), material: flesh },
        { shape: within([-1.0, 2, -0.25, 0.9], leaf), material: () => ({ colour: colour('#2f6a1f'), gloss: 0.4 }) },
      ],
    }),
    { multiplied: true },
  );
}

const WHOLE = [
  [-1.02, 1, -0.1],
  [0.98, 0.98, -0.75],
];
const cloth = (x, y, z) => Math.max(plane(0)(x, y - 0.02 * Math.sin(x * 2 + z), z), -3 - z) * 0.9;
const linen = (p) => {
  const weave = 0.94 + 0.05 * noise(p[0] * 40, p[2] * 40) + 0.05 * fractal(p[0], p[2]);
  const stripe = Math.abs(((p[0] + 10) % 1.5) - 0.75) < 0.05 ? 0.55 : 0;
  return { colour: scale(mixColour(colour('#efeae0'), colour('#5d86b5'), stripe), weave) };
};

/** Small dimples, and a navel. */
const peel = (at) => (p, outward) => {
  const [x, y, z] = [0, 1, 2].map((n) => (p[n] - at[n]) * 17);
  const lean = [noise(x, y, z), noise(x + 31, y, z), noise(x, y + 31, z)].map((v) => (v - 0.5) * 0.38);
  const top = Math.hypot(p[0] - at[0], p[2] - at[2]);
  const hue = mixColour(colour('#e8730c'), colour('#f59a1c'), fractal(x / 9, y / 9, z / 9));
  const navel = p[1] > at[1] ? 1 - smooth(0.05, 0.12, top) : 0;
  return {
    colour: mixColour(hue, colour('#5b6b24'), navel),
    normal: normalise(add(outward, lean)),
    gloss: 0.45,
    sharpness: 28,
  };
};

const TILT = 62;
const cut = moved(
  rotated(
    intersection(sphere(0.86), (_x, y) => y),
    'x',
    TILT,
  ),
  [1.0, 0.7, 1.3],
);
const flesh = (p, outward) => {
  const turn = (TILT * Math.PI) / 180;
  const [x, dy, dz] = [p[0] - 1.0, p[1] - 0.7, p[2] - 1.3];
  const z = dz * Math.cos(turn) - dy * Math.sin(turn);
  const facing = dy * Math.cos(turn) + dz * Math.sin(turn) > -0.02;
  const r = Math.hypot(x, z);
  if (!facing) return { colour: colour('#ee7f12'), gloss: 0.4, normal: outward };
  if (r > 0.81) return { colour: colour('#ee8a1c'), gloss: 0.3 };
  if (r > 0.74 || r < 0.06) return { colour: colour('#f8e3b0'), gloss: 0.2 };
  const part = (Math.atan2(z, x) / (2 * Math.PI)) * 10;
  const wall = Math.abs(part - Math.round(part)) * r;
  const juice = mixColour(colour('#f08a12'), colour('#ffc04a'), fractal(x * 9, z * 9, 2));
  return { colour: mixColour(colour('#fbe6b4'), juice, smooth(0.012, 0.04, wall)), gloss: 0.7, sharpness: 60 };
};

const leaf = union(
  capsule([-1.02, 1.95, -0.1], [-0.98, 2.12, -0.12], 0.045),
  moved(
    rotated((x, y, z) => (Math.hypot(x / 0.5, y / 0.04, z / 0.22) - 1) * 0.04, 'z', 18),
    [-0.55, 2.16, -0.1],
  ),
);

const wall = (width, height) => `
  <linearGradient id="w" x2="1" y2="0"><stop offset="0" stop-color="#cfd8d6"/><stop offset="1" stop-color="#7f8f95"/>
  </linearGradient>
  <rect width="${width}" height="${height}" fill="url(#w)"/>
  <rect x="${0.1 * width}" y="0" width="${0.2 * width}" height="${0.4 * height}" fill="#eef2ee"/>`;

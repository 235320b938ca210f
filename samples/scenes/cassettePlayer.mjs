import { colour, draw, mixColour, paint, sampler, smooth } from '../lib/paint.mjs';
import { fractal } from '../lib/noise.mjs';
import { render } from '../lib/raymarch.mjs';
import { box, capsule, cylinder, difference, moved, plane, torus, tube, union, within } from '../lib/shapes.mjs';

/** A portable cassette player with two loudspeakers, on a wooden table. */
export async function cassettePlayer(width, height) {
  const front = sampler(await draw(1080, 600, face));
  return render({
    width,
    height,
    sky: (d) => mixColour(colour('#8f8577'), colour('#e6e0d4'), smooth(-0.5, 0.9, d[1] - 0.3 * d[0])),
    camera: { from: [-1.5, 1.9, 6], to: [0.0, 1.0, 0], fov: 32 },
    sun: { direction: [-0.6, 1, 0.65], colour: [1.45, 1.36, 1.2], softness: 0.16 },
    ambient: { above: [0.45, 0.46, 0.48], below: [0.2, 0.16, 0.12] },
    objects: [
      { shape: plane(0), material: wood },
      { shape: moved(box([30, 30, 0.1]), [0, 0, -4]), material: paint('#c9c2b4') },
      { shape: within([0, 0.9, 0, 2.1], body), material: casing(front) },
      { shape: within([0, 0.75, 0.45, 1.9], rings), material: paint('#cfd2d6', { mirror: 0.5, gloss: 0.5 }) },
      { shape: within([0, 0.75, 0.4, 1.8], cones), material: grille },
      { shape: within([0, 1.8, 0, 1.7], handle), material: paint('#232427', { gloss: 0.4 }) },
      { shape: within([0, 1.76, 0.2, 0.9], keys), material: paint('#c4c7ca', { gloss: 0.5, mirror: 0.15 }) },
      { shape: within([0, 1.3, 0.45, 1.7], knobs), material: paint('#dcdee0', { mirror: 0.4, gloss: 0.6 }) },
      {
        shape: capsule([-1.5, 1.72, -0.25], [0.9, 2.62, -0.3], 0.014),
        material: paint('#e2e4e6', { mirror: 0.6, gloss: 0.8 }),
      },
    ],
  });
}

const SPEAKER = [1.12, 0.68, 0.43];
const bothSides = (shape) => (x, y, z) => shape(Math.abs(x), y, z);

const body = difference(
  moved(box([1.75, 0.83, 0.42], 0.09), [0, 0.87, 0]),
  bothSides(moved(cylinder(0.5, 0.3, 'z'), SPEAKER)),
);
const rings = bothSides(
  union(moved(torus(0.5, 0.035, 'z'), SPEAKER), moved(torus(0.2, 0.015, 'z'), [SPEAKER[0], SPEAKER[1], 0.38])),
);
const cones = bothSides((x, y, z) => {
  const r = Math.hypot(x - SPEAKER[0], y - SPEAKER[1]);
  return Math.max(r - 0.5, z - 0.34 - 0.05 * Math.cos(r * 6), 0.2 - z) * 0.8;
});
const handle = tube(
  [
    [-1.62, 1.6, -0.05],
    [-1.6, 2.0, -0.05],
    [-1.45, 2.12, -0.05],
    [0, 2.14, -0.05],
    [1.45, 2.12, -0.05],
    [1.6, 2.0, -0.05],
    [1.62, 1.6, -0.05],
  ],
  0.06,
);
const keys = (x, y, z) => {
  const nearest = Math.min(Math.max(Math.round(x / 0.19), -3), 2) * 0.19;
  return box([0.08, 0.06, 0.12], 0.02)(x - nearest, y - 1.73, z - 0.2);
};
const knobs = union(...[1.25, 1.52].map((x) => moved(cylinder(0.09, 0.06, 'z', 0.02), [x, 1.47, 0.46])));

/** The front, 3.6 wide and 2 high (300 to the unit): tuner scale, the cassette behind its window, level lights. */
const reel = (x) => `
  <circle cx="${x}" cy="372" r="34" fill="#3a2f26"/><circle cx="${x}" cy="372" r="15" fill="#e8e4da"/>
  <path d="M${x - 12} 372h24M${x} 360v24" stroke="#5a564e" stroke-width="4"/>`;
const face = `
  <linearGradient id="metal" x2="0" y2="1">
    <stop offset="0" stop-color="#d5d7da"/><stop offset="1" stop-color="#a9acb1"/>
  </linearGradient>
  <rect width="1080" height="600" fill="url(#metal)"/>
  <rect x="40" y="112" width="820" height="92" rx="8" fill="#17181b"/>
  <rect x="250" y="126" width="590" height="62" rx="4" fill="#2b2f2c"/>
  ${Array.from(
    { length: 46 },
    (_, n) => `<path d="M${264 + n * 12.4} 156v${n % 5 ? 10 : 20}" stroke="#cfe6c4" stroke-width="2"/>`,
  ).join('')}
  <path d="M262 146h560" stroke="#e0b04a" stroke-width="2"/><path d="M600 130v54" stroke="#ff4a30" stroke-width="4"/>
  ${Array.from(
    { length: 8 },
    (_, n) =>
      `<rect x="${62 + n * 21}" y="140" width="14" height="34" ` +
      `fill="${n < 5 ? '#49d66b' : n < 6 ? '#e8c43a' : '#6b2a22'}"/>`,
  ).join('')}
  <rect x="385" y="240" width="310" height="250" rx="10" fill="#1b1c1f"/>
  <rect x="400" y="262" width="280" height="190" rx="8" fill="#3d3f42"/>
  <rect x="414" y="282" width="252" height="156" rx="8" fill="#d8cfb8"/>
  <rect x="428" y="296" width="224" height="30" fill="#f6f1e2"/>
  <path d="M436 306h150M436 316h110" stroke="#6d7fae" stroke-width="3"/>
  <rect x="428" y="332" width="224" height="80" rx="6" fill="#c8562e"/>
  <rect x="450" y="340" width="180" height="64" rx="32" fill="#1d1a18"/>${reel(482)}${reel(598)}
  <path d="M400 452L520 262H600L470 452Z" fill="#fff" opacity=".13"/>
  <rect x="400" y="466" width="280" height="10" rx="3" fill="#8e9196"/>
  <rect x="385" y="512" width="310" height="28" rx="5" fill="#86898e"/>
  ${[410, 450, 490].map((x) => `<circle cx="${x}" cy="526" r="8" fill="#2a2b2e"/>`).join('')}
  <rect x="560" y="519" width="115" height="14" rx="4" fill="#2a2b2e"/>`;

const casing = (front) => (p, outward) => {
  if (outward[2] < 0.7) return { colour: colour('#3b3d42'), gloss: 0.4, mirror: 0.06 };
  const [r, g, b] = front(p[0] / 3.6 + 0.5, 1 - p[1] / 2);
  return { colour: [r, g, b], gloss: 0.35, mirror: 0.07 };
};

/** Perforated sheet: rows of holes. */
const grille = (p) => {
  const x = (Math.abs(p[0]) - SPEAKER[0]) * 22,
    y = (p[1] - SPEAKER[1]) * 22;
  const hole = Math.hypot(x - Math.round(x), y - Math.round(y)) < 0.33;
  return { colour: hole ? [0.004, 0.004, 0.005] : colour('#3c3e43'), gloss: 0.3 };
};

const wood = (p) => {
  const ring = fractal(p[0] * 0.5, p[2] * 3.5) * 9,
    grain = fractal(p[0] * 1.6, p[2] * 40, 2, 3);
  const tone = 0.55 * (ring - Math.floor(ring)) + 0.45 * grain;
  return { colour: mixColour(colour('#5e361a'), colour('#a3703c'), tone), gloss: 0.15, mirror: 0.06 };
};

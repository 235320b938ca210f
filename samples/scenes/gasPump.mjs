import { cloudySky, colour, draw, mixColour, paint, sampler, scale, smooth, withTrees } from '../lib/paint.mjs';
import { fractal, noise } from '../lib/noise.mjs';
import { render } from '../lib/raymarch.mjs';
import { box, cylinder, moved, plane, rotated, sphere, torus, tube, union, within } from '../lib/shapes.mjs';

/** An old red petrol pump with a glass globe, in front of a garage wall. */
export async function gasPump(width, height) {
  const front = sampler(await draw(360, 720, face));
  const sky = withTrees(cloudySky({ zenith: '#3f7cc0', horizon: '#cfe0ea', cover: 0.4, seed: 2 }), {
    tall: 0.34,
    seed: 7,
  });
  return render({
    width,
    height,
    sky,
    camera: { from: [1.0, 1.45, 4.4], to: [0.16, 1.19, 0], fov: 33 },
    sun: { direction: [-0.55, 0.8, 0.75], colour: [1.6, 1.45, 1.2] },
    ambient: { above: [0.36, 0.42, 0.52], below: [0.16, 0.14, 0.11] },
    objects: [
      { shape: plane(0), material: concrete },
      { shape: within([0, 1, 0, 1.2], body), material: enamel(front) },
      { shape: moved(box([0.52, 0.07, 0.4], 0.02), [0, 0.07, 0]), material: paint('#2a2b2e', { gloss: 0.3 }) },
      { shape: within([0, 0.7, 0, 0.8], bezel), material: paint('#d8dadc', { mirror: 0.5, gloss: 0.6 }) },
      { shape: moved(squashed, [0, 2.24, 0]), material: globe },
      { shape: hose, material: paint('#17181a', { gloss: 0.35 }) },
      { shape: within([0.56, 1.25, 0.1, 0.5], nozzle), material: paint('#b9bcc0', { mirror: 0.45, gloss: 0.8 }) },
    ],
  });
}

const body = union(
  moved(box([0.46, 0.62, 0.34], 0.09), [0, 0.68, 0]),
  moved(box([0.42, 0.36, 0.31], 0.16), [0, 1.58, 0]),
  moved(box([0.4, 0.2, 0.29], 0.04), [0, 1.28, 0]),
  moved(cylinder(0.13, 0.08), [0, 1.98, 0]),
);
const bezel = union(
  moved(box([0.43, 0.018, 0.32], 0.015), [0, 1.25, 0]),
  moved(box([0.47, 0.015, 0.35], 0.015), [0, 0.16, 0]),
);
const squashed = (x, y, z) => sphere(0.23)(x, y, z * 1.9) * 0.55;
const hose = tube(
  [
    [0.42, 0.55, 0.05],
    [0.56, 0.5, 0.1],
    [0.72, 0.2, 0.2],
    [0.92, 0.22, 0.25],
    [0.98, 0.7, 0.22],
    [0.84, 1.18, 0.15],
    [0.62, 1.3, 0.1],
    [0.55, 1.12, 0.08],
  ],
  0.036,
);
const nozzle = union(
  moved(rotated(box([0.05, 0.13, 0.05], 0.03), 'z', 12), [0.545, 1.06, 0.1]),
  moved(torus(0.07, 0.015, 'z'), [0.6, 1.02, 0.1]),
  moved(box([0.07, 0.025, 0.09], 0.01), [0.5, 0.9, 0.1]),
);

/** Digits as strokes on a grid 8 wide and 14 high. */
const digits = {
  0: 'M4 0C8 0 8 14 4 14S0 0 4 0',
  1: 'M1 3L5 0V14',
  2: 'M0 3C1-1 8-1 8 4C8 8 0 10 0 14H8',
  3: 'M0 1C8-2 9 6 3 7C10 7 9 16 0 13',
  4: 'M6 14V0L0 10H8',
  5: 'M8 0H1V6C9 4 10 15 0 13',
  7: 'M0 0H8L3 14',
  9: 'M8 4C8-1 0-1 0 4S8 9 8 4V14',
};
const counter = (text, x, y, size) => `
  <rect x="${x - 10}" y="${y - 8}" width="${text.length * 14 * size + 14}" height="${14 * size + 16}" rx="4"
    fill="#1d1f22"/>
  ${[...text]
    .map(
      (digit, n) => `<path d="${digits[digit]}" transform="translate(${x + n * 14 * size + 2} ${y}) scale(${size})"
    stroke="#f6f3e8" stroke-width="1.8" fill="none"/>`,
    )
    .join('')}`;

/** What is painted on the front, 1 unit wide and 2 high: the counters, a badge, stripes. */
const face = `
  <rect x="74" y="60" width="212" height="176" rx="26" fill="#f4efe0"/>
  <rect x="82" y="68" width="196" height="160" rx="20" fill="none" stroke="#b9b2a0" stroke-width="3"/>
  ${counter('0735', 116, 86, 2.4)}${counter('2219', 116, 142, 2.4)}${counter('329', 150, 196, 1.3)}
  <path d="M100 103h-8M100 159h-8" stroke="#b01a14" stroke-width="6"/>
  <rect x="66" y="312" width="228" height="132" rx="10" fill="#f4efe0"/>
  <rect x="76" y="322" width="208" height="112" rx="6" fill="none" stroke="#b01a14" stroke-width="5"/>
  <path d="M96 410l36-60 26 42 16-24 26 42z" fill="#20508e"/><circle cx="240" cy="366" r="22" fill="#f0a51e"/>
  <path d="M60 490h240M60 510h240M60 530h240" stroke="#f4efe0" stroke-width="7"/>`;

const enamel = (front) => (p, outward) => {
  const red = scale(colour('#c3221a'), 0.92 + 0.12 * noise(p[0] * 3, p[1] * 3, p[2] * 3));
  const finish = { gloss: 0.6, sharpness: 60, mirror: 0.05 };
  if (outward[2] < 0.8) return { colour: red, ...finish };
  const [r, g, b, a] = front(p[0] + 0.5, 1 - p[1] / 2);
  return { colour: mixColour(red, [r, g, b], a), ...finish };
};

const globe = (p) => {
  const ring = smooth(0.165, 0.172, Math.hypot(p[0], p[1] - 2.24)),
    star = Math.hypot(p[0], p[1] - 2.24) < 0.09;
  const shade = mixColour(colour('#f7f3e6'), colour('#c3221a'), star ? 1 : 0);
  return { colour: mixColour(shade, colour('#c3221a'), ring), gloss: 0.8, sharpness: 90, mirror: 0.06 };
};

const concrete = (p) => {
  const stain = fractal(p[0] * 1.3, p[2] * 1.3),
    grit = fractal(p[0] * 16, p[2] * 16, 1, 3);
  return { colour: scale(colour('#a19a8e'), 0.55 + 0.5 * stain + 0.25 * (grit - 0.5)) };
};

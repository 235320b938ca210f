import { cloudySky, colour, draw, mixColour, paint, sampler, scale, smooth, withTrees } from '../lib/paint.mjs';
import { fractal, noise } from '../lib/noise.mjs';
import { render } from '../lib/raymarch.mjs';
import { box, cylinder, difference, intersection, moved, plane, rotated, union, within } from '../lib/shapes.mjs';

/** A yellow school bus at the kerb. Its nose points along x. */
export async function schoolBus(width, height) {
  const clouds = cloudySky({ zenith: '#4f8fd0', horizon: '#dde9f0', cover: 0.45, seed: 9 });
  const signs = sampler(await draw(560, 200, lettering));
  return render({
    width,
    height,
    sky: withTrees(clouds, { tall: 0.16, seed: 11 }),
    camera: { from: [11.5, 2.0, 9.2], to: [0.35, 1.55, 0], fov: 29 },
    sun: { direction: [0.5, 0.85, 0.6], colour: [1.55, 1.45, 1.22] },
    ambient: { above: [0.38, 0.44, 0.54], below: [0.15, 0.15, 0.13] },
    objects: [
      { shape: plane(0), material: road },
      { shape: moved(box([60, 0.14, 4], 0.03), [0, 0, -6.2]), material: paint('#aaa69c') },
      { shape: within([-0.9, 1.7, 0, 4.2], body), material: skin(signs) },
      { shape: within([3.4, 1.2, 0, 1.9], hood), material: bonnet },
      { shape: within([0, 0.6, 0, 5], trim), material: paint('#17181a', { gloss: 0.3 }) },
      { shape: within([0, 0.5, 0, 4.8], wheels), material: tyre },
      { shape: within([4, 1, 0, 1.6], lamps), material: paint('#fff6dc', { gloss: 0.8, mirror: 0.3 }) },
      { shape: within([2.4, 3, 0, 1.4], warners), material: paint('#d01b12', { gloss: 0.7 }) },
    ],
  });
}

const REAR = -4.3,
  FRONT = 2.55,
  WIDE = 1.22;
const bothSides = (shape) => (x, y, z) => shape(x, y, Math.abs(z));

/** The long box, rounded above. */
const body = intersection(
  moved(box([(FRONT - REAR) / 2, 1.3, WIDE], 0.14), [(FRONT + REAR) / 2, 1.85, 0]),
  moved(cylinder(2.2, 9, 'x'), [0, 0.98, 0]),
);

const hood = difference(
  union(
    moved(box([0.95, 0.48, 0.92], 0.2), [3.35, 1.15, 0]),
    bothSides(moved(box([0.62, 0.28, 0.24], 0.16), [3.1, 0.86, 0.98])),
  ),
  moved(rotated(box([1.2, 0.5, 2]), 'z', -7), [3.7, 2.02, 0]),
);

const trim = union(
  moved(box([4.2, 0.13, 0.7]), [0, 0.62, 0]),
  moved(box([0.1, 0.15, 1.15], 0.04), [4.38, 0.55, 0]),
  moved(box([0.08, 0.15, 1.2], 0.04), [-4.4, 0.6, 0]),
  bothSides(moved(box([0.05, 0.24, 0.12], 0.03), [3.0, 2.1, 1.5])),
  ...[0.98, 1.28, 1.62].map((y) => bothSides(moved(box([3.45, 0.035, 0.02]), [-0.9, y, WIDE]))),
);

const AXLES = [3.05, -2.5];
const wheels = bothSides(union(...AXLES.map((x) => moved(cylinder(0.5, 0.17, 'z', 0.06), [x, 0.5, 1.06]))));
const lamps = bothSides(moved(cylinder(0.13, 0.05, 'x', 0.03), [4.3, 1.08, 0.72]));
const warners = bothSides(moved(cylinder(0.1, 0.05, 'x', 0.03), [2.58, 2.93, 0.78]));

/** On the side above the windows, and on the sign over the windscreen. */
const lettering = `
  <text x="280" y="64" font-family="DejaVu Sans, Arial, sans-serif" font-weight="bold" font-size="62"
    text-anchor="middle" textLength="430" fill="#141414">SCHOOL BUS</text>`;

const YELLOW = colour('#f2a900');
const glass = { colour: [0.02, 0.026, 0.032], mirror: 0.22, gloss: 0.6 };

const skin = (signs) => (p, outward) => {
  const [x, y, z] = p;
  const side = Math.abs(outward[2]) > 0.8,
    nose = outward[0] > 0.7;
  const pane = (x + 4.05) / 0.78;
  if (side && y > 1.72 && y < 2.42 && x > -4.1 && x < 1.6 && pane - Math.floor(pane) > 0.13) return glass;
  if (side && x > 1.72 && x < 2.3 && y > 0.75 && y < 2.42) return glass;
  if (nose && y > 1.66 && y < 2.55 && Math.abs(z) < 1.02 && Math.abs(z) > 0.03) return glass;
  let hue = scale(YELLOW, 0.88 + 0.2 * fractal(x * 1.3, y * 1.3, z * 1.3));
  if (nose && y > 2.66) {
    const [r, g, b, a] = signs(0.5 - z / 1.5, (3.13 - y) / 0.55);
    hue = mixColour(hue, [r, g, b], a);
  }
  const low = 1 - smooth(0.6, 1.3, y);
  return { colour: mixColour(hue, colour('#6d5a35'), 0.35 * low), gloss: 0.45, mirror: 0.05 };
};

const bonnet = (p, outward) => {
  const [, y, z] = p;
  if (outward[0] > 0.7 && y > 0.85 && y < 1.4 && Math.abs(z) < 0.55) {
    return { colour: scale(colour('#25272a'), (y * 14) % 1 < 0.5 ? 0.4 : 1.5), gloss: 0.3 };
  }
  return { colour: YELLOW, gloss: 0.5, mirror: 0.06 };
};

const tyre = (p) => {
  const x = AXLES.reduce((best, axle) => (Math.abs(p[0] - axle) < Math.abs(p[0] - best) ? axle : best));
  const r = Math.hypot(p[0] - x, p[1] - 0.5);
  return r < 0.27 && Math.abs(p[2]) > 1.1
    ? { colour: colour(r < 0.1 ? '#3a3c40' : '#c9cbcc'), gloss: 0.4 }
    : { colour: scale(colour('#1d1d1f'), 0.8 + 0.4 * noise(p[0] * 20, p[1] * 20)), gloss: 0.1 };
};

const road = (p) => {
  const stain = fractal(p[0] * 0.7, p[2] * 0.7),
    grit = fractal(p[0] * 14, p[2] * 14, 1, 3);
  if (p[2] < -10) return { colour: mixColour(colour('#3b5a22'), colour('#8a9a4a'), stain) };
  return { colour: scale(colour('#737272'), 0.55 + 0.5 * stain + 0.35 * (grit - 0.5)) };
};

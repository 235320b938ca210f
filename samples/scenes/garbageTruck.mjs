import { cloudySky, colour, draw, mixColour, paint, sampler, scale, smooth, withTrees } from '../lib/paint.mjs';
import { fractal, noise } from '../lib/noise.mjs';
import { render } from '../lib/raymarch.mjs';
import { box, cylinder, difference, intersection, moved, plane, rotated, union, within } from '../lib/shapes.mjs';

/** A green refuse truck at the kerb. Its nose points along x. */
export async function garbageTruck(width, height) {
  const clouds = cloudySky({ zenith: '#5b90c8', horizon: '#dfe8ee', cover: 0.55, seed: 5 });
  const sky = withTrees(clouds, { tall: 0.14, seed: 3 });
  const side = sampler(await draw(400, 160, recycling));
  return render({
    width,
    height,
    sky,
    camera: { from: [10.5, 2.3, 11.5], to: [0.2, 1.65, 0], fov: 27 },
    sun: { direction: [0.35, 0.9, 0.7], colour: [1.5, 1.4, 1.2] },
    ambient: { above: [0.38, 0.44, 0.54], below: [0.14, 0.14, 0.13] },
    objects: [
      { shape: plane(0), material: asphalt },
      { shape: moved(box([60, 0.14, 4], 0.03), [0, 0, -6.4]), material: paint('#a8a49a') },
      { shape: within([-1, 2.1, 0, 3.9], hopper), material: panels(side) },
      { shape: within([3, 1.6, 0, 2.2], cab), material: cabin },
      { shape: within([0, 0.7, 0, 4.5], chassis), material: paint('#1c1d20', { gloss: 0.2 }) },
      { shape: within([0, 0.5, 0, 4.5], wheels), material: tyre },
      { shape: within([4, 0.9, 0, 1.5], lamps), material: paint('#fff6dc', { gloss: 0.8, mirror: 0.3 }) },
    ],
  });
}

const REAR = -3.6,
  FRONT = 1.75,
  WIDE = 1.25;

/** The barrel-topped container with its ribs, and the sloping loader at the back. */
const hopper = union(
  intersection(
    moved(box([(FRONT - REAR) / 2, 1.35, WIDE], 0.06), [(FRONT + REAR) / 2, 2.3, 0]),
    moved(cylinder(2.1, 9, 'x'), [0, 1.62, 0]),
  ),
  ...[-2.6, -1.55, -0.5, 0.55, 1.65].map((x) =>
    intersection(moved(box([0.06, 1.4, WIDE + 0.07]), [x, 2.3, 0]), moved(cylinder(2.17, 9, 'x'), [0, 1.62, 0])),
  ),
  moved(rotated(box([0.75, 1.25, WIDE + 0.04], 0.08), 'z', 14), [REAR - 0.15, 2.05, 0]),
  moved(box([0.06, 0.07, WIDE + 0.07]), [0, 1.05, 0]),
  moved(box([(FRONT - REAR) / 2, 0.08, WIDE + 0.06]), [(FRONT + REAR) / 2, 1.0, 0]),
);

const cab = difference(
  union(moved(box([0.9, 1.12, 1.18], 0.14), [2.95, 1.75, 0]), moved(box([0.96, 0.32, 1.2], 0.1), [3.0, 0.85, 0])),
  moved(rotated(box([0.5, 1.2, 2]), 'z', 10), [4.32, 2.65, 0]),
);

const chassis = union(
  moved(box([4, 0.14, 0.6]), [0, 0.72, 0]),
  moved(box([0.1, 0.16, 1.2], 0.04), [4.0, 0.5, 0]),
  moved(box([0.55, 0.24, 1.1], 0.05), [0.8, 0.68, 0]),
  moved(box([0.05, 0.35, 0.12], 0.03), [3.75, 2.1, 1.42]),
  moved(box([0.05, 0.35, 0.12], 0.03), [3.75, 2.1, -1.42]),
  moved(cylinder(0.07, 0.7), [1.92, 2.9, 0.9]),
);

const AXLES = [2.95, -1.6, -2.75];
const bothSides = (shape) => (x, y, z) => shape(x, y, Math.abs(z));
const wheels = bothSides(union(...AXLES.map((x) => moved(cylinder(0.52, 0.19, 'z', 0.06), [x, 0.52, 1.08]))));
const lamps = bothSides(moved(box([0.06, 0.1, 0.17], 0.03), [3.96, 0.85, 0.85]));

const tyre = (p) => {
  const x = AXLES.reduce((best, axle) => (Math.abs(p[0] - axle) < Math.abs(p[0] - best) ? axle : best));
  const r = Math.hypot(p[0] - x, p[1] - 0.52),
    turn = (Math.atan2(p[1] - 0.52, p[0] - x) * 8) / (2 * Math.PI);
  const bolt = Math.hypot((turn - Math.round(turn)) * 0.15, r - 0.2) < 0.028;
  return r < 0.3 && Math.abs(p[2]) > 1.15
    ? { colour: bolt || r < 0.1 ? colour('#55585c') : colour('#b8bbbd'), gloss: 0.4 }
    : { colour: scale(colour('#1d1d1f'), 0.8 + 0.4 * noise(p[0] * 20, p[1] * 20)), gloss: 0.1 };
};

/** Three arrows chasing one another, and a stripe. */
const recycling = `
  ${[0, 120, 240]
    .map(
      (turn) => `<path d="M160 66 A40 40 0 0 1 232 56 l10 -8 l2 34 l-32 -6 l10 -8 A26 26 0 0 0 174 70z"
    fill="#f4f6f0" transform="rotate(${turn} 200 80)"/>`,
    )
    .join('')}`;

const panels = (side) => (p, outward) => {
  const dirt = fractal(p[0] * 1.5, p[1] * 1.5, p[2] * 1.5),
    low = 1 - smooth(0.9, 1.9, p[1]);
  const green = scale(colour('#1f7a3d'), 0.8 + 0.35 * dirt);
  const stripe = Math.abs(p[1] - 1.32) < 0.07 && Math.abs(outward[2]) > 0.9 ? 1 : 0;
  let skin = mixColour(green, colour('#eef0ea'), stripe);
  if (outward[2] > 0.9) {
    const [r, g, b, a] = side((p[0] + 2.03) / 3, 1 - (p[1] - 1.6) / 1.2);
    skin = mixColour(skin, [r, g, b], a);
  }
  return { colour: mixColour(skin, colour('#5d5344'), 0.5 * low * dirt), gloss: 0.3, mirror: 0.04 };
};

const cabin = (p, outward) => {
  const [x, y, z] = p;
  const glass = { colour: [0.015, 0.02, 0.025], mirror: 0.25, gloss: 0.6 };
  const screen = outward[0] > 0.7 && y > 1.72 && y < 2.68 && Math.abs(z) < 1.0;
  const window = Math.abs(outward[2]) > 0.8 && y > 1.78 && y < 2.6 && x > 2.45 && x < 3.6 - 0.18 * (y - 1.78);
  if (screen || window) return glass;
  if (outward[0] > 0.7 && y > 0.95 && y < 1.45 && Math.abs(z) < 0.7) {
    return { colour: scale(colour('#33363a'), (y * 12) % 1 < 0.5 ? 0.4 : 1.2), gloss: 0.3 };
  }
  const seam = Math.abs(outward[2]) > 0.8 && y > 0.9 && (Math.abs(x - 2.38) < 0.015 || Math.abs(x - 3.66) < 0.015);
  return { colour: scale(colour('#eceeec'), seam ? 0.35 : 1), gloss: 0.5, mirror: 0.05 };
};

const asphalt = (p) => {
  const stain = fractal(p[0] * 0.7, p[2] * 0.7),
    grit = fractal(p[0] * 14, p[2] * 14, 1, 3);
  const line = Math.abs(p[2] - 3.1) < 0.07 ? 0.7 : 0;
  if (p[2] < -10) return { colour: mixColour(colour('#3b5a22'), colour('#8a9a4a'), stain) };
  return {
    colour: mixColour(scale(colour('#6d6c6c'), 0.55 + 0.5 * stain + 0.35 * (grit - 0.5)), colour('#e5e2d6'), line),
  };
};

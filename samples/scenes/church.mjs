import { cloudySky, colour, mixColour, normalise, paint, scale, smooth } from '../lib/paint.mjs';
import { fractal, noise } from '../lib/noise.mjs';
import { render } from '../lib/raymarch.mjs';
import {
  box,
  cylinder,
  difference,
  gable,
  mirrored,
  moved,
  plane,
  rotated,
  spire,
  union,
  within,
} from '../lib/shapes.mjs';

/** A white clapboard church on a summer meadow. */
export function church(width, height) {
  const sky = cloudySky({ zenith: '#2a68b4', horizon: '#b4d2ea', cover: 0.52, size: 1.7, seed: 9 });
  return render({
    width,
    height,
    sky,
    camera: { from: [15, 2.4, 31], to: [0.9, 7.6, 1], fov: 34 },
    sun: { direction: [0.85, 0.7, 0.28], colour: [1.6, 1.45, 1.2] },
    ambient: { above: [0.3, 0.38, 0.52], below: [0.12, 0.15, 0.1] },
    objects: [
      { shape: plane(0), material: meadow() },
      { shape: building, material: clapboard },
      { shape: roofs, material: shingles },
      { shape: trim, material: paint('#e9e6dd') },
      { shape: moved(box([0.75, 1.25, 0.1]), [0, 1.35, TOWER + 1.32]), material: paint('#7c1f1a', { gloss: 0.1 }) },
      { shape: trees, material: leaves },
    ],
  });
}

const TOWER = 5.8;

/** A window to be cut out of a wall: a box with a round arch above it. */
const arched = (half, tall, deep, axis) =>
  axis === 'x'
    ? union(box([deep, tall, half]), moved(cylinder(half, deep, 'x'), [0, tall, 0]))
    : union(box([half, tall, deep]), moved(cylinder(half, deep, 'z'), [0, tall, 0]));

const sideWindows = (x, y, z) => {
  const nearest = Math.min(Math.max(Math.round(z / 2.4), -2), 1) * 2.4;
  return arched(0.42, 1, 0.2, 'x')(Math.abs(x) - 3, y - 2.3, z - nearest);
};
const towerWindows = union(
  moved(arched(0.4, 0.6, 0.2, 'z'), [0, 5, TOWER + 1.3]),
  moved(arched(0.45, 0.75, 2, 'z'), [0, 8.2, TOWER]),
  moved(arched(0.45, 0.75, 2, 'x'), [0, 8.2, TOWER]),
  moved(cylinder(0.4, 0.2, 'x'), [1.3, 5.2, TOWER]),
);
const building = within(
  [0, 4, 1, 9],
  difference(
    union(
      moved(box([3, 2.2, 5]), [0, 2.2, 0]),
      moved(gable(3, 2.7, 5), [0, 4.4, 0]),
      moved(box([1.3, 3.4, 1.3]), [0, 3.4, TOWER]),
      moved(box([1.15, 1.4, 1.15]), [0, 8.3, TOWER]),
    ),
    union(sideWindows, towerWindows),
  ),
);

const slope = (Math.atan2(2.7, 3) * 180) / Math.PI;
const roofs = union(
  within([0, 6, 0, 7], mirrored(moved(rotated(box([2.3, 0.09, 5.35]), 'z', -slope), [1.62, 5.83, 0]))),
  within([0, 12, TOWER, 4], moved(spire(1.25, 5.6, 8), [0, 9.85, TOWER])),
);

const trim = within(
  [0, 8, TOWER, 9],
  union(
    moved(box([1.45, 0.12, 1.45]), [0, 6.85, TOWER]),
    moved(box([1.4, 0.12, 1.4]), [0, 9.75, TOWER]),
    moved(box([0.05, 0.6, 0.05]), [0, 15.8, TOWER]),
    moved(box([0.3, 0.05, 0.05]), [0, 15.95, TOWER]),
    moved(box([0.95, 1.45, 0.06]), [0, 1.4, TOWER + 1.3]),
    moved(box([1.3, 0.15, 0.9]), [0, 0.1, TOWER + 1.9]),
    moved(gable(1.2, 0.7, 0.5), [0, 2.85, TOWER + 1.5]),
  ),
);

/** @type {(p: [number, number, number], outward: number[]) => object} */
function clapboard(p, outward) {
  const inWindow = sideWindows(...p) < 0.02 || towerWindows(...p) < 0.02;
  if (inWindow) return { colour: [0.03, 0.04, 0.05], mirror: 0.12 };
  const board = p[1] * 4.2 - Math.floor(p[1] * 4.2);
  const shade = 0.93 + 0.07 * noise(p[0] * 2, p[1] * 2, p[2] * 2) - 0.22 * (1 - smooth(0, 0.16, board));
  return { colour: scale(colour('#f2efe6'), shade), normal: normalise([outward[0], outward[1] - 0.12, outward[2]]) };
}

function shingles(p) {
  const row = Math.floor(p[1] * 4),
    column = Math.floor((p[0] + p[2]) * 3 + (row & 1) / 2);
  return { colour: scale(colour('#4a4d55'), 0.75 + 0.4 * noise(row * 7.3, column * 3.7)) };
}

const meadow = () => (p) => {
  const patch = fractal(p[0] * 0.5, p[2] * 0.5),
    tuft = fractal(p[0] * 6, p[2] * 2.5, 3);
  const grass = mixColour(colour('#2f5a1c'), colour('#87a03c'), smooth(0.25, 0.8, 0.5 * patch + 0.5 * tuft));
  const path = 1 - smooth(0.9, 1.3, Math.abs(p[0] - 0.04 * (p[2] - 7) ** 1.5) + 0.4 * (tuft - 0.5));
  const near = p[2] > 7.6 ? mixColour(grass, scale(colour('#c0b08c'), 0.7 + 0.5 * tuft), path) : grass;
  return { colour: mixColour(near, [0.3, 0.4, 0.4], smooth(30, 130, -p[2])) };
};

/** Crowns: balls with a rough skin. */
const crowns = [
  [-9, 4, -6, 4],
  [-14, 4.4, -3, 4.6],
  [-5.5, 3, -11, 3.6],
  [10, 3.2, -16, 4],
  [16, 4, -14, 5],
  [23, 3, -14, 4.5],
  [4, 3, -22, 5],
  [-22, 4, -10, 5],
];
const trees = union(
  ...crowns.map(([a, b, c, r]) =>
    within([a, b, c, r * 1.2], (x, y, z) => {
      const rough = fractal(x * 1.1, y * 1.1, z * 1.1, 4) - 0.5;
      return (Math.hypot(x - a, (y - b) * 0.85, z - c) - r - 2.4 * rough) * 0.55;
    }),
  ),
);
const leaves = (p) => {
  const light = fractal(p[0] * 3, p[1] * 3, p[2] * 3, 3);
  return { colour: mixColour(colour('#1f3d16'), colour('#5d8230'), light) };
};

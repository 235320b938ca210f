import { cloudySky, colour, scale } from '../lib/paint.mjs';
import { render } from '../lib/raymarch.mjs';
import { capsule, union, within } from '../lib/shapes.mjs';

const GORES = 20,
  RIM = 3,
  RISE = 2.1;
const palette = ['#e0281f', '#f6a21a', '#f7e23c', '#2d9d4a', '#1f63c9'].map(colour);

/** A round canopy of coloured gores, a jumper below it, against the afternoon sky. */
export function parachute(width, height) {
  const harness = [0, -4.1, 0];
  return render({
    width,
    height,
    camera: { from: [3.5, -8.4, 13.5], to: [0.35, -1.75, 0], fov: 35 },
    sky: cloudySky({ zenith: '#1f62b8', horizon: '#9cc4ea', cover: 0.5, size: 2.4, seed: 4 }),
    sun: { direction: [0.5, 0.8, 0.35], colour: [1.7, 1.6, 1.4] },
    ambient: { above: [0.4, 0.5, 0.7], below: [0.42, 0.46, 0.5] },
    objects: [
      { shape: canopy, material: cloth },
      { shape: within([0, -2, 0, 4], lines(harness)), material: () => ({ colour: [0.75, 0.75, 0.72] }) },
      { shape: jumper(harness), material: suit },
    ],
  });
}

/** Half an ellipsoid's skin, each gore bulging between its seams, the rim scalloped. */
function canopy(x, y, z) {
  const angle = (Math.atan2(z, x) * GORES) / (2 * Math.PI),
    inGore = angle - Math.floor(angle) - 0.5;
  const bulge = 1 + 0.05 * (1 - 4 * inGore * inGore);
  const across = Math.hypot(x, z) / (RIM * bulge),
    up = y / (RISE * bulge);
  const r = Math.hypot(across, up);
  const skin = Math.abs(r - 1) * RISE * 0.8 - 0.015;
  const vent = 0.22 - Math.hypot(x, z);
  const hem = -y - 0.35 + 0.5 * (0.25 - inGore * inGore);
  return Math.max(skin, hem, vent) * 0.8;
}

function cloth(p) {
  const angle = (Math.atan2(p[2], p[0]) / (2 * Math.PI) + 1) * GORES;
  const gore = Math.floor(angle),
    seam = Math.min(angle - gore, 1 - angle + gore);
  const dye = palette[gore % palette.length];
  return { colour: scale(dye, seam < 0.035 ? 0.5 : 1), gloss: 0.08, through: 0.5 };
}

function lines(harness) {
  return union(
    ...Array.from({ length: GORES }, (_, n) => {
      const angle = (n * 2 * Math.PI) / GORES;
      return capsule([RIM * 0.99 * Math.cos(angle), -0.3, RIM * 0.99 * Math.sin(angle)], harness, 0.012);
    }),
  );
}

/** @param {number[]} at */
function jumper([x, y, z]) {
  const limb = (a, b, r) => capsule([x + a[0], y + a[1], z + a[2]], [x + b[0], y + b[1], z + b[2]], r);
  return within(
    [x, y - 0.6, z, 1.3],
    union(
      limb([0, -0.3, 0], [0, -0.75, 0], 0.17),
      limb([0, -0.4, -0.16], [0, -0.65, -0.16], 0.15),
      limb([0, -0.02, 0.02], [0, -0.03, 0.02], 0.125),
      limb([0.17, -0.28, 0], [0.27, 0.1, 0], 0.06),
      limb([-0.17, -0.28, 0], [-0.27, 0.1, 0], 0.06),
      limb([0.09, -0.8, 0], [0.16, -1.15, 0.16], 0.085),
      limb([-0.09, -0.8, 0], [-0.15, -1.17, 0.12], 0.085),
      limb([0.16, -1.15, 0.16], [0.18, -1.5, 0.02], 0.07),
      limb([-0.15, -1.17, 0.12], [-0.17, -1.5, 0], 0.07),
    ),
  );
}

const suit = (p) => ({ colour: colour(p[1] > -4.24 ? '#e8e4da' : p[1] > -4.85 ? '#c02a20' : '#22262e') });

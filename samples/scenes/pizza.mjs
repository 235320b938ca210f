import { add, colour, mixColour, normalise, scale, smooth } from '../lib/paint.mjs';
import { fractal, hash, noise } from '../lib/noise.mjs';
import { render } from '../lib/raymarch.mjs';
import { cylinder, moved, plane, torus, union } from '../lib/shapes.mjs';

/** A pizza on a wooden board, from above. */
export async function pizza(width, height) {
  return render({
    width,
    height,
    samples: 2,
    sky: () => [0.4, 0.4, 0.4],
    camera: { from: [0.4, 4.4, 3.6], to: [0, 0, 0.12], fov: 36 },
    sun: { direction: [-0.6, 0.8, -0.35], colour: [1.5, 1.38, 1.15] },
    ambient: { above: [0.42, 0.42, 0.44], below: [0.2, 0.15, 0.1] },
    objects: [
      { shape: plane(-0.12), material: table },
      { shape: moved(cylinder(1.95, 0.06, 'y', 0.03), [0, -0.06, 0]), material: board },
      { shape: base, material: crust },
      { shape: slices, material: salami },
    ],
  });
}

const RADIUS = 1.5;
const base = (x, y, z) => {
  const lumps = 0.05 * (fractal(x * 3, z * 3, 1, 3) - 0.5);
  return (
    union(moved(cylinder(RADIUS, 0.05, 'y', 0.03), [0, 0.05, 0]), moved(torus(RADIUS, 0.12), [0, 0.1, 0]))(
      x,
      y - lumps,
      z,
    ) * 0.8
  );
};

/** Slices of salami, scattered so that none lies on another. */
const PLACES = [
  [0, 0],
  ...Array.from({ length: 6 }, (_, n) => place(n, 6, 0.68, 0.3)),
  ...Array.from({ length: 9 }, (_, n) => place(n, 9, 1.14, 0)),
];
function place(n, of, r, turn) {
  const angle = ((n + 0.25 * hash(n, of)) / of) * 2 * Math.PI + turn;
  return [r * Math.cos(angle), r * Math.sin(angle)];
}
const slice = cylinder(0.21, 0.022, 'y', 0.02);
function slices(x, y, z) {
  if (y > 0.5) return y - 0.3;
  let nearest = 9;
  for (const [a, b] of PLACES) nearest = Math.min(nearest, slice(x - a, y - 0.12, z - b));
  return nearest;
}

const salami = (p) => {
  const fat = noise(p[0] * 26, p[2] * 26) > 0.72 ? 0.5 : 0;
  return { colour: mixColour(colour('#b32a17'), colour('#e8a48a'), fat), gloss: 0.5, sharpness: 30 };
};

const crust = (p, outward) => {
  const r = Math.hypot(p[0], p[2]);
  const bumps = [0, 1, 2].map((n) => (fractal(p[0] * 9 + n * 7, p[2] * 9, p[1] * 9, 3) - 0.5) * 0.8);
  const normal = normalise(add(outward, bumps));
  const toasted = fractal(p[0] * 5, p[2] * 5, 3);
  const dough = mixColour(colour('#d99a4e'), colour('#7d4315'), smooth(0.5, 0.75, toasted));
  if (r > RADIUS - 0.07) return { colour: dough, normal, gloss: 0.1 };
  const cheese = mixColour(colour('#f6d27a'), colour('#e39a35'), smooth(0.45, 0.7, toasted));
  const sauce = smooth(0.56, 0.64, fractal(p[0] * 3.2, p[2] * 3.2, 8));
  const basil = noise(p[0] * 4.2 + 9, p[2] * 4.2) > 0.86 ? 1 : 0;
  const top = mixColour(mixColour(cheese, colour('#c2381a'), sauce), colour('#2f6a22'), basil);
  return { colour: mixColour(top, dough, smooth(RADIUS - 0.2, RADIUS - 0.07, r)), normal, gloss: 0.45, sharpness: 24 };
};

const board = (p) => {
  const grain = fractal(p[0] * 1.2, p[2] * 12, 5, 4);
  return { colour: mixColour(colour('#8d5a2c'), colour('#c8935a'), grain), gloss: 0.15 };
};
const table = (p) => {
  const check = (Math.floor(p[0] / 0.7) + Math.floor(p[2] / 0.7)) % 2 === 0;
  return { colour: scale(colour(check ? '#e9e4da' : '#a6453c'), 0.9 + 0.12 * noise(p[0] * 30, p[2] * 30)) };
};

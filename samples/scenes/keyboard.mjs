import { colour, draw, mixColour, paint, sampler, scale } from '../lib/paint.mjs';
import { fractal } from '../lib/noise.mjs';
import { render } from '../lib/raymarch.mjs';
import { box, moved, plane, within } from '../lib/shapes.mjs';

/** A grey keyboard on a desk, seen from the typist's left. */
export async function keyboard(width, height) {
  const marks = sampler(await draw(900, 360, letters));
  return render({
    width,
    height,
    samples: 2,
    sky: () => [0.5, 0.5, 0.5],
    camera: { from: [-1.6, 4.6, 4.4], to: [-0.2, 0, 0.15], fov: 40 },
    sun: { direction: [-0.5, 0.9, -0.4], colour: [1.2, 1.15, 1.05] },
    ambient: { above: [0.5, 0.52, 0.55], below: [0.2, 0.18, 0.15] },
    objects: [
      { shape: plane(0), material: desk },
      { shape: moved(box([3.35, 0.14, 1.32], 0.08), [0, 0.14, 0]), material: paint('#b9b5a8', { gloss: 0.15 }) },
      { shape: within([0, 0.35, 0, 3.6], keys), material: caps(marks) },
    ],
  });
}

const ROWS = [-0.95, -0.5, -0.08, 0.34, 0.76];
const PITCH = 0.42;

/** Where the key at a place is, along x, and how wide: the space bar lies in the middle of the last row. */
function keyAt(x, row) {
  if (row === 4 && Math.abs(x + 0.4) < 3 * PITCH) return { at: -0.4, half: 2.85 * PITCH };
  const from = -3.15 + 0.1 * row;
  const n = Math.min(Math.max(Math.floor((x - from) / PITCH), 0), 14);
  return { at: from + (n + 0.5) * PITCH, half: 0.42 * PITCH };
}

/** The nearest key, and its neighbours, or the surface would tear between two. */
function keys(x, y, z) {
  if (y > 0.75) return y - 0.5;
  const row = ROWS.reduce((best, at, n) => (Math.abs(z - at) < Math.abs(z - ROWS[best]) ? n : best), 0);
  let nearest = 9;
  for (const r of [row - 1, row, row + 1]) {
    if (r < 0 || r > 4) continue;
    for (const step of [-PITCH, 0, PITCH]) {
      const { at, half } = keyAt(x + step, r);
      // a cap is narrower above
      const slope = 0.16 * (y - 0.28);
      nearest = Math.min(nearest, box([half - slope, 0.12, 0.19 - slope], 0.04)(x - at, y - 0.38, z - ROWS[r]));
    }
  }
  return nearest * 0.8;
}

const caps = (marks) => (p, outward) => {
  const row = ROWS.reduce((best, at, n) => (Math.abs(p[2] - at) < Math.abs(p[2] - ROWS[best]) ? n : best), 0);
  const { at } = keyAt(p[0], row);
  const dark = Math.abs(at) > 2.72 || row === 4;
  let hue = colour(dark ? '#8d8b84' : '#dcd8cb');
  if (outward[1] > 0.8) {
    const [r, g, b, a] = marks((p[0] + 3.35) / 6.7, (p[2] + 1.32) / 2.64);
    hue = mixColour(hue, [r, g, b], a);
  }
  return { colour: hue, gloss: 0.2, sharpness: 20 };
};

/** A letter on each key of the three rows in the middle. */
const letters = ['1234567890-=', 'QWERTYUIOP[]', "ASDFGHJKL;'", 'ZXCVBNM,./']
  .flatMap((row, r) =>
    row.split('').map((letter, n) => {
      const { at } = keyAt(-3.15 + 0.1 * r + (n + 1.5) * PITCH, r);
      return `<text x="${((at + 3.28) / 6.7) * 900}" y="${((ROWS[r] + 1.32) / 2.64) * 360}" font-size="21"
        font-family="DejaVu Sans, Arial, sans-serif" fill="#26262a">${letter}</text>`;
    }),
  )
  .join('');

const desk = (p) => {
  const grain = fractal(p[0] * 7, p[2] * 0.8, 3, 4);
  return { colour: scale(mixColour(colour('#5f3b20'), colour('#94653a'), grain), 0.95), gloss: 0.15, mirror: 0.02 };
};

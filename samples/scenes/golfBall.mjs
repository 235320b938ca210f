import { colour, dot, draw, lay, normalise, add, scale, smooth } from '../lib/paint.mjs';
import { random } from '../lib/noise.mjs';
import { render } from '../lib/raymarch.mjs';
import { sphere, within } from '../lib/shapes.mjs';

/** A golf ball in the grass, in morning light, everything behind it out of focus. */
export async function golfBall(width, height) {
  const picture = await draw(width, height, meadow(width, height), 7);
  lay(picture, await draw(width, height, blades(width, height, { count: 1500, from: 0.5, to: 0.72, seed: 2 }), 3));
  lay(picture, await draw(width, height, blades(width, height, { count: 1800, from: 0.68, to: 0.9, seed: 3 }), 0.9));
  lay(picture, await draw(width, height, contactShadow(width, height), 9));
  lay(picture, ball(width, height), { multiplied: true });
  lay(picture, await draw(width, height, blades(width, height, { count: 900, from: 0.9, to: 1.15, seed: 4 }), 0.5));
  return picture;
}

/** Lawn, a far hedge, and the discs of light that a wide lens makes of gaps between leaves. */
function meadow(width, height) {
  const next = random(8);
  const discs = Array.from(
    { length: 26 },
    () => `
    <circle cx="${next() * width}" cy="${(0.02 + 0.26 * next()) * height}" r="${(0.02 + 0.03 * next()) * height}"
      fill="#e8efb0" opacity="${0.1 + 0.35 * next()}"/>`,
  );
  return `
    <linearGradient id="g" x2="0" y2="1">
      <stop offset="0" stop-color="#3f6b30"/><stop offset=".2" stop-color="#55823a"/>
      <stop offset=".34" stop-color="#86a850"/>
      <stop offset=".55" stop-color="#4c8a2c"/><stop offset="1" stop-color="#2c5a17"/>
    </linearGradient>
    <rect width="${width}" height="${height}" fill="url(#g)"/>${discs.join('')}`;
}

const contactShadow = (width, height) =>
  `<ellipse cx="${0.54 * width}" cy="${0.86 * height}" rx="${0.33 * width}" ry="${0.1 * height}" ` +
  'fill="#0b1f06" opacity=".75"/>';

/** Curved blades, each rooted between two heights of the picture; the nearer (lower) the longer. */
function blades(width, height, { count, from, to, seed }) {
  const next = random(seed);
  const roots = Array.from({ length: count }, () => from + (to - from) * next()).sort((a, b) => a - b);
  return roots
    .map((root) => {
      const x = (1.1 * next() - 0.05) * width,
        y = root * height;
      const length = height * (0.05 + 0.16 * (root - 0.4)) * (0.6 + 0.8 * next());
      const lean = length * (next() - 0.45) * 0.9,
        half = 0.012 * height * (root - 0.2) * (0.6 + next());
      const green = `hsl(${80 + 30 * next()},${45 + 25 * next()}%,${18 + 28 * next() ** 1.5}%)`;
      const tip = `${x + lean} ${y - length}`,
        bend = (side) => `${x + 0.2 * lean + side * half} ${y - 0.6 * length}`;
      return `<path d="M${x - half} ${y}Q${bend(-1)} ${tip}Q${bend(1)} ${x + half} ${y}Z" fill="${green}"/>`;
    })
    .join('');
}

function ball(width, height) {
  const centres = spread(392),
    white = colour('#f4f3ee'),
    spacing = Math.sqrt((4 * Math.PI) / centres.length);
  const radius = 0.46 * spacing;
  const material = (_p, outward) => {
    const nearest = centres.reduce((best, c) => (dot(c, outward) > dot(best, outward) ? c : best));
    const away = Math.acos(Math.min(dot(nearest, outward), 1)) / radius;
    if (away >= 1) return { colour: white, gloss: 0.35 };
    // A dimple is hollow: its normal leans towards its centre, most at the rim.
    const lean = (0.42 * away * (1 - smooth(0.82, 1, away))) / radius;
    const towards = add(nearest, scale(outward, -dot(nearest, outward)));
    return {
      colour: scale(white, 0.86 + 0.14 * smooth(0.2, 1, away)),
      gloss: 0.3,
      normal: normalise(add(outward, scale(towards, lean))),
    };
  };
  return render({
    width,
    height,
    samples: 3,
    sky: null,
    camera: { from: [0, 0.75, 4.9], to: [-0.06, -0.1, 0], fov: 35 },
    sun: { direction: [-0.9, 0.75, 0.25], colour: [1.5, 1.36, 1.12] },
    ambient: { above: [0.3, 0.36, 0.42], below: [0.09, 0.16, 0.05] },
    objects: [{ shape: within([0, 0, 0, 1.05], sphere(1)), material }],
  });
}

/** Points spread evenly over the unit sphere (a Fibonacci spiral). */
const spread = (count) =>
  Array.from({ length: count }, (_, n) => {
    const y = 1 - (2 * n + 1) / count,
      r = Math.sqrt(1 - y * y),
      angle = n * Math.PI * (3 - Math.sqrt(5));
    return [r * Math.cos(angle), y, r * Math.sin(angle)];
  });

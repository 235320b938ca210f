/**
 * Sphere tracing: sun with soft shadows, sky light with ambient occlusion, one bounce of reflection.
 *
 * An object is { shape, material }: material(p, normal) gives { colour, gloss?, mirror?, through?, normal? } in linear
 * light.
 */
import { dot, mixColour, normalise, cross, subtract, scale, add } from './paint.mjs';

const FAR = 140;

/** Linear RGBA pixels, height × width × 4. With `sky: null` what the rays miss stays transparent. */
export function render({ width, height, camera, objects, sky, sun, ambient, samples = 2 }) {
  const scene = { objects, sky, ambient, sun: { ...sun, direction: normalise(sun.direction) } };
  const forward = normalise(subtract(camera.to, camera.from));
  const right = normalise(cross(forward, [0, 1, 0])),
    up = cross(right, forward);
  const zoom = Math.tan((camera.fov * Math.PI) / 360);

  const pixels = new Float32Array(width * height * 4);
  for (let h = 0; h < height; h++)
    for (let w = 0; w < width; w++) {
      for (let n = 0; n < samples * samples; n++) {
        const x = ((w + ((n % samples) + 0.5) / samples) * 2) / height - width / height;
        const y = 1 - ((h + (Math.floor(n / samples) + 0.5) / samples) * 2) / height;
        const direction = normalise(add(forward, add(scale(right, x * zoom), scale(up, y * zoom))));
        const colour = trace(scene, camera.from, direction, 1);
        if (!colour) continue;
        const i = (h * width + w) * 4;
        // A highlight brighter than this would keep its jagged edge through the average.
        for (let c = 0; c < 3; c++) pixels[i + c] += Math.min(colour[c], 3) / samples ** 2;
        pixels[i + 3] += 1 / samples ** 2;
      }
    }
  return { width, height, pixels };
}

function trace(scene, origin, direction, bounces) {
  const t = march(scene.objects, origin, direction);
  if (t === undefined) return scene.sky?.(direction);

  const p = add(origin, scale(direction, t));
  const object = nearestObject(scene.objects, p);
  const outward = gradient(object.shape, p, 0.0007 * Math.max(t, 1));
  const { colour, gloss = 0, mirror = 0, through = 0, sharpness = 40, normal = outward } = object.material(p, outward);
  const { sun, ambient } = scene;
  const start = add(p, scale(outward, 0.004 * Math.max(t, 1)));

  const facing = dot(normal, sun.direction);
  const lit = facing > 0 || through > 0 ? shadow(scene.objects, start, sun) : 0;
  const open = occlusion(scene.objects, p, outward);
  const light = [0, 1, 2].map(
    (c) =>
      sun.colour[c] * (lit * Math.max(facing, 0) + through * Math.max(-facing, 0)) +
      open * (ambient.below[c] + (ambient.above[c] - ambient.below[c]) * (0.5 + 0.5 * normal[1])),
  );
  const half = normalise(subtract(sun.direction, direction));
  const highlight = gloss * (facing > 0 ? lit : 0) * Math.max(dot(normal, half), 0) ** sharpness;
  const result = colour.map((value, c) => value * light[c] + highlight * sun.colour[c]);
  if (mirror === 0 || bounces === 0) return result;

  const cosine = Math.max(-dot(direction, normal), 0);
  const share = mirror + (1 - mirror) * 0.6 * (1 - cosine) ** 5;
  const reflected = subtract(direction, scale(normal, 2 * dot(direction, normal)));
  const seen = trace(scene, start, reflected, bounces - 1) ?? scene.ambient.above;
  const tint = mirror > 0.4 ? colour : [1, 1, 1]; // metals colour what they reflect
  return mixColour(
    result,
    seen.map((value, c) => value * tint[c]),
    share,
  );
}

function march(objects, origin, direction) {
  let t = 0.01;
  for (let step = 0; step < 160 && t < FAR; step++) {
    const d = distance(
      objects,
      origin[0] + t * direction[0],
      origin[1] + t * direction[1],
      origin[2] + t * direction[2],
    );
    if (d < 0.0004 * t) return t;
    t += d;
  }
  return undefined;
}

function distance(objects, x, y, z) {
  let nearest = FAR;
  for (const { shape } of objects) {
    const d = shape(x, y, z);
    if (d < nearest) nearest = d;
  }
  return nearest;
}

const nearestObject = (objects, p) =>
  objects.reduce(
    (best, object) => {
      const d = object.shape(...p);
      return d < best.d ? { object, d } : best;
    },
    { d: Infinity },
  ).object;

/**
 * The surface's normal by four differences on a tetrahedron.
 *
 * @type {(shape: import('./shapes.mjs').Shape, point: number[], e: number) => number[]}
 */
function gradient(shape, [x, y, z], e) {
  const a = shape(x + e, y - e, z - e),
    b = shape(x - e, y - e, z + e);
  const c = shape(x - e, y + e, z - e),
    d = shape(x + e, y + e, z + e);
  return normalise([a - b - c + d, c + d - a - b, b + d - a - c]);
}

/** How much of the sun is seen: the narrowest gap on the way there, against the sun's size. */
function shadow(objects, origin, { direction, softness = 0.06 }) {
  let seen = 1,
    t = 0.02;
  for (let step = 0; step < 60 && t < 40; step++) {
    const d = distance(
      objects,
      origin[0] + t * direction[0],
      origin[1] + t * direction[1],
      origin[2] + t * direction[2],
    );
    seen = Math.min(seen, 0.5 + (0.5 * d) / (softness * t));
    if (seen <= 0) return 0;
    t += Math.min(Math.max(d, 0.012 * (1 + t)), 2);
  }
  return seen * seen * (3 - 2 * seen);
}

function occlusion(objects, p, normal) {
  let blocked = 0;
  for (let n = 1, weight = 1; n <= 4; n++, weight *= 0.6) {
    const reach = 0.09 * n * n * 0.6;
    blocked += (weight * Math.max(reach - distance(objects, ...add(p, scale(normal, reach))), 0)) / reach;
  }
  return Math.max(1 - 0.5 * blocked, 0.08);
}

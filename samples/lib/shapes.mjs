/**
 * Solids as signed distances: a shape is a function (x, y, z) → distance to its surface, negative inside.
 * y points up. Lengths in brackets are half extents.
 *
 * @typedef {(x: number, y: number, z: number) => number} Shape
 */
const { abs, max, min, hypot, cos, sin } = Math;

/** @type {(height: number) => Shape} */
export const plane = (height) => (_x, y) => y - height;
/** @type {(radius: number) => Shape} */
export const sphere = (radius) => (x, y, z) => hypot3(x, y, z) - radius;

/** @type {(halves: number[], round?: number) => Shape} */
export const box =
  ([a, b, c], round = 0) =>
  (x, y, z) => {
    const i = abs(x) - a + round,
      j = abs(y) - b + round,
      k = abs(z) - c + round;
    return hypot3(max(i, 0), max(j, 0), max(k, 0)) + min(max(i, j, k), 0) - round;
  };

/** A cylinder along an axis ('x', 'y' or 'z'), from -half to half. */
export const cylinder = (radius, half, axis = 'y', round = 0) =>
  along(axis, (across, length) => {
    const i = across - radius + round,
      j = abs(length) - half + round;
    return hypot(max(i, 0), max(j, 0)) + min(max(i, j), 0) - round;
  });

/** A ring around an axis. */
export const torus = (radius, thickness, axis = 'y') =>
  along(axis, (across, length) => hypot(across - radius, length) - thickness);

/** A solid of revolution whose radius is a function of the place along the axis, between two places. */
export const turned = (profile, from, to, axis = 'y') =>
  along(axis, (across, length) => {
    const inside = min(max(length, from), to);
    return max(across - profile(inside), from - length, length - to) * 0.6;
  });

export const capsule = (a, b, radius) => {
  const ux = b[0] - a[0],
    uy = b[1] - a[1],
    uz = b[2] - a[2],
    squared = ux * ux + uy * uy + uz * uz;
  return (x, y, z) => {
    const px = x - a[0],
      py = y - a[1],
      pz = z - a[2];
    const t = min(max((px * ux + py * uy + pz * uz) / squared, 0), 1);
    return hypot3(px - t * ux, py - t * uy, pz - t * uz) - radius;
  };
};

/** A tube along a smooth curve through the points. */
export function tube(points, radius, pieces = 6) {
  const curve = [];
  const at = (n) => points[min(max(n, 0), points.length - 1)];
  for (let n = 0; n + 1 < points.length; n++) {
    for (let m = 0; m < pieces; m++) curve.push(catmullRom(at(n - 1), at(n), at(n + 1), at(n + 2), m / pieces));
  }
  curve.push(points.at(-1));
  return within(boundOf(curve, radius), union(...curve.slice(1).map((p, n) => capsule(curve[n], p, radius))));
}

/** A roof: ridge along z, from y = 0 at ±halfWidth to `height` in the middle. */
export const gable = (halfWidth, height, halfLength) => {
  const slope = hypot(halfWidth, height);
  return (x, y, z) => max((abs(x) * height + (y - height) * halfWidth) / slope, -y, abs(z) - halfLength);
};

/** A pointed roof over a regular polygon. */
export const spire = (radius, height, sides) => {
  const slope = hypot(radius, height),
    step = (2 * Math.PI) / sides;
  return (x, y, z) => {
    const angle = Math.atan2(z, x),
      nearest = Math.round(angle / step) * step;
    const across = hypot(x, z) * cos(angle - nearest);
    return max((across * height + (y - height) * radius) / slope, -y);
  };
};

/** @type {(...shapes: Shape[]) => Shape} */
export const union =
  (...shapes) =>
  (x, y, z) => {
    let nearest = Infinity;
    for (const shape of shapes) nearest = min(nearest, shape(x, y, z));
    return nearest;
  };
/** @type {(a: Shape, b: Shape) => Shape} */
export const intersection = (a, b) => (x, y, z) => max(a(x, y, z), b(x, y, z));
/** @type {(a: Shape, b: Shape) => Shape} */
export const difference = (a, b) => (x, y, z) => max(a(x, y, z), -b(x, y, z));
/** @type {(shape: Shape, thickness: number) => Shape} */
export const shell = (shape, thickness) => (x, y, z) => abs(shape(x, y, z)) - thickness;

/** @type {(shape: Shape, by: number[]) => Shape} */
export const moved =
  (shape, [a, b, c]) =>
  (x, y, z) =>
    shape(x - a, y - b, z - c);
/** @type {(shape: Shape) => Shape} */
export const mirrored = (shape) => (x, y, z) => shape(abs(x), y, z);

/**
 * Turned about an axis through the origin, by an angle in degrees.
 *
 * @type {(shape: Shape, axis: string, degrees: number) => Shape}
 */
export const rotated = (shape, axis, degrees) => {
  const c = cos((degrees * Math.PI) / 180),
    s = sin((degrees * Math.PI) / 180);
  if (axis === 'x') return (x, y, z) => shape(x, c * y + s * z, c * z - s * y);
  if (axis === 'y') return (x, y, z) => shape(c * x - s * z, y, c * z + s * x);
  return (x, y, z) => shape(c * x + s * y, c * y - s * x, z);
};

/**
 * The shape lies in a ball: far from the ball, the distance to the ball will do, and costs less.
 *
 * @type {(ball: number[], shape: Shape) => Shape}
 */
export const within =
  ([a, b, c, radius], shape) =>
  (x, y, z) => {
    const far = hypot3(x - a, y - b, z - c) - radius;
    return far > 0.3 * radius ? far : shape(x, y, z);
  };

// Math.hypot guards against overflow and is several times slower.
/** @type {(x: number, y: number, z: number) => number} */
const hypot3 = (x, y, z) => Math.sqrt(x * x + y * y + z * z);

/** @type {(axis: string, profile: (across: number, length: number) => number) => Shape} */
const along = (axis, profile) => {
  if (axis === 'x') return (x, y, z) => profile(Math.sqrt(y * y + z * z), x);
  if (axis === 'y') return (x, y, z) => profile(Math.sqrt(x * x + z * z), y);
  return (x, y, z) => profile(Math.sqrt(x * x + y * y), z);
};

const catmullRom = (a, b, c, d, t) =>
  b.map(
    (_, n) =>
      b[n] +
      0.5 * t * (c[n] - a[n] + t * (2 * a[n] - 5 * b[n] + 4 * c[n] - d[n] + t * (3 * (b[n] - c[n]) + d[n] - a[n]))),
  );

function boundOf(points, margin) {
  const centre = [0, 1, 2].map((n) => (min(...points.map((p) => p[n])) + max(...points.map((p) => p[n]))) / 2);
  const away = points.map((p) => hypot3(p[0] - centre[0], p[1] - centre[1], p[2] - centre[2]));
  return [...centre, max(...away) + margin];
}

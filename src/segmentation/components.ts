/** Connected components of a mask, and boxes around them. */

/** Pixels: the left upper corner and the extents. */
export type Box = readonly [x: number, y: number, width: number, height: number];

/** How many of the pixels around one count as its neighbours. */
export type Neighbours = 4 | 8;

export interface Components {
  /** The component of each pixel, counted from 1 in the order in which rows are read; 0 where the mask is 0. */
  readonly labels: Int32Array;
  /** Pixels of each component; `areas[0]` is what the mask leaves out. */
  readonly areas: readonly number[];
}

export function components(mask: Uint8Array, width: number, height: number, neighbours: Neighbours = 8): Components {
  const labels = new Int32Array(width * height);
  const areas = [0];
  const pending = new Int32Array(width * height);
  for (let start = 0; start < labels.length; start++) {
    if (!mask[start]) areas[0]!++;
    if (!mask[start] || labels[start] !== 0) continue;
    const label = areas.length;
    let [done, found] = [0, 0];
    labels[start] = label;
    pending[found++] = start;
    while (done < found) {
      const pixel = pending[done++]!;
      const [x, y] = [pixel % width, Math.floor(pixel / width)];
      for (let v = Math.max(y - 1, 0); v <= Math.min(y + 1, height - 1); v++) {
        for (let u = Math.max(x - 1, 0); u <= Math.min(x + 1, width - 1); u++) {
          const other = v * width + u;
          if (!mask[other] || labels[other] !== 0 || (neighbours === 4 && u !== x && v !== y)) continue;
          labels[other] = label;
          pending[found++] = other;
        }
      }
    }
    areas.push(found);
  }
  return { labels, areas };
}

/** The mask of the largest component, of several the first in reading order; null for an empty mask. */
export function largestComponent(
  mask: Uint8Array,
  width: number,
  height: number,
  neighbours: Neighbours = 8,
): Uint8Array | null {
  const { labels, areas } = components(mask, width, height, neighbours);
  if (areas.length === 1) return null;
  let largest = 1;
  for (let label = 2; label < areas.length; label++) if (areas[label]! > areas[largest]!) largest = label;
  return Uint8Array.from(labels, (label) => (label === largest ? 1 : 0));
}

/**
 * The box whose pixels, all of them, would have the mean and the variance of the mask's along each axis: of a mask that
 * is a filled box, that box. A limb or a speck far from the rest, which the tight box must hold, hardly moves it. In
 * whole pixels, within the picture; null for an empty mask.
 */
export function spreadBox(mask: Uint8Array, width: number, height: number): Box | null {
  const [columns, rows] = [new Float64Array(width), new Float64Array(height)];
  for (let i = 0; i < width * height; i++) {
    if (!mask[i]) continue;
    columns[i % width]!++;
    rows[Math.floor(i / width)]!++;
  }
  const [across, down] = [spread(columns), spread(rows)];
  return across && down && [across.from, down.from, across.length, down.length];
}

/** n pixels in a row, middle m: mean m, variance (n² − 1) / 12. */
function spread(counts: Float64Array): { readonly from: number; readonly length: number } | null {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  const mean = counts.reduce((sum, count, i) => sum + count * i, 0) / total;
  const variance = counts.reduce((sum, count, i) => sum + count * (i - mean) ** 2, 0) / total;
  const half = Math.sqrt(12 * variance + 1) / 2;
  const from = Math.max(0, Math.round(mean + 0.5 - half));
  return { from, length: Math.max(1, Math.min(counts.length, Math.round(mean + 0.5 + half)) - from) };
}

/** The smallest box around what a mask holds; null for an empty mask. */
export function tightBox(mask: Uint8Array, width: number, height: number): Box | null {
  let [left, top, right, bottom] = [width, height, -1, -1];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (!mask[y * width + x]) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = y;
    }
  }
  return right < 0 ? null : [left, top, right - left + 1, bottom - top + 1];
}

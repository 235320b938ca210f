/** A cut that was found on a smaller copy of a picture, brought to its full size. */

/** Colours `[n × 3]` in rows. */
export interface Colours {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** The picture in smaller extents: each pixel is the mean of those that it stands for. */
export function shrunk({ data, width, height }: Colours, smallWidth: number, smallHeight: number): Colours {
  const small = new Uint8Array(smallWidth * smallHeight * 3);
  const begin = (at: number, from: number, to: number): number => Math.floor((at * from) / to);
  for (let y = 0; y < smallHeight; y++) {
    const [top, bottom] = [begin(y, height, smallHeight), begin(y + 1, height, smallHeight)];
    for (let x = 0; x < smallWidth; x++) {
      const [left, right] = [begin(x, width, smallWidth), begin(x + 1, width, smallWidth)];
      let [r, g, b] = [0, 0, 0];
      for (let v = top; v < bottom; v++) {
        for (let at = 3 * (v * width + left); at < 3 * (v * width + right); at += 3) {
          r += data[at]!;
          g += data[at + 1]!;
          b += data[at + 2]!;
        }
      }
      const count = (bottom - top) * (right - left);
      const at = 3 * (y * smallWidth + x);
      small[at] = Math.round(r / count);
      small[at + 1] = Math.round(g / count);
      small[at + 2] = Math.round(b / count);
    }
  }
  return { data: small, width: smallWidth, height: smallHeight };
}

/** Small pixels on either side of an edge among which its full-sized pixels are decided. */
const REACH = 2;

/**
 * The small mask at full size. Away from its edges a pixel takes the label of the small one that it lies in; near them
 * its label is the one that more of the small pixels around it have, each counting by how near it is and how like its
 * colour (joint bilateral upsampling, Kopf et al. 2007):
 *
 *   Σ_q (2l_q − 1) · exp(−β‖I_p − I_q‖² − ‖p − q‖² / 2) > 0,   β = 1 / (2⟨‖I_q − I_r‖²⟩) over neighbours q, r
 */
export function refined(mask: Uint8Array, small: Colours, full: Colours): Uint8Array {
  const beta = steepness(small);
  const near = nearEdges(mask, small);
  const result = new Uint8Array(full.width * full.height);
  const [across, down] = [small.width / full.width, small.height / full.height];
  for (let y = 0; y < full.height; y++) {
    const v = (y + 0.5) * down - 0.5;
    const row = Math.min(small.height - 1, Math.floor((y + 0.5) * down)) * small.width;
    for (let x = 0; x < full.width; x++) {
      const pixel = y * full.width + x;
      const at = row + Math.min(small.width - 1, Math.floor((x + 0.5) * across));
      result[pixel] = near[at] ? vote(pixel, (x + 0.5) * across - 0.5, v) : mask[at]!;
    }
  }
  return result;

  /** Of the pixel that lies at (u, v) of the small picture. */
  function vote(pixel: number, u: number, v: number): number {
    const [r, g, b] = [full.data[3 * pixel]!, full.data[3 * pixel + 1]!, full.data[3 * pixel + 2]!];
    const [x, y] = [Math.round(u), Math.round(v)];
    let sum = 0;
    for (let j = Math.max(0, y - REACH); j <= Math.min(small.height - 1, y + REACH); j++) {
      for (let i = Math.max(0, x - REACH); i <= Math.min(small.width - 1, x + REACH); i++) {
        const q = j * small.width + i;
        const [dr, dg, db] = [small.data[3 * q]! - r, small.data[3 * q + 1]! - g, small.data[3 * q + 2]! - b];
        const weight = Math.exp(-beta * (dr * dr + dg * dg + db * db) - ((i - u) ** 2 + (j - v) ** 2) / 2);
        sum += mask[q] ? weight : -weight;
      }
    }
    return sum > 0 ? 1 : 0;
  }
}

/** 1 / (2⟨‖I_q − I_r‖²⟩) over neighbours in rows and columns; 0 for a picture of one colour. */
function steepness({ data, width, height }: Colours): number {
  let [sum, count] = [0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = 3 * (y * width + x);
      for (const next of [x + 1 < width ? at + 3 : -1, y + 1 < height ? at + 3 * width : -1]) {
        if (next < 0) continue;
        sum += (data[at]! - data[next]!) ** 2 + (data[at + 1]! - data[next + 1]!) ** 2;
        sum += (data[at + 2]! - data[next + 2]!) ** 2;
        count++;
      }
    }
  }
  return sum > 0 ? count / (2 * sum) : 0;
}

/** 1 where a pixel within {@link REACH} rows and columns has the other label. */
function nearEdges(mask: Uint8Array, { width, height }: Colours): Uint8Array {
  const near = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = y * width + x;
      const isEdge = (x + 1 < width && mask[at] !== mask[at + 1]) || (y + 1 < height && mask[at] !== mask[at + width]);
      if (!isEdge) continue;
      for (let j = Math.max(0, y - REACH + 1); j <= Math.min(height - 1, y + REACH); j++)
        near.fill(1, j * width + Math.max(0, x - REACH + 1), j * width + Math.min(width - 1, x + REACH) + 1);
    }
  }
  return near;
}

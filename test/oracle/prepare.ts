/**
 * Pictures as a network takes them, by the definition and in float64: what the rule takes of the picture, laid on
 * white, resized separably by a triangle filter that is as wide as the reduction (Pillow's BILINEAR), put in order,
 * scaled and normalised.
 */
import type { InputSpec } from '../../src/graph';

export interface Picture {
  /** RGBA in bytes. */
  readonly data: ArrayLike<number>;
  readonly width: number;
  readonly height: number;
}

/** `[C, H, W]` */
export function preparedBy(spec: InputSpec, picture: Picture): Float64Array {
  const { width: W, height: H, channels, order, scale, mean, std } = spec;
  const fit = Math.min(W / picture.width, H / picture.height);
  const fill = Math.max(W / picture.width, H / picture.height);
  // extents of what is taken, in pixels of the picture, and of what it becomes
  const [takenW, takenH] = spec.resize === 'crop' ? [W / fill, H / fill] : [picture.width, picture.height];
  const [wide, high] =
    spec.resize === 'pad'
      ? [Math.max(1, Math.round(picture.width * fit)), Math.max(1, Math.round(picture.height * fit))]
      : [W, H];
  const columns = taps((picture.width - takenW) / 2, takenW, wide, picture.width);
  const rows = taps((picture.height - takenH) / 2, takenH, high, picture.height);
  const [left, top] = [Math.floor((W - wide) / 2), Math.floor((H - high) / 2)];

  const onWhite = (x: number, y: number, c: number): number => {
    const [value, alpha] = [
      picture.data[(y * picture.width + x) * 4 + c]!,
      picture.data[(y * picture.width + x) * 4 + 3]! / 255,
    ];
    return value * alpha + 255 * (1 - alpha);
  };
  const prepared = new Float64Array(channels * H * W);
  for (let h = 0; h < high; h++) {
    for (let w = 0; w < wide; w++) {
      const rgb = [0, 1, 2].map((c) => {
        let sum = 0;
        for (const [y, down] of rows[h]!)
          for (const [x, across] of columns[w]!) sum += down * across * onWhite(x, y, c);
        return sum;
      });
      const colours =
        channels === 1 ? [0.299 * rgb[0]! + 0.587 * rgb[1]! + 0.114 * rgb[2]!] : order === 'BGR' ? rgb.reverse() : rgb;
      colours.forEach((value, c) => {
        prepared[(c * H + top + h) * W + left + w] = (value * scale - mean[c]!) / std[c]!;
      });
    }
  }
  return prepared;
}

/** For each of `length` pixels the pixels it is made of, and their shares. */
function taps(begin: number, size: number, length: number, extent: number): (readonly [at: number, share: number])[][] {
  const step = size / length;
  const reach = Math.max(step, 1);
  return Array.from({ length }, (_, i) => {
    const centre = begin + (i + 0.5) * step;
    const weights = Array.from(
      { length: extent },
      (_, at) =>
        [
          at,
          at + 1 <= Math.floor(begin) || at >= Math.ceil(begin + size)
            ? 0
            : Math.max(0, 1 - Math.abs(at + 0.5 - centre) / reach),
        ] as const,
    );
    const total = weights.reduce((sum, [, weight]) => sum + weight, 0);
    return weights.filter(([, weight]) => weight > 0).map(([at, weight]) => [at, weight / total]);
  });
}

/** GridSample by a constant grid: each pixel is a sum of pixels of the input, times numbers that the grid says. */
import { unsupported, type Call, type Named, type Operators, type Translation } from './call';
import { formatError } from '../checks';
import { spreadConstant, sum } from './arithmetic';
import { encode } from './fold/numbers';
import { take } from './taking';
import { readFloats } from './tensors';
import { printShape, valueOf } from './value';

export const gridSampling: Operators = {
  GridSample: { attributes: ['align_corners', 'mode', 'padding_mode'], inputs: [2, 2], translate: gridSample },
};

/** The pixels that one of the result is made of, along one axis: places, −1 for none, and their shares. */
interface Shares {
  readonly places: readonly number[];
  readonly shares: readonly number[];
}

type Along = (at: number, extent: number) => Shares;

function gridSample(call: Call): Translation {
  const { shape } = call.value();
  const grid = readFloats(call.needConstant(1)); // what is computed, sampling.ts makes a matrix of
  const [N = 1, C = 1, H = 1, W = 1] = shape;
  const [items, P = 1, Q = 1, pair] = grid.shape;
  if (shape.length !== 4 || grid.shape.length !== 4 || pair !== 2 || items !== N)
    throw formatError(`${call.where}: its grid is [${grid.shape}], its input ${printShape(shape)}`);
  if (N !== 1 || call.fixesBatch) throw unsupported('it samples several items', 'one grid for every item');
  const along = alongOf(call);
  const columns: Shares[] = [];
  const rows: Shares[] = [];
  for (let i = 0; i < P * Q; i++) {
    columns.push(along(grid.data[2 * i]!, W));
    rows.push(along(grid.data[2 * i + 1]!, H));
  }
  const result = [1, C, P, Q];
  const value = valueOf(result);
  const terms = (columns[0]?.places ?? []).flatMap((_, column) =>
    (rows[0]?.places ?? []).map((__, row): Named => {
      const role = `pixels ${row}, ${column}`;
      const indices = Array.from({ length: C * P * Q }, (___, i) => {
        const [c, at] = [Math.floor(i / (P * Q)), i % (P * Q)];
        const [y, x] = [rows[at]!.places[row]!, columns[at]!.places[column]!];
        return y < 0 || x < 0 ? -1 : (c * H + y) * W + x;
      });
      const share = rows.map(({ shares }, at) => shares[row]! * columns[at]!.shares[column]!);
      const constant = {
        name: `${call.name}/shares ${row}, ${column}`,
        tensor: encode({ shape: [1, 1, P, Q], data: share, isWhole: false }),
      };
      const taken = call.emit(take(call, call.inputs[0]!, { indices, shape: result, role }));
      return [call.emit({ op: 'affine', inputs: [taken], scale: spreadConstant(call, constant, value) }), value];
    }),
  );
  return sum(call, terms);
}

/** Where −1 … 1 lies among the pixels, and which of them it takes. */
function alongOf(call: Call): Along {
  const corners = call.int('align_corners', 0) !== 0;
  const mode = call.choice('mode', 'linear', {
    linear: 'linear',
    bilinear: 'linear',
    cubic: 'cubic',
    bicubic: 'cubic',
    nearest: 'nearest',
  } as const);
  const padding = call.choice('padding_mode', 'zeros', { zeros: 0, border: 1, reflection: 2 });
  return (at, extent) => {
    const whole = corners ? ((at + 1) / 2) * (extent - 1) : ((at + 1) * extent - 1) / 2;
    // else what is outside is told at each pixel
    const moves = mode === 'linear' || (mode === 'nearest' && padding === 2);
    const place = moves ? inside(whole, extent, { corners, padding }) : whole;
    const first = mode === 'nearest' ? toEven(place) : Math.floor(place) - (mode === 'cubic' ? 1 : 0);
    const away = place - first;
    const shares = mode === 'nearest' ? [1] : mode === 'linear' ? [1 - away, away] : cubicShares(away - 1);
    const places = shares.map((_, k) => {
      const index = first + k;
      if (padding === 0) return index >= 0 && index < extent ? index : -1;
      return mode === 'cubic' && padding === 2
        ? inside(index, extent, { corners, padding })
        : Math.max(0, Math.min(extent - 1, index));
    });
    return { places, shares };
  };
}

/** Of the four pixels round a place, which lies this far behind the second of them. */
function cubicShares(t: number): readonly number[] {
  const a = -0.75;
  const near = (d: number): number => ((a + 2) * d - (a + 3)) * d * d + 1;
  const far = (d: number): number => ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
  return [far(t + 1), near(t), near(1 - t), far(2 - t)];
}

/** A place outside, clamped to the border or reflected at it. */
function inside(
  place: number,
  extent: number,
  { corners, padding }: { readonly corners: boolean; readonly padding: number },
): number {
  if (padding === 1) return Math.max(0, Math.min(extent - 1, place));
  if (padding === 0) return place;
  const [low, high] = corners ? [0, extent - 1] : [-0.5, extent - 0.5];
  const span = high - low;
  if (span === 0) return 0;
  const beyond = Math.abs(place - low) % (2 * span);
  return Math.max(0, Math.min(extent - 1, low + Math.min(beyond, 2 * span - beyond)));
}

/** The nearest whole number, the even one of two. */
function toEven(x: number): number {
  return Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x);
}

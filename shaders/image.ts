/**
 * The two ends of the engine: NCHW float32 outside, blocks of four channels inside. With STRIDE > 1 the way in also
 * turns space into depth (each STRIDE×STRIDE cell of the padded image becomes channels), so that a strided first
 * convolution runs as one of stride 1, and its input gradient too, without scattering and without multiplying zeros.
 */
import { type Kernel, eachPixel, kernel } from './kernel';
import { ANY_PRECISION, reads, writes } from './tensor';
import { wgsl } from './wgsl';

export interface ImageDims {
  readonly N: number;
  readonly C: number;
  /** Extents of the image. */
  readonly H: number;
  readonly W: number;
  readonly STRIDE_Y: number;
  readonly STRIDE_X: number;
  readonly PAD_TOP: number;
  readonly PAD_LEFT: number;
  /** Extents inside: `DEPTH = C·STRIDE_Y·STRIDE_X` channels in `BLOCKS` blocks, `P×Q` cells. */
  readonly DEPTH: number;
  readonly BLOCKS: number;
  readonly P: number;
  readonly Q: number;
}

/**
 * y[n, (c·STRIDE_Y + i)·STRIDE_X + j, p, q] = image[n, c, p·STRIDE_Y + i − PAD_TOP, q·STRIDE_X + j − PAD_LEFT], zero
 * outside.
 */
export function imageForward(d: ImageDims): Kernel {
  return kernel({
    name: 'imageForward',
    dims: { ...d },
    tensors: [reads('x', 'N C H W', { element: 'f32' }), writes('y', 'N DEPTH/4 P Q', ANY_PRECISION)],
    each: eachPixel({ p: 'P', q: 'Q' }),
    body: wgsl`
var cell = vec4f();
for (var lane = 0u; lane < 4u; lane++) {
  let k = b * 4u + lane;
  let c = k / (d.STRIDE_Y * d.STRIDE_X);
  let h = p * d.STRIDE_Y + k / d.STRIDE_X % d.STRIDE_Y - d.PAD_TOP;
  let w = q * d.STRIDE_X + k % d.STRIDE_X - d.PAD_LEFT;
  if (k < d.DEPTH && h < d.H && w < d.W) { cell[lane] = load_x(n, c, h, w); }
}
store_y(n, b, p, q, cell);`,
  });
}

/** The way back: every pixel of the image has one place inside, or none if no window reaches it. */
export function imageBackward(d: ImageDims): Kernel {
  return kernel({
    name: 'imageBackward',
    dims: { ...d },
    tensors: [reads('dY', 'N DEPTH/4 P Q'), writes('dX', 'N C H W', { element: 'f32' })],
    each: { x: { h: 'H', w: 'W' }, y: { c: 'C' }, z: { n: 'N' } },
    body: wgsl`
let y = h + d.PAD_TOP;
let x = w + d.PAD_LEFT;
let p = y / d.STRIDE_Y;
let q = x / d.STRIDE_X;
let k = (c * d.STRIDE_Y + y % d.STRIDE_Y) * d.STRIDE_X + x % d.STRIDE_X;
var gradient = 0.0;
if (p < d.P && q < d.Q) { gradient = load_dY(n, k / 4u, p, q)[k % 4u]; }
store_dX(n, c, h, w, gradient);`,
  });
}

/**
 * The two ends of the engine: NCHW float32 outside, blocks of four channels inside. With STRIDE > 1 the way in also
 * turns space into depth (each STRIDE×STRIDE cell of the padded image becomes channels), so that a strided first
 * convolution runs as one of stride 1, and its input gradient too, without scattering and without multiplying zeros.
 */
import { type Kernel, grid, uniform } from './kernel';
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
  return {
    name: 'imageForward',
    dims: { ...d },
    flops: 0,
    workgroups: grid(d.P * d.Q, d.BLOCKS, d.N),
    code: wgsl`
${uniform({ ...d })}
@group(0) @binding(1) var<storage, read> x: array<f32>;         // [N, C, H, W]
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>; // [N, DEPTH/4, P, Q]

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.P * d.Q) { return; }
  let p = id.x / d.Q;
  let q = id.x % d.Q;
  var cell = vec4f();
  for (var lane = 0u; lane < 4u; lane++) {
    let k = id.y * 4u + lane;
    let c = k / (d.STRIDE_Y * d.STRIDE_X);
    let h = p * d.STRIDE_Y + k / d.STRIDE_X % d.STRIDE_Y - d.PAD_TOP;
    let w = q * d.STRIDE_X + k % d.STRIDE_X - d.PAD_LEFT;
    if (k < d.DEPTH && h < d.H && w < d.W) { cell[lane] = x[((id.z * d.C + c) * d.H + h) * d.W + w]; }
  }
  y[((id.z * d.BLOCKS + id.y) * d.P + p) * d.Q + q] = cell;
}`,
  };
}

/** The way back: every pixel of the image has one place inside, or none if no window reaches it. */
export function imageBackward(d: ImageDims): Kernel {
  return {
    name: 'imageBackward',
    dims: { ...d },
    flops: 0,
    workgroups: grid(d.H * d.W, d.C, d.N),
    code: wgsl`
${uniform({ ...d })}
@group(0) @binding(1) var<storage, read> dY: array<vec4f>;     // [N, DEPTH/4, P, Q]
@group(0) @binding(2) var<storage, read_write> dX: array<f32>; // [N, C, H, W]

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.H * d.W) { return; }
  let y = id.x / d.W + d.PAD_TOP;
  let x = id.x % d.W + d.PAD_LEFT;
  let p = y / d.STRIDE_Y;
  let q = x / d.STRIDE_X;
  let k = (id.y * d.STRIDE_Y + y % d.STRIDE_Y) * d.STRIDE_X + x % d.STRIDE_X;
  var gradient = 0.0;
  if (p < d.P && q < d.Q) { gradient = dY[((id.z * d.BLOCKS + k / 4u) * d.P + p) * d.Q + q][k % 4u]; }
  dX[(id.z * d.C + id.y) * d.H * d.W + id.x] = gradient;
}`,
  };
}

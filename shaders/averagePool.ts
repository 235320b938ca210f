/** Average pooling, both directions; global average pooling is the window of the whole plane. */
import { type BackwardEpilogue, epilogueDims, giveFunction } from './epilogue';
import { type Kernel, grid, uniform } from './kernel';
import type { PoolDims } from './maxPool';
import { wgsl } from './wgsl';

/**
 * `COUNT_PADDING` 1: a window divides by all its taps within the padded input, whose extents are `PADDED_H × PADDED_W`.
 */
export interface AveragePoolDims extends PoolDims {
  readonly PADDED_H: number;
  readonly PADDED_W: number;
  readonly COUNT_PADDING: 0 | 1;
}

// Taps of a window of output p that lie in the input, or in the padded input.
const COUNT = `
fn count(p: u32, taps: u32, stride: u32, pad: u32, dilation: u32, extent: u32, padded: u32) -> u32 {
  var sum = 0u;
  for (var r = 0u; r < taps; r++) {
    let y = p * stride + r * dilation;
    sum += select(u32(y - pad < extent), u32(y < padded), d.COUNT_PADDING == 1u);
  }
  return sum;
}
fn share(p: u32, q: u32) -> f32 {
  return 1.0 / f32(count(p, d.R, d.STRIDE_Y, d.PAD_TOP, d.DILATION_Y, d.H, d.PADDED_H) * count(q, d.S, d.STRIDE_X, d.PAD_LEFT, d.DILATION_X, d.W, d.PADDED_W));
}`;

/** y[n,c,p,q] = Σ_{taps inside} x / count(p,q). One invocation owns one pixel × four channels. */
export function averagePoolForward(d: AveragePoolDims): Kernel {
  return {
    name: 'averagePoolForward',
    dims: { ...d },
    flops: 0,
    workgroups: grid(d.P * d.Q, d.BLOCKS, d.N),
    code: wgsl`
${uniform({ ...d })}
@group(0) @binding(1) var<storage, read> x: array<vec4f>;       // [N, C/4, H, W]
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>; // [N, C/4, P, Q]
${COUNT}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.P * d.Q) { return; }
  let p = id.x / d.Q;
  let q = id.x % d.Q;
  let plane = (id.z * d.X_BLOCKS + d.X_BLOCK + id.y) * d.H;
  var sum = vec4f();
  for (var r = 0u; r < d.R; r++) {
    let h = p * d.STRIDE_Y + r * d.DILATION_Y - d.PAD_TOP;
    if (h >= d.H) { continue; }
    var row = vec4f(); // rows first: shorter sums round less
    for (var s = 0u; s < d.S; s++) {
      let w = q * d.STRIDE_X + s * d.DILATION_X - d.PAD_LEFT;
      if (w < d.W) { row += x[(plane + h) * d.W + w]; }
    }
    sum += row;
  }
  y[((id.z * d.Y_BLOCKS + d.Y_BLOCK + id.y) * d.P + p) * d.Q + q] = sum * share(p, q);
}`,
  };
}

/** dX[n,c,h,w] = Σ_{windows (p,q) that cover (h,w)} dY[n,c,p,q] / count(p,q) */
export function averagePoolBackward(d: AveragePoolDims, epilogue: BackwardEpilogue): Kernel {
  const dims = { ...d, ...epilogueDims(epilogue) };
  return {
    name: 'averagePoolBackward',
    dims,
    flops: 0,
    workgroups: grid(d.H * d.W, d.BLOCKS, d.N),
    code: wgsl`
${uniform(dims)}
@group(0) @binding(1) var<storage, read> dY: array<vec4f>;       // [N, C/4, P, Q]
${giveFunction(2, epilogue)}
${COUNT}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.H * d.W) { return; }
  let h = id.x / d.W;
  let w = id.x % d.W;
  let gradient = (id.z * d.Y_BLOCKS + d.Y_BLOCK + id.y) * d.P;
  var sum = vec4f();
  for (var r = 0u; r < d.R; r++) {
    let y = i32(h + d.PAD_TOP) - i32(r * d.DILATION_Y);
    let p = u32(y / i32(d.STRIDE_Y));
    if (y < 0 || y % i32(d.STRIDE_Y) != 0 || p >= d.P) { continue; }
    for (var s = 0u; s < d.S; s++) {
      let x = i32(w + d.PAD_LEFT) - i32(s * d.DILATION_X);
      let q = u32(x / i32(d.STRIDE_X));
      if (x < 0 || x % i32(d.STRIDE_X) != 0 || q >= d.Q) { continue; }
      sum += dY[(gradient + p) * d.Q + q] * share(p, q);
    }
  }
  give(id.z * d.X_BLOCKS + d.X_BLOCK + id.y, h, w, sum);
}`,
  };
}

/**
 * Depthwise convolution: every channel has a filter of its own, so a block of four channels is multiplied lane by lane,
 * and nothing is summed over channels. Weights are `[C/4, R, S]` of `vec4f`.
 */
import { type BackwardEpilogue, epilogueDims, giveFunction } from '../epilogue';
import { type Kernel, STRIP, grid, lines, uniform } from '../kernel';
import { wgsl } from '../wgsl';
import type { Finish } from './finish';
import type { ConvDims } from './shape';

/** Wider rows of taps stay a loop, as in the direct family. */
const MOST_TAPS = 5;

const flopsOf = (d: ConvDims): number => 2 * d.N * d.P * d.Q * d.R * d.S * d.GROUPS * 4;

/**
 *   y[n,c,p,q] = Σ_{r,s} weight[c,r,s] · x[n, c, p·STRIDE + r·DILATION − PAD, q·STRIDE + s·DILATION − PAD]
 *
 * One invocation owns one unit of eight pixels of one block, in registers `a<pixel>`. Rows and columns in the padding
 * wrap past zero and so fail `h < H`. With stride and dilation 1 along x a row of taps is unrolled, and shares its
 * inputs. Each block is a group.
 *
 * Bindings: x weight, then those of `finish`.
 */
export function convDepthwise(name: string, d: ConvDims, finish: Finish): Kernel {
  const { rows, columns } = finish.unit;
  const unrolled = d.STRIDE_X === 1 && d.DILATION_X === 1 && d.S <= MOST_TAPS;
  const dims = { ...d, UNITS: Math.ceil(d.Q / columns), ...finish.dims };
  const pixels = (snippet: (j: number, row: number, column: number) => string): string =>
    lines(STRIP, (j) => snippet(j, Math.floor(j / columns), j % columns));
  const load = (row: number, w: string): string =>
    `select(vec4f(), x[row${row} + min(${w}, d.W - 1u)], h${row} < d.H && ${w} < d.W)`;
  return {
    name,
    dims,
    flops: flopsOf(d),
    workgroups: grid(dims.UNITS * Math.ceil(d.P / rows), d.GROUPS, d.N),
    code: wgsl`
${uniform(dims)}
@group(0) @binding(1) var<storage, read> x: array<vec4f>;       // [N, C/4, H, W]
@group(0) @binding(2) var<storage, read> weight: array<vec4f>;  // [C/4, R, S]
${finish.code}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let p = id.x / d.UNITS * ${rows}u;
  let q = id.x % d.UNITS * ${columns}u;
  if (p >= d.P) { return; }
  let input = (id.z * d.X_BLOCKS + d.X_BLOCK + id.y) * d.H;
${pixels((j) => `  var a${j} = vec4f();`)}

  for (var r = 0u; r < d.R; r++) {
    let tap = (id.y * d.R + r) * d.S;
${lines(
  rows,
  (row) => `    let h${row} = (p + ${row}u) * d.STRIDE_Y + r * d.DILATION_Y - d.PAD_TOP;
    let row${row} = (input + min(h${row}, d.H - 1u)) * d.W;`,
)}
#if ${unrolled}
    let w = q - d.PAD_LEFT;
${lines(rows, (row) => lines(columns + d.S - 1, (k) => `    let x${row}_${k} = ${load(row, `(w + ${k}u)`)};`))}
${lines(
  d.S,
  (s) => `    let k${s} = weight[tap + ${s}u];
${pixels((j, row, column) => `    a${j} += x${row}_${column + s} * k${s};`)}`,
)}
#else
    for (var s = 0u; s < d.S; s++) {
      let w = q * d.STRIDE_X + s * d.DILATION_X - d.PAD_LEFT;
      let k = weight[tap + s];
${pixels((j, row, column) => `      a${j} += ${load(row, `(w + ${column}u * d.STRIDE_X)`)} * k;`)}
    }
#endif
  }

  var sums = array<vec4f, 8>(${Array.from({ length: STRIP }, (_, j) => `a${j}`).join(', ')});
  finish(id.z, id.y, p, q, &sums);
}`,
  };
}

/**
 *   dX[n,c,h,w] = Σ_{r,s} weight[c,r,s] · dY[n, c, (h + PAD − r·DILATION)/STRIDE, (w + PAD − s·DILATION)/STRIDE]
 *
 * over the taps for which these are outputs. One invocation owns one pixel × four channels. `d` is the forward
 * convolution's.
 */
export function convDepthwiseBackwardStrided(d: ConvDims, epilogue: BackwardEpilogue): Kernel {
  const dims = { ...d, ...epilogueDims(epilogue) };
  return {
    name: 'convDepthwiseBackwardStrided',
    dims,
    flops: flopsOf(d),
    workgroups: grid(d.H * d.W, d.GROUPS, d.N),
    code: wgsl`
${uniform(dims)}
@group(0) @binding(1) var<storage, read> dY: array<vec4f>;       // [N, C/4, P, Q]
@group(0) @binding(2) var<storage, read> weight: array<vec4f>;   // [C/4, R, S]
${giveFunction(3, epilogue)}

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
      sum += dY[(gradient + p) * d.Q + q] * weight[(id.y * d.R + r) * d.S + s];
    }
  }
  give(id.z * d.X_BLOCKS + d.X_BLOCK + id.y, h, w, sum);
}`,
  };
}

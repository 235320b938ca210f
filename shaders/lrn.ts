/**
 * Local response normalization across channels (Krizhevsky et al. 2012, §3.3).
 *
 *   y[c] = x[c] · s[c]^−β,  s[c] = k + α/size · Σ_{c′ = c−BELOW}^{c+ABOVE} x[c′]²
 *
 * The way back reads x and s again. For each c′ whose window holds c:
 *
 *   dX[c] = dY[c] · s[c]^−β − 2αβ/size · x[c] · Σ_{c′ = c−ABOVE}^{c+BELOW} dY[c′] · x[c′] · s[c′]^(−β−1)
 */
import { type BackwardEpilogue, epilogueDims, giveFunction } from './epilogue';
import { type Kernel, grid, uniform } from './kernel';
import { wgsl } from './wgsl';

export interface LrnDims {
  readonly N: number;
  readonly C: number;
  readonly H: number;
  readonly W: number;
  readonly BLOCKS: number;
  /** Channels of the window before and after its own. */
  readonly BELOW: number;
  readonly ABOVE: number;
  /** As the bits of f32s: α/size, β, k. */
  readonly SHARE: number;
  readonly BETA: number;
  readonly K: number;
  readonly X_BLOCK: number;
  readonly X_BLOCKS: number;
  readonly Y_BLOCK: number;
  readonly Y_BLOCKS: number;
}

/**
 * One invocation owns one pixel × four channels. It also writes s, `scales`, for the way back; in lanes past C that is
 * 1.
 */
export function lrnForward(d: LrnDims): Kernel {
  return {
    name: 'lrnForward',
    dims: { ...d },
    flops: 0,
    workgroups: grid(d.H * d.W, d.BLOCKS, d.N),
    code: wgsl`
${uniform({ ...d })}
@group(0) @binding(1) var<storage, read> x: array<vec4f>;             // [N, C/4, H, W]
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;       // [N, C/4, H, W]
@group(0) @binding(3) var<storage, read_write> scales: array<vec4f>;  // [N, C/4, H, W]

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let plane = d.H * d.W;
  if (id.x >= plane) { return; }
  let first = id.z * d.X_BLOCKS + d.X_BLOCK;
  let channel = vec4u(id.y * 4u) + vec4u(0u, 1u, 2u, 3u);
  let begin = max(id.y * 4u, d.BELOW) - d.BELOW;
  let end = min(id.y * 4u + 4u + d.ABOVE, d.C);
  var squares = vec4f();
  for (var c = begin; c < end; c++) {
    let value = x[(first + c / 4u) * plane + id.x][c % 4u];
    let inside = (vec4u(c + d.BELOW) >= channel) & (vec4u(c) <= channel + vec4u(d.ABOVE));
    squares += select(vec4f(), vec4f(value * value), inside);
  }
  let scale = select(vec4f(1.0), bitcast<f32>(d.K) + bitcast<f32>(d.SHARE) * squares, channel < vec4u(d.C));
  scales[(id.z * d.BLOCKS + id.y) * plane + id.x] = scale;
  y[(id.z * d.Y_BLOCKS + d.Y_BLOCK + id.y) * plane + id.x] = x[(first + id.y) * plane + id.x] * pow(scale, vec4f(-bitcast<f32>(d.BETA)));
}`,
  };
}

/** `X_…` of `d` is the place of x, `dX` that of dX. One invocation owns one pixel × four channels of dX. */
export function lrnBackward(
  d: LrnDims,
  dX: { readonly block: number; readonly blocks: number },
  epilogue: BackwardEpilogue,
): Kernel {
  const dims = { ...d, DX_BLOCK: dX.block, DX_BLOCKS: dX.blocks, ...epilogueDims(epilogue) };
  return {
    name: 'lrnBackward',
    dims,
    flops: 0,
    workgroups: grid(d.H * d.W, d.BLOCKS, d.N),
    code: wgsl`
${uniform(dims)}
@group(0) @binding(1) var<storage, read> dY: array<vec4f>;            // [N, C/4, H, W]
@group(0) @binding(2) var<storage, read> x: array<vec4f>;             // [N, C/4, H, W]
${giveFunction(3, epilogue)}
@group(0) @binding(6) var<storage, read> scales: array<vec4f>;        // [N, C/4, H, W]

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let plane = d.H * d.W;
  if (id.x >= plane) { return; }
  let firstX = id.z * d.X_BLOCKS + d.X_BLOCK;
  let firstY = id.z * d.Y_BLOCKS + d.Y_BLOCK;
  let beta = bitcast<f32>(d.BETA);
  let channel = vec4u(id.y * 4u) + vec4u(0u, 1u, 2u, 3u);
  let begin = max(id.y * 4u, d.ABOVE) - d.ABOVE;
  let end = min(id.y * 4u + 4u + d.BELOW, d.C);
  var sum = vec4f();
  for (var c = begin; c < end; c++) {
    let lane = c % 4u;
    let scale = scales[(id.z * d.BLOCKS + c / 4u) * plane + id.x][lane];
    let term = dY[(firstY + c / 4u) * plane + id.x][lane] * x[(firstX + c / 4u) * plane + id.x][lane] * pow(scale, -beta - 1.0);
    let holds = (vec4u(c + d.ABOVE) >= channel) & (vec4u(c) <= channel + vec4u(d.BELOW));
    sum += select(vec4f(), vec4f(term), holds);
  }
  let own = dY[(firstY + id.y) * plane + id.x] * pow(scales[(id.z * d.BLOCKS + id.y) * plane + id.x], vec4f(-beta));
  let value = own - 2.0 * beta * bitcast<f32>(d.SHARE) * x[(firstX + id.y) * plane + id.x] * sum;
  give(id.z * d.DX_BLOCKS + d.DX_BLOCK + id.y, id.x / d.W, id.x % d.W, value);
}`,
  };
}

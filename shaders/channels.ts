/** Moving elements: concatenation that cannot be a view, and reshaping that nothing absorbs. */
import { type BackwardEpilogue, epilogueDims, giveFunction } from './epilogue';
import { type Kernel, blocksOf, grid, lines, uniform } from './kernel';
import { wgsl } from './wgsl';

export interface ChannelDims {
  readonly N: number;
  readonly H: number;
  readonly W: number;
  /** Channels of the part, of the whole, and where in the whole the part begins. */
  readonly PART: number;
  readonly WHOLE: number;
  readonly OFFSET: number;
  readonly X_BLOCK: number;
  readonly X_BLOCKS: number;
  readonly Y_BLOCK: number;
  readonly Y_BLOCKS: number;
}

/**
 * y[n, OFFSET + c, h, w] = x[n, c, h, w]. An invocation owns the part's lanes of one block of the whole, and the empty
 * lanes at its end.
 */
export function concatForward(d: ChannelDims): Kernel {
  const first = Math.floor(d.OFFSET / 4);
  const dims = { ...d, FIRST: first };
  return {
    name: 'concatForward',
    dims,
    flops: 0,
    workgroups: grid(d.H * d.W, blocksOf(d.OFFSET + d.PART) - first, d.N),
    code: wgsl`
${uniform(dims)}
@group(0) @binding(1) var<storage, read> x: array<vec4f>;       // [N, PART/4, H, W]
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>; // [N, WHOLE/4, H, W]

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let plane = d.H * d.W;
  if (id.x >= plane) { return; }
  let block = d.FIRST + id.y;
  let place = (id.z * d.Y_BLOCKS + d.Y_BLOCK + block) * plane + id.x;
${lines(
  4,
  (lane) => `  {
    let c = block * 4u + ${lane}u - d.OFFSET;
    if (c < d.PART) {
      y[place][${lane}] = x[(id.z * d.X_BLOCKS + d.X_BLOCK + c / 4u) * plane + id.x][c % 4u];
    } else if (c + d.OFFSET >= d.WHOLE) {
      y[place][${lane}] = 0.0;
    }
  }`,
)}
}`,
  };
}

/** dX[n, c, h, w] = dY[n, OFFSET + c, h, w]; lanes past the part are zero. */
export function concatBackward(d: ChannelDims, epilogue: BackwardEpilogue): Kernel {
  const dims = { ...d, ...epilogueDims(epilogue) };
  return {
    name: 'concatBackward',
    dims,
    flops: 0,
    workgroups: grid(d.H * d.W, blocksOf(d.PART), d.N),
    code: wgsl`
${uniform(dims)}
@group(0) @binding(1) var<storage, read> dY: array<vec4f>;       // [N, WHOLE/4, H, W]
${giveFunction(2, epilogue)}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let plane = d.H * d.W;
  if (id.x >= plane) { return; }
  var value = vec4f();
${lines(
  4,
  (lane) => `  {
    let c = id.y * 4u + ${lane}u;
    if (c < d.PART) { value[${lane}] = dY[(id.z * d.Y_BLOCKS + d.Y_BLOCK + (c + d.OFFSET) / 4u) * plane + id.x][(c + d.OFFSET) % 4u]; }
  }`,
)}
  give(id.z * d.X_BLOCKS + d.X_BLOCK + id.y, id.x / d.W, id.x % d.W, value);
}`,
  };
}

/**
 * A tensor's elements in another order or under other extents: element (c, h, w) of the result is number `c·SC + h·SH +
 * w·SW` of the source, in C, H, W order.
 */
export interface RearrangeDims {
  readonly N: number;
  /** Extents of the result. */
  readonly C: number;
  readonly H: number;
  readonly W: number;
  readonly SC: number;
  readonly SH: number;
  readonly SW: number;
  /** Pixels in a plane of the source. */
  readonly PLANE: number;
  readonly X_BLOCK: number;
  readonly X_BLOCKS: number;
  readonly Y_BLOCK: number;
  readonly Y_BLOCKS: number;
}

/**
 *   y[n, c, h, w] = x[n, c·SC + h·SH + w·SW]
 *
 * One invocation owns one pixel × four channels; they are counted through all planes, since a flat result has only one
 * pixel in each. The way back is the inverse order, and differs in storing by `give`. Bindings: x y, or x dX [bits].
 */
export function rearrange(d: RearrangeDims, epilogue: BackwardEpilogue | null): Kernel {
  const dims = { ...d, BLOCKS: blocksOf(d.C), ...(epilogue ? epilogueDims(epilogue) : {}) };
  return {
    name: epilogue ? 'rearrangeBackward' : 'rearrangeForward',
    dims,
    flops: 0,
    workgroups: grid(dims.BLOCKS * d.H * d.W, 1, d.N),
    code: wgsl`
${uniform(dims)}
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
${epilogue ? giveFunction(2, epilogue) : '@group(0) @binding(2) var<storage, read_write> y: array<vec4f>; // [N, C/4, H, W]'}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let block = id.x / (d.H * d.W);
  if (block >= d.BLOCKS) { return; }
  let h = id.x / d.W % d.H;
  let w = id.x % d.W;
  let first = id.z * d.X_BLOCKS + d.X_BLOCK;
  var value = vec4f();
${lines(
  4,
  (lane) => `  {
    let c = block * 4u + ${lane}u;
    let source = c * d.SC + h * d.SH + w * d.SW;
    if (c < d.C) { value[${lane}] = x[(first + source / d.PLANE / 4u) * d.PLANE + source % d.PLANE][source / d.PLANE % 4u]; }
  }`,
)}
#if ${epilogue !== null}
  give(id.z * d.Y_BLOCKS + d.Y_BLOCK + block, h, w, value);
#else
  y[((id.z * d.Y_BLOCKS + d.Y_BLOCK + block) * d.H + h) * d.W + w] = value;
#endif
}`,
  };
}

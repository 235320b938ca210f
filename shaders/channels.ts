/** Moving channels: concatenation that cannot be a view, and flattening that no fully connected layer absorbs. */
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

const LANES = [0, 1, 2, 3] as const;

/** y[n, OFFSET + c, h, w] = x[n, c, h, w]. An invocation owns the part's lanes of one block of the whole, and the empty lanes at its end. */
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
${lines(4, (lane) => `  {
    let c = block * 4u + ${lane}u - d.OFFSET;
    if (c < d.PART) {
      y[place][${lane}] = x[(id.z * d.X_BLOCKS + d.X_BLOCK + c / 4u) * plane + id.x][c % 4u];
    } else if (c + d.OFFSET >= d.WHOLE) {
      y[place][${lane}] = 0.0;
    }
  }`)}
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
${lines(4, (lane) => `  {
    let c = id.y * 4u + ${lane}u;
    if (c < d.PART) { value[${lane}] = dY[(id.z * d.Y_BLOCKS + d.Y_BLOCK + (c + d.OFFSET) / 4u) * plane + id.x][(c + d.OFFSET) % 4u]; }
  }`)}
  give(id.z * d.X_BLOCKS + d.X_BLOCK + id.y, id.x / d.W, id.x % d.W, value);
}`,
  };
}

export interface FlattenDims {
  readonly N: number;
  readonly C: number;
  readonly H: number;
  readonly W: number;
  readonly X_BLOCK: number;
  readonly X_BLOCKS: number;
  readonly Y_BLOCK: number;
  readonly Y_BLOCKS: number;
}

/** y[n, (c·H + h)·W + w] = x[n, c, h, w] */
export function flattenForward(d: FlattenDims): Kernel {
  return {
    name: 'flattenForward',
    dims: { ...d },
    flops: 0,
    workgroups: grid(blocksOf(d.C * d.H * d.W), 1, d.N),
    code: wgsl`
${uniform({ ...d })}
@group(0) @binding(1) var<storage, read> x: array<vec4f>;       // [N, C/4, H, W]
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>; // [N, C·H·W/4]

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let plane = d.H * d.W;
  if (id.x * 4u >= d.C * plane) { return; }
  var value = vec4f();
${LANES.map((lane) => `  {
    let f = id.x * 4u + ${lane}u;
    let c = f / plane;
    if (c < d.C) { value[${lane}] = x[(id.z * d.X_BLOCKS + d.X_BLOCK + c / 4u) * plane + f % plane][c % 4u]; }
  }`).join('\n')}
  y[id.z * d.Y_BLOCKS + d.Y_BLOCK + id.x] = value;
}`,
  };
}

/** dX[n, c, h, w] = dY[n, (c·H + h)·W + w] */
export function flattenBackward(d: FlattenDims, epilogue: BackwardEpilogue): Kernel {
  const dims = { ...d, ...epilogueDims(epilogue) };
  return {
    name: 'flattenBackward',
    dims,
    flops: 0,
    workgroups: grid(d.H * d.W, blocksOf(d.C), d.N),
    code: wgsl`
${uniform(dims)}
@group(0) @binding(1) var<storage, read> dY: array<vec4f>;       // [N, C·H·W/4]
${giveFunction(2, epilogue)}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let plane = d.H * d.W;
  if (id.x >= plane) { return; }
  var value = vec4f();
${LANES.map((lane) => `  {
    let f = (id.y * 4u + ${lane}u) * plane + id.x;
    if (f < d.C * plane) { value[${lane}] = dY[id.z * d.Y_BLOCKS + d.Y_BLOCK + f / 4u][f % 4u]; }
  }`).join('\n')}
  give(id.z * d.X_BLOCKS + d.X_BLOCK + id.y, id.x / d.W, id.x % d.W, value);
}`,
  };
}

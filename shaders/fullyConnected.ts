/**
 * Fully connected layers. The weight is stored once, transposed: row i holds what input i gives to every output. Forward adds up
 * rows and passes over those whose input is zero (exact, and most inputs are, after a ReLU); backward takes one dot product per
 * row and passes over rows that the ReLU's bits will zero anyway. Rows come in chunks, since a binding may be no larger than
 * 128 MiB; each chunk is a slice of the sum.
 *
 * Inputs are counted as they are stored, in blocks: row `4·i + lane` with `i = (c/4)·H·W + h·W + w`.
 */
import { type BackwardEpilogue, RECTIFY, epilogueDims, giveFunction } from './epilogue';
import { type Kernel, blocksOf, grid, lines, uniform } from './kernel';
import { wgsl } from './wgsl';

export interface FullyConnectedDims {
  readonly N: number;
  /** Extents of the input plane. */
  readonly H: number;
  readonly W: number;
  /** Blocks of inputs (of four rows) and of outputs. */
  readonly IN: number;
  readonly OUT: number;
  readonly X_BLOCK: number;
  readonly X_BLOCKS: number;
  readonly Y_BLOCK: number;
  readonly Y_BLOCKS: number;
}

/** The part of the rows that one binding holds, cut into slices that are summed apart. All counted in blocks of four rows. */
export interface RowChunk {
  readonly FIRST: number;
  readonly ROWS: number;
  readonly SLICE: number;
  /** Index of the chunk's first slice, and the number of slices of all chunks. */
  readonly FIRST_SLICE: number;
  readonly SLICES: number;
}

/** Items of a batch that share one reading of the weights: up to eight. */
const itemsOf = (N: number): number => Math.ceil(N / Math.ceil(N / 8));

/** From so many items on hardly a row is zero, or masked, for all of them: looking would cost more than it saves. */
const DENSE = 4;

export interface FullyConnectedVariant {
  /**
   * Whether the four invocations of a quad share what they load of the items, each for an item or two of its own (needs the feature
   * `subgroups`). From {@link DENSE} items on; worth it where a load costs as much as many multiply-adds, as on software adapters.
   */
  readonly quads: boolean;
}

/** The items that one invocation computes: how their row `i` of an array is loaded. */
interface Tile {
  readonly items: number;
  readonly dense: boolean;
  readonly quads: boolean;
}

function tileOf(N: number, { quads }: FullyConnectedVariant): Tile {
  const items = itemsOf(N);
  return { items, dense: items >= DENSE, quads: quads && items >= DENSE };
}

const names = (stem: string, { items }: Tile): string => Array.from({ length: items }, (_, k) => `${stem}${k}`).join(', ');
const perItem = ({ items }: Tile, snippet: (k: number) => string): string => lines(items, snippet);

/** WGSL: `at0 at1 …`, where the items that this invocation loads begin; `place(n)` says where item `n` does. */
const itemPlaces = ({ items, quads }: Tile, place: (n: string) => string): string =>
  lines(quads ? Math.ceil(items / 4) : items, (t) => `  let at${t} = ${place(`min(first + ${quads ? `${4 * t}u + (lane & 3u)` : `${t}u`}, d.N - 1u)`)};`);

/** WGSL: `v0 v1 …`, element `i` of each item. */
const loadItems = ({ items, quads }: Tile, array: string, i: string): string =>
  quads
    ? `${lines(Math.ceil(items / 4), (t) => `    let mine${t} = ${array}[at${t} + ${i}];`)}
${lines(items, (k) => `    let v${k} = quadBroadcast(mine${k >> 2}, ${k & 3}u);`)}`
    : lines(items, (k) => `    let v${k} = ${array}[at${k} + ${i}];`);

/**
 *   y[n, o] = bias[o] + Σ_i weight[o, i] · x[n, i]
 *
 * An invocation owns four outputs of up to eight items, over one slice of rows. With a single slice it finishes them; otherwise it
 * writes `partial[slice, n, o]`, which {@link fullyConnectedSum} adds up in a fixed order.
 */
export function fullyConnectedForward(d: FullyConnectedDims, chunk: RowChunk, variant: FullyConnectedVariant, epilogue: { relu: boolean; bits: boolean }): Kernel {
  const tile = tileOf(d.N, variant);
  const single = chunk.SLICES === 1;
  const relu = single && epilogue.relu;
  const bits = single && epilogue.bits;
  const dims = { ...d, ...chunk };
  return {
    name: 'fullyConnectedForward',
    dims,
    flops: 2 * d.N * chunk.ROWS * d.OUT * 16,
    workgroups: grid(d.OUT, Math.ceil(chunk.ROWS / chunk.SLICE), Math.ceil(d.N / tile.items)),
    code: wgsl`
#if ${tile.quads}
enable subgroups;
#endif
${uniform(dims)}
@group(0) @binding(1) var<storage, read> x: array<vec4f>;       // [N, IN]
@group(0) @binding(2) var<storage, read> weight: array<vec4f>;  // [ROWS, 4, OUT]
#if ${single}
@group(0) @binding(3) var<storage, read> bias: array<vec4f>;    // [OUT]
@group(0) @binding(4) var<storage, read_write> y: array<vec4f>; // [N, OUT]
#else
@group(0) @binding(4) var<storage, read_write> partial: array<vec4f>; // [SLICES, N, OUT]
#endif
#if ${bits}
@group(0) @binding(5) var<storage, read_write> bits: array<u32>; // [N, OUT]
#endif
${relu ? RECTIFY : ''}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(workgroup_id) group: vec3u${tile.quads ? ', @builtin(subgroup_invocation_id) lane: u32' : ''}) {
  let o = min(id.x, d.OUT - 1u);
  let begin = group.y * d.SLICE;
  let end = min(begin + d.SLICE, d.ROWS);
  let first = group.z * ${tile.items}u;
${itemPlaces(tile, (n) => `(${n} * d.X_BLOCKS + d.X_BLOCK) * d.H * d.W + d.FIRST`)}
${perItem(tile, (k) => `  var sum${k} = vec4f();`)}
  for (var i = begin; i < end; i++) {
${loadItems(tile, 'x', 'i')}
#if ${!tile.dense}
    if (all((${Array.from({ length: tile.items }, (_, k) => `abs(v${k})`).join(' + ')}) == vec4f())) { continue; }
#endif
    let row = i * 4u * d.OUT + o;
    let rows = mat4x4f(weight[row], weight[row + d.OUT], weight[row + 2u * d.OUT], weight[row + 3u * d.OUT]);
${perItem(tile, (k) => `    sum${k} += rows * v${k};`)}
  }
  if (id.x >= d.OUT) { return; }
  var sums = array<vec4f, ${tile.items}>(${names('sum', tile)});
  let count = min(${tile.items}u, d.N - first);
  for (var k = 0u; k < count; k++) {
#if ${single}
    let place = (first + k) * d.Y_BLOCKS + d.Y_BLOCK + o;
    var value = sums[k] + bias[o];
#if ${relu}
    value = rectify(value);
#endif
#if ${bits}
    bits[place] = signs(value);
#endif
    y[place] = value;
#else
    partial[((d.FIRST_SLICE + group.y) * d.N + first + k) * d.OUT + o] = sums[k];
#endif
  }
}`,
  };
}

/** Adds up the slices, in order, then bias and ReLU. */
export function fullyConnectedSum(d: FullyConnectedDims, slices: number, { relu, bits }: { relu: boolean; bits: boolean }): Kernel {
  const dims = { N: d.N, OUT: d.OUT, Y_BLOCK: d.Y_BLOCK, Y_BLOCKS: d.Y_BLOCKS, SLICES: slices };
  return {
    name: 'fullyConnectedSum',
    dims,
    flops: 0,
    workgroups: grid(d.OUT, d.N, 1),
    code: wgsl`
${uniform(dims)}
@group(0) @binding(1) var<storage, read> partial: array<vec4f>; // [SLICES, N, OUT]
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;    // [OUT]
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>; // [N, OUT]
#if ${bits}
@group(0) @binding(4) var<storage, read_write> bits: array<u32>; // [N, OUT]
#endif
${relu ? RECTIFY : ''}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.OUT) { return; }
  var value = vec4f();
  for (var slice = 0u; slice < d.SLICES; slice++) { value += partial[(slice * d.N + id.y) * d.OUT + id.x]; }
  value += bias[id.x];
  let place = id.y * d.Y_BLOCKS + d.Y_BLOCK + id.x;
#if ${relu}
  value = rectify(value);
#endif
#if ${bits}
  bits[place] = signs(value);
#endif
  y[place] = value;
}`,
  };
}

/**
 *   dX[n, i] = Σ_o weight[o, i] · dY[n, o]
 *
 * An invocation owns four inputs (one block of one pixel) of up to eight items. With a few items it reads no weights where the
 * epilogue will store zeros anyway (dead ReLUs, dead pooling windows).
 */
export function fullyConnectedBackward(d: FullyConnectedDims, chunk: Pick<RowChunk, 'FIRST' | 'ROWS'>, variant: FullyConnectedVariant, epilogue: BackwardEpilogue): Kernel {
  const tile = tileOf(d.N, variant);
  const dims = { ...d, FIRST: chunk.FIRST, ROWS: chunk.ROWS, ...epilogueDims(epilogue) };
  return {
    name: 'fullyConnectedBackward',
    dims,
    flops: 2 * d.N * chunk.ROWS * d.OUT * 16,
    workgroups: grid(chunk.ROWS, Math.ceil(d.N / tile.items), 1),
    code: wgsl`
#if ${tile.quads}
enable subgroups;
#endif
${uniform(dims)}
@group(0) @binding(1) var<storage, read> dY: array<vec4f>;       // [N, OUT]
@group(0) @binding(2) var<storage, read> weight: array<vec4f>;   // [ROWS, 4, OUT]
${giveFunction(3, epilogue)}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(workgroup_id) group: vec3u${tile.quads ? ', @builtin(subgroup_invocation_id) lane: u32' : ''}) {
  let offset = min(id.x, d.ROWS - 1u);
  let i = d.FIRST + offset;
  let pixel = i % (d.H * d.W);
  let h = pixel / d.W;
  let w = pixel % d.W;
  let block = d.X_BLOCK + i / (d.H * d.W);
  let first = group.y * ${tile.items}u;
${itemPlaces(tile, (n) => `${n} * d.Y_BLOCKS + d.Y_BLOCK`)}
${perItem(tile, (k) => (tile.dense ? `  var sum${k} = vec4f();` : `  var a${k} = vec4f(); var b${k} = vec4f(); var c${k} = vec4f(); var e${k} = vec4f();`))}

#if ${tile.dense}
  let outputs = d.OUT;
#else
  let idle = ${Array.from({ length: tile.items }, (_, k) => `closed(min(first + ${k}u, d.N - 1u) * d.X_BLOCKS + block, h, w)`).join(' && ')};
  let outputs = select(d.OUT, 0u, idle);
#endif
  let row = offset * 4u * d.OUT;
  for (var o = 0u; o < outputs; o++) {
    let w0 = weight[row + o];
    let w1 = weight[row + d.OUT + o];
    let w2 = weight[row + 2u * d.OUT + o];
    let w3 = weight[row + 3u * d.OUT + o];
${loadItems(tile, 'dY', 'o')}
${perItem(tile, (k) => (tile.dense
    ? `    sum${k} += vec4f(dot(w0, v${k}), dot(w1, v${k}), dot(w2, v${k}), dot(w3, v${k}));`
    : `    a${k} += w0 * v${k}; b${k} += w1 * v${k}; c${k} += w2 * v${k}; e${k} += w3 * v${k};`))}
  }
  if (id.x >= d.ROWS) { return; }
#if ${!tile.dense}
  let ones = vec4f(1.0);
${perItem(tile, (k) => `  let sum${k} = vec4f(dot(a${k}, ones), dot(b${k}, ones), dot(c${k}, ones), dot(e${k}, ones));`)}
#endif
  var sums = array<vec4f, ${tile.items}>(${names('sum', tile)});
  let count = min(${tile.items}u, d.N - first);
  for (var k = 0u; k < count; k++) { give((first + k) * d.X_BLOCKS + block, h, w, sums[k]); }
}`,
  };
}

/**
 * `[out, in]` with `in` in C, H, W order → rows `first … first + rows` (blocks of four) of `[in/4, 4, out]`, outputs padded to
 * whole blocks.
 */
export function packFullyConnected(weight: Float32Array, shape: { out: number; C: number; plane: number }, first: number, rows: number): Float32Array {
  const { out, C, plane } = shape;
  const width = blocksOf(out) * 4;
  const packed = new Float32Array(rows * 4 * width);
  for (let row = 0; row < rows * 4; row++) {
    const block = first + (row >> 2);
    const c = Math.floor(block / plane) * 4 + (row & 3);
    if (c >= C) continue;
    const column = c * plane + (block % plane);
    for (let o = 0; o < out; o++) packed[row * width + o] = weight[o * C * plane + column]!;
  }
  return packed;
}

/**
 * Fully connected layers, direct family: an invocation sums what it owns by itself. What software adapters run fastest.
 */
import { type BackwardEpilogue, epilogueDims, giveFunction } from '../epilogue';
import { type Kernel, grid, lines, uniform } from '../kernel';
import { wgsl } from '../wgsl';
import {
  DENSE,
  PLACE,
  type ForwardEpilogue,
  type FullyConnectedDims,
  type RowChunk,
  finishFunction,
  itemsOf,
  storeFunction,
  sumDims,
} from './shape';

export interface DirectFullyConnected {
  readonly family: 'direct';
  /**
   * Whether the four invocations of a quad share what they load of the items, each for an item or two of its own (needs
   * the feature `subgroups`). From {@link DENSE} items on; worth it where a load costs as much as many multiply-adds,
   * as on software adapters.
   */
  readonly quads: boolean;
}

/**
 * Of a batch, that share one reading of the weights: with eight, lavapipe would compile a third of a second longer, and
 * run no faster.
 */
const ITEMS = 4;

/**
 * The items that one invocation computes, and how their row `i` of an array is loaded. Their number is in the uniform,
 * too: so no driver unrolls what stores them.
 */
interface Tile {
  readonly items: number;
  readonly dense: boolean;
  readonly quads: boolean;
}

function tileOf(N: number, { quads }: DirectFullyConnected): Tile {
  const items = itemsOf(N, ITEMS);
  return { items, dense: items >= DENSE, quads: quads && items >= DENSE };
}

/** `sum0, sum1, …` */
const names = (stem: string, items: number): string =>
  Array.from({ length: items }, (_, k) => `${stem}${k}`).join(', ');

/** WGSL: `at0 at1 …`, where the items that this invocation loads begin; `place(n)` says where item `n` does. */
const itemPlaces = ({ items, quads }: Tile, place: (n: string) => string): string =>
  lines(
    quads ? Math.ceil(items / 4) : items,
    (t) => `  let at${t} = ${place(`min(first + ${quads ? `${4 * t}u + (lane & 3u)` : `${t}u`}, d.N - 1u)`)};`,
  );

/** WGSL: `v0 v1 …`, element `i` of each item. */
const loadItems = ({ items, quads }: Tile, array: string, i: string): string =>
  quads
    ? `${lines(Math.ceil(items / 4), (t) => `    let mine${t} = ${array}[at${t} + ${i}];`)}
${lines(items, (k) => `    let v${k} = quadBroadcast(mine${k >> 2}, ${k & 3}u);`)}`
    : lines(items, (k) => `    let v${k} = ${array}[at${k} + ${i}];`);

/**
 *   y[n, o] = bias[o] + Σ_i weight[o, i] · x[n, i]
 *
 * An invocation owns four outputs of up to four items, over one slice of rows. With a single slice it finishes them;
 * otherwise it writes `partial[slice, n, o]`, which {@link fullyConnectedSum} adds up in a fixed order.
 */
export function fullyConnectedForward(
  d: FullyConnectedDims,
  chunk: RowChunk,
  variant: DirectFullyConnected,
  epilogue: ForwardEpilogue,
): Kernel {
  const tile = tileOf(d.N, variant);
  const dims = { ...d, ...chunk, ITEMS: tile.items };
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
${storeFunction(chunk.SLICES, epilogue)}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(workgroup_id) group: vec3u${tile.quads ? ', @builtin(subgroup_invocation_id) lane: u32' : ''}) {
  let o = min(id.x, d.OUT - 1u);
  let begin = group.y * d.SLICE;
  let end = min(begin + d.SLICE, d.ROWS);
  let first = group.z * ${tile.items}u;
${itemPlaces(tile, (n) => `(${n} * d.X_BLOCKS + d.X_BLOCK) * d.H * d.W + d.FIRST`)}
${lines(tile.items, (k) => `  var sum${k} = vec4f();`)}
  for (var i = begin; i < end; i++) {
${loadItems(tile, 'x', 'i')}
#if ${!tile.dense}
    if (all((${Array.from({ length: tile.items }, (_, k) => `abs(v${k})`).join(' + ')}) == vec4f())) { continue; }
#endif
    let row = i * 4u * d.OUT + o;
    let rows = mat4x4f(weight[row], weight[row + d.OUT], weight[row + 2u * d.OUT], weight[row + 3u * d.OUT]);
${lines(tile.items, (k) => `    sum${k} += rows * v${k};`)}
  }
  if (id.x >= d.OUT) { return; }
  var sums = array<vec4f, ${tile.items}>(${names('sum', tile.items)});
  let count = min(d.ITEMS, d.N - first);
  for (var k = 0u; k < count; k++) { store(d.FIRST_SLICE + group.y, first + k, o, sums[k]); }
}`,
  };
}

/** Adds up the slices, in order, then bias and ReLU. */
export function fullyConnectedSum(d: FullyConnectedDims, slices: number, epilogue: ForwardEpilogue): Kernel {
  const dims = sumDims(d, slices);
  return {
    name: 'fullyConnectedSum',
    dims,
    flops: 0,
    workgroups: grid(d.OUT, d.N, 1),
    code: wgsl`
${uniform(dims)}
@group(0) @binding(1) var<storage, read> partial: array<vec4f>; // [SLICES, N, OUT]
${finishFunction(epilogue)}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.OUT) { return; }
  var sum = vec4f();
  for (var slice = 0u; slice < d.SLICES; slice++) { sum += partial[(slice * d.N + id.y) * d.OUT + id.x]; }
  finish(id.y, id.x, sum);
}`,
  };
}

/**
 *   dX[n, i] = Σ_o weight[o, i] · dY[n, o]
 *
 * An invocation owns four inputs (one block of one pixel) of up to four items. With a few items it reads no weights
 * where the epilogue will store zeros anyway (dead ReLUs, dead pooling windows).
 */
export function fullyConnectedBackward(
  d: FullyConnectedDims,
  chunk: Pick<RowChunk, 'FIRST' | 'ROWS'>,
  variant: DirectFullyConnected,
  epilogue: BackwardEpilogue,
): Kernel {
  const tile = tileOf(d.N, variant);
  const dims = { ...d, FIRST: chunk.FIRST, ROWS: chunk.ROWS, ITEMS: tile.items, ...epilogueDims(epilogue) };
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
${PLACE}
  let first = group.y * ${tile.items}u;
${itemPlaces(tile, (n) => `${n} * d.Y_BLOCKS + d.Y_BLOCK`)}
${lines(tile.items, (k) => (tile.dense ? `  var sum${k} = vec4f();` : `  var a${k} = vec4f(); var b${k} = vec4f(); var c${k} = vec4f(); var e${k} = vec4f();`))}

#if ${tile.dense}
  let outputs = d.OUT;
#else
  let idle = ${Array.from({ length: tile.items }, (_, k) => `!any(open(min(first + ${k}u, d.N - 1u) * d.X_BLOCKS + block, h, w))`).join(' && ')};
  let outputs = select(d.OUT, 0u, idle);
#endif
  let row = offset * 4u * d.OUT;
  for (var o = 0u; o < outputs; o++) {
    let w0 = weight[row + o];
    let w1 = weight[row + d.OUT + o];
    let w2 = weight[row + 2u * d.OUT + o];
    let w3 = weight[row + 3u * d.OUT + o];
${loadItems(tile, 'dY', 'o')}
${lines(tile.items, (k) =>
  tile.dense
    ? `    sum${k} += vec4f(dot(w0, v${k}), dot(w1, v${k}), dot(w2, v${k}), dot(w3, v${k}));`
    : `    a${k} += w0 * v${k}; b${k} += w1 * v${k}; c${k} += w2 * v${k}; e${k} += w3 * v${k};`,
)}
  }
  if (id.x >= d.ROWS) { return; }
#if ${!tile.dense}
  let ones = vec4f(1.0);
${lines(tile.items, (k) => `  let sum${k} = vec4f(dot(a${k}, ones), dot(b${k}, ones), dot(c${k}, ones), dot(e${k}, ones));`)}
#endif
  var sums = array<vec4f, ${tile.items}>(${names('sum', tile.items)});
  let count = min(d.ITEMS, d.N - first);
  for (var k = 0u; k < count; k++) { give((first + k) * d.X_BLOCKS + block, h, w, sums[k]); }
}`,
  };
}

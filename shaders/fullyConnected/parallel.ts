/**
 * Fully connected layers, parallel family: the invocations of a workgroup share out the rows of a sum, or the columns,
 * and add up in workgroup memory. These layers are bound by how fast weights arrive, and a GPU hides that only behind
 * tens of thousands of invocations.
 *
 * Which rows can be passed over is the same for all invocations of a subgroup, so those branches cost nothing, and
 * single rows count: the direct family passes over blocks of four.
 */
import { type BackwardEpilogue, epilogueDims, giveFunction } from '../epilogue';
import { type Kernel, lines, uniform } from '../kernel';
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

export interface ParallelFullyConnected {
  readonly family: 'parallel';
  /** How many keep the GPU busy: a forward sum is cut into slices until there are so many. */
  readonly workgroups: number;
}

/** Output blocks of a workgroup, and the shares into which its sums are dealt out. */
export const COLUMNS = 64;
const SHARES = 4;
/** The same for adding up slices, which are many and short. */
const SUM_COLUMNS = 8;
const SUM_SHARES = 16;
/** Of a batch, that share one reading of the weights. */
const ITEMS = 8;
/** WebGPU's limit of one dimension of a grid. */
const MOST_WORKGROUPS = 65535;

const LANES = ['x', 'y', 'z', 'w'] as const;

/**
 *   y[n, o] = bias[o] + Σ_i weight[o, i] · x[n, i]
 *
 * An invocation owns four outputs of up to eight items, over every fourth block of rows of a slice. With a single slice
 * the workgroup finishes them; otherwise it writes `partial[slice, n, o]`, which {@link parallelSum} adds up in a fixed
 * order.
 */
export function parallelForward(d: FullyConnectedDims, chunk: RowChunk, epilogue: ForwardEpilogue): Kernel {
  const items = itemsOf(d.N, ITEMS);
  const dense = items >= DENSE;
  const dims = { ...d, ...chunk };
  return {
    name: 'fullyConnectedForward',
    dims,
    flops: 2 * d.N * chunk.ROWS * d.OUT * 16,
    workgroups: [Math.ceil(d.OUT / COLUMNS), Math.ceil(chunk.ROWS / chunk.SLICE), Math.ceil(d.N / items)],
    code: wgsl`
${uniform(dims)}
@group(0) @binding(1) var<storage, read> x: array<vec4f>;       // [N, IN]
@group(0) @binding(2) var<storage, read> weight: array<vec4f>;  // [ROWS, 4, OUT]
${storeFunction(chunk.SLICES, epilogue)}

var<workgroup> shares: array<vec4f, ${SHARES * COLUMNS}>;

@compute @workgroup_size(${COLUMNS}, ${SHARES})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) own: vec3u, @builtin(local_invocation_index) me: u32) {
  let column = group.x * ${COLUMNS}u + own.x;
  let o = min(column, d.OUT - 1u);
  let begin = group.y * d.SLICE;
  let end = min(begin + d.SLICE, d.ROWS);
  let first = group.z * ${items}u;
${lines(
  items,
  (k) => `  let at${k} = (min(first + ${k}u, d.N - 1u) * d.X_BLOCKS + d.X_BLOCK) * d.H * d.W + d.FIRST;
  var sum${k} = vec4f();`,
)}
  for (var i = begin + own.y; i < end; i += ${SHARES}u) {
    let row = i * 4u * d.OUT + o;
${lines(items, (k) => `    let v${k} = x[at${k} + i];`)}
#if ${dense}
    let rows = mat4x4f(weight[row], weight[row + d.OUT], weight[row + 2u * d.OUT], weight[row + 3u * d.OUT]);
${lines(items, (k) => `    sum${k} += rows * v${k};`)}
#else
${LANES.map(
  (lane, r) => `    if (${Array.from({ length: items }, (_, k) => `v${k}.${lane} != 0.0`).join(' || ')}) {
      let w = weight[row + ${r}u * d.OUT];
${lines(items, (k) => `      sum${k} += w * v${k}.${lane};`)}
    }`,
).join('\n')}
#endif
  }
${lines(
  items,
  (k) => `  shares[me] = sum${k};
  workgroupBarrier();
  if (own.y == 0u && column < d.OUT && first + ${k}u < d.N) {
    store(d.FIRST_SLICE + group.y, first + ${k}u, o, ${Array.from({ length: SHARES }, (_, share) => `shares[own.x + ${share * COLUMNS}u]`).join(' + ')});
  }
  workgroupBarrier();`,
)}
}`,
  };
}

/** Adds up the slices, in an order of its own but always the same, then bias and ReLU. */
export function parallelSum(d: FullyConnectedDims, slices: number, epilogue: ForwardEpilogue): Kernel {
  const dims = sumDims(d, slices);
  return {
    name: 'fullyConnectedSum',
    dims,
    flops: 0,
    workgroups: [Math.ceil(d.OUT / SUM_COLUMNS), d.N, 1],
    code: wgsl`
${uniform(dims)}
@group(0) @binding(1) var<storage, read> partial: array<vec4f>; // [SLICES, N, OUT]
${finishFunction(epilogue)}

var<workgroup> shares: array<vec4f, ${SUM_SHARES * SUM_COLUMNS}>;

@compute @workgroup_size(${SUM_COLUMNS}, ${SUM_SHARES})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) own: vec3u, @builtin(local_invocation_index) me: u32) {
  let o = group.x * ${SUM_COLUMNS}u + own.x;
  var sum = vec4f();
  for (var slice = own.y; slice < d.SLICES; slice += ${SUM_SHARES}u) { sum += partial[(slice * d.N + group.y) * d.OUT + min(o, d.OUT - 1u)]; }
  shares[me] = sum;
${addUp(SUM_SHARES, (half) => `  if (own.y < ${half}u) { shares[me] += shares[me + ${half * SUM_COLUMNS}u]; }`)}
  if (own.y == 0u && o < d.OUT) { finish(group.y, o, shares[me]); }
}`,
  };
}

/**
 *   dX[n, i] = Σ_o weight[o, i] · dY[n, o]
 *
 * A workgroup owns four inputs (one block of one pixel) of up to eight items, an invocation every 64th block of
 * columns. With a few items no row is read where the epilogue will store zeros anyway (dead ReLUs, dead pooling
 * windows).
 */
export function parallelBackward(
  d: FullyConnectedDims,
  chunk: Pick<RowChunk, 'FIRST' | 'ROWS'>,
  epilogue: BackwardEpilogue,
): Kernel {
  const items = itemsOf(d.N, ITEMS);
  const dense = items >= DENSE;
  const dims = { ...d, FIRST: chunk.FIRST, ROWS: chunk.ROWS, ...epilogueDims(epilogue) };
  return {
    name: 'fullyConnectedBackward',
    dims,
    flops: 2 * d.N * chunk.ROWS * d.OUT * 16,
    workgroups: [
      Math.min(chunk.ROWS, MOST_WORKGROUPS),
      Math.ceil(chunk.ROWS / MOST_WORKGROUPS),
      Math.ceil(d.N / items),
    ],
    code: wgsl`
${uniform(dims)}
@group(0) @binding(1) var<storage, read> dY: array<vec4f>;       // [N, OUT]
@group(0) @binding(2) var<storage, read> weight: array<vec4f>;   // [ROWS, 4, OUT]
${giveFunction(3, epilogue)}

var<workgroup> shares: array<vec4f, ${items * COLUMNS}>;

@compute @workgroup_size(${COLUMNS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) me: u32) {
  let offset = group.y * ${MOST_WORKGROUPS}u + group.x;
  if (offset >= d.ROWS) { return; }
${PLACE}
  let first = group.z * ${items}u;
  let row = offset * 4u * d.OUT;
${lines(
  items,
  (k) => `  let at${k} = min(first + ${k}u, d.N - 1u) * d.Y_BLOCKS + d.Y_BLOCK;
  var sum${k} = vec4f();`,
)}
#if ${!dense}
  let wanted = ${Array.from({ length: items }, (_, k) => `open(min(first + ${k}u, d.N - 1u) * d.X_BLOCKS + block, h, w)`).join(' | ')};
#endif
  for (var o = me; o < d.OUT; o += ${COLUMNS}u) {
${lines(items, (k) => `    let v${k} = dY[at${k} + o];`)}
${LANES.map(
  (lane, r) => `    ${dense ? '' : `if (wanted.${lane}) `}{
      let w = weight[row + ${r}u * d.OUT + o];
${lines(items, (k) => `      sum${k}.${lane} += dot(w, v${k});`)}
    }`,
).join('\n')}
  }
${lines(items, (k) => `  shares[me + ${k * COLUMNS}u] = sum${k};`)}
${addUp(
  COLUMNS,
  (half) => `  if (me < ${half}u) {
${lines(items, (k) => `    shares[me + ${k * COLUMNS}u] += shares[me + ${k * COLUMNS + half}u];`)}
  }`,
)}
  if (me < min(${items}u, d.N - first)) { give((first + me) * d.X_BLOCKS + block, h, w, shares[me * ${COLUMNS}u]); }
}`,
  };
}

/** Rounds in which the first half of so many shares takes the other half to it. */
const addUp = (shares: number, round: (half: number) => string): string =>
  lines(
    Math.log2(shares),
    (k) => `  workgroupBarrier();
${round(shares >> (k + 1))}`,
  ) + '\n  workgroupBarrier();';

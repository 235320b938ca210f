/**
 * Fully connected layers, parallel family: the invocations of a workgroup share out the rows of a sum, or the columns,
 * and add up in workgroup memory. These layers are bound by how fast weights arrive, and a GPU hides that only behind
 * tens of thousands of invocations.
 *
 * Which rows can be passed over is the same for all invocations of a subgroup, so those branches cost nothing, and
 * single rows count: the direct family passes over blocks of four.
 */
import { type BackwardEpilogue, gradientOf } from '../epilogue';
import { type Kernel, kernel, lines, unroll, MOST_WORKGROUPS } from '../kernel';
import { type Slices, reads } from '../tensor';
import { wgsl } from '../wgsl';
import {
  BLOCK_AND_PIXEL,
  DENSE,
  type ForwardEpilogue,
  type FullyConnectedDims,
  INPUTS,
  PARTIAL,
  type RowChunk,
  WEIGHT,
  finishOf,
  itemsOf,
  storeOf,
} from './shape';

export interface ParallelFullyConnected {
  readonly family: 'parallel';
  /** How many keep the GPU busy: a forward sum is cut into spans until there are so many. */
  readonly workgroups: number;
}

/** Output blocks of a workgroup, and the parts into which each of its sums is cut, an invocation for each. */
export const COLUMNS = 64;
const PARTS = 4;
/** The same for adding up spans, which are many and short. */
const SUM_COLUMNS = 8;
const SUM_PARTS = 16;
/** Of a batch, that share one reading of the weights. */
const ITEMS = 8;

const LANES = ['x', 'y', 'z', 'w'] as const;

/**
 *   y[n, o] = bias[o] + Σ_i weight[o, i] · x[n, i]
 *
 * An invocation owns four outputs of up to eight items, over every fourth block of rows of a span. With a single span
 * the workgroup finishes them; otherwise it writes `partial[span, n, o]`, which {@link parallelSum} adds up in a fixed
 * order.
 */
export function parallelForward(
  d: FullyConnectedDims,
  slices: Slices<'x' | 'y'>,
  chunk: RowChunk,
  epilogue: ForwardEpilogue,
): Kernel {
  const items = itemsOf(d.N, ITEMS);
  const dense = items >= DENSE;
  const store = storeOf(chunk.SPANS, epilogue);
  return kernel({
    name: 'fullyConnectedForward',
    dims: { ...d, ...chunk },
    slices,
    tensors: [INPUTS, WEIGHT, ...store.tensors],
    flops: 2 * d.N * chunk.ROWS * d.OUT * 16,
    functions: `${store.functions}

var<workgroup> parts: array<vec4f, ${PARTS * COLUMNS}>; // [parts, columns]`,
    workgroups: [Math.ceil(d.OUT / COLUMNS), Math.ceil(chunk.ROWS / chunk.SPAN), Math.ceil(d.N / items)],
    workgroupSize: [COLUMNS, PARTS],
    takes: ['group', 'own', 'me'],
    body: wgsl`
let column = group.x * ${COLUMNS}u + own.x;
let o = min(column, d.OUT - 1u);
let begin = group.y * d.SPAN;
let end = min(begin + d.SPAN, d.ROWS);
let first = group.z * ${items}u;
${unroll(
  { k: items },
  `
let at{k} = index_x(min(first + {k}u, d.N - 1u), 0u, 0u, 0u) + d.FIRST;
var sum{k} = vec4f();`,
)}
for (var i = begin + own.y; i < end; i += ${PARTS}u) {
  let row = index_weight(i, 0u, o);
  ${unroll({ k: items }, 'let v{k} = load_x_at(at{k} + i);')}
#if ${dense}
  ${unroll({ r: 4 }, 'let w{r} = load_weight_at(row + {r}u * d.OUT);')}
  let rows = mat4x4f(w0, w1, w2, w3);
  ${unroll({ k: items }, 'sum{k} += rows * v{k};')}
#else
${LANES.map(
  (lane, r) => `
  if (${unroll({ k: items }, `v{k}.${lane} != 0.0`, ' || ')}) {
    let w = load_weight_at(row + ${r}u * d.OUT);
    ${unroll({ k: items }, `sum{k} += w * v{k}.${lane};`)}
  }`,
).join('')}
#endif
}
${unroll(
  { k: items },
  `
parts[me] = sum{k};
workgroupBarrier();
if (own.y == 0u && column < d.OUT && first + {k}u < d.N) {
  let sum = ${unroll({ part: PARTS }, `parts[own.x + {part}u * ${COLUMNS}u]`, ' + ')};
  store(d.FIRST_SPAN + group.y, first + {k}u, o, sum);
}
workgroupBarrier();`,
)}`,
  });
}

/** Adds up the spans, in an order of its own but always the same, then bias and ReLU. */
export function parallelSum(
  d: FullyConnectedDims,
  slices: Slices<'y'>,
  count: number,
  epilogue: ForwardEpilogue,
): Kernel {
  const finish = finishOf(epilogue);
  return kernel({
    name: 'fullyConnectedSum',
    dims: { N: d.N, OUT: d.OUT, SPANS: count },
    slices,
    tensors: [reads(...PARTIAL), ...finish.tensors],
    functions: `${finish.functions}

var<workgroup> parts: array<vec4f, ${SUM_PARTS * SUM_COLUMNS}>; // [parts, columns]`,
    workgroups: [Math.ceil(d.OUT / SUM_COLUMNS), d.N, 1],
    workgroupSize: [SUM_COLUMNS, SUM_PARTS],
    takes: ['group', 'own', 'me'],
    body: `
let n = group.y;
let o = group.x * ${SUM_COLUMNS}u + own.x;
var sum = vec4f();
for (var span = own.y; span < d.SPANS; span += ${SUM_PARTS}u) { sum += load_partial(span, n, min(o, d.OUT - 1u)); }
parts[me] = sum;
${addUp(SUM_PARTS, (half) => `if (own.y < ${half}u) { parts[me] += parts[me + ${half * SUM_COLUMNS}u]; }`)}
if (own.y == 0u && o < d.OUT) { finish(n, o, parts[me]); }`,
  });
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
  slices: Slices<'dX' | 'dY'>,
  chunk: Pick<RowChunk, 'FIRST' | 'ROWS'>,
  epilogue: BackwardEpilogue,
): Kernel {
  const items = itemsOf(d.N, ITEMS);
  const dense = items >= DENSE;
  const gradient = gradientOf(epilogue);
  return kernel({
    name: 'fullyConnectedBackward',
    dims: { ...d, FIRST: chunk.FIRST, ROWS: chunk.ROWS, ...gradient.dims },
    slices,
    tensors: [reads('dY', 'N O/4'), WEIGHT, ...gradient.tensors],
    flops: 2 * d.N * chunk.ROWS * d.OUT * 16,
    functions: `${gradient.functions}

var<workgroup> parts: array<vec4f, ${items * COLUMNS}>; // [items, columns]`,
    workgroups: [
      Math.min(chunk.ROWS, MOST_WORKGROUPS),
      Math.ceil(chunk.ROWS / MOST_WORKGROUPS),
      Math.ceil(d.N / items),
    ],
    workgroupSize: [COLUMNS],
    takes: ['group', 'me'],
    body: wgsl`
let offset = group.y * ${MOST_WORKGROUPS}u + group.x;
if (offset >= d.ROWS) { return; }
${BLOCK_AND_PIXEL}
let first = group.z * ${items}u;
let row = index_weight(offset, 0u, 0u);
${unroll(
  { k: items },
  `
let at{k} = index_dY(min(first + {k}u, d.N - 1u), 0u);
var sum{k} = vec4f();`,
)}
#if ${!dense}
let wanted = ${unroll({ k: items }, 'isLive(min(first + {k}u, d.N - 1u), b, h, w)', ' | ')};
#endif
for (var o = me; o < d.OUT; o += ${COLUMNS}u) {
  ${unroll({ k: items }, 'let v{k} = dY[at{k} + o];')}
${LANES.map(
  (lane, r) => `
  ${dense ? '' : `if (wanted.${lane}) `}{
    let w = load_weight_at(row + ${r}u * d.OUT + o);
    ${unroll({ k: items }, `sum{k}.${lane} += dot(w, v{k});`)}
  }`,
).join('')}
}
${unroll({ k: items }, `parts[me + {k}u * ${COLUMNS}u] = sum{k};`)}
${addUp(
  COLUMNS,
  (half) => `
if (me < ${half}u) {
  ${unroll({ k: items }, `parts[me + {k}u * ${COLUMNS}u] += parts[me + {k}u * ${COLUMNS}u + ${half}u];`)}
}`,
)}
if (me < min(${items}u, d.N - first)) { storeGradient(first + me, b, h, w, parts[me * ${COLUMNS}u]); }`,
  });
}

/** Rounds in which the first half of so many parts takes the other half to it. */
const addUp = (parts: number, round: (half: number) => string): string =>
  lines(
    Math.log2(parts),
    (k) => `workgroupBarrier();
${round(parts >> (k + 1))}`,
  ) + '\nworkgroupBarrier();';

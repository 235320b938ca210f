/**
 * Fully connected layers, direct family: an invocation sums what it owns by itself. What software adapters run fastest.
 */
import { type BackwardEpilogue, gradientOf } from '../epilogue';
import { type Kernel, WORKGROUP, grid, kernel, lines, unroll } from '../kernel';
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

/** WGSL: `at0 at1 …`, where the items that this invocation loads begin; `begin` is where item `{n}` does. */
const itemPlaces = ({ items, quads }: Tile, begin: (n: string) => string): string =>
  quads
    ? unroll({ t: Math.ceil(items / 4) }, `let at{t} = ${begin('min(first + 4u * {t}u + (lane & 3u), d.N - 1u)')};`)
    : unroll({ k: items }, `let at{k} = ${begin('min(first + {k}u, d.N - 1u)')};`);

/** WGSL: `v0 v1 …`, element `i` of each item. */
const loadItems = ({ items, quads }: Tile, load: string, i: string): string =>
  quads
    ? `${unroll({ t: Math.ceil(items / 4) }, `let mine{t} = ${load}(at{t} + ${i});`)}
${lines(items, (k) => `let v${k} = quadBroadcast(mine${k >> 2}, ${k & 3}u);`)}`
    : unroll({ k: items }, `let v{k} = ${load}(at{k} + ${i});`);

/** Invocations of a software adapter that compute at the same time as one does. */
const FEWEST = 8;
/** Blocks of inputs from which a kernel for few outputs is worth the time that compiling it takes. */
const MANY_INPUTS = 256;

/**
 * Invocations of a forward workgroup: few outputs leave most of a large one with the sum that its last one computes.
 */
const widthOf = ({ IN, OUT }: FullyConnectedDims): number =>
  IN < MANY_INPUTS ? WORKGROUP : Math.min(WORKGROUP, Math.max(FEWEST, 2 ** Math.ceil(Math.log2(OUT))));

/** How the kernels of this family are started. */
const started = ({ quads }: Tile, width: number = WORKGROUP) =>
  ({
    enable: quads ? ['subgroups'] : [],
    workgroupSize: [width],
    takes: quads ? (['id', 'group', 'lane'] as const) : (['id', 'group'] as const),
  }) as const;

/** WGSL: the sums as an array, and how many of them are of items that there are. */
const sumsOf = ({ items }: Tile): string => `
var sums = array<vec4f, ${items}>(${unroll({ k: items }, 'sum{k}', ', ')});
let count = min(d.ITEMS, d.N - first);`;

/**
 *   y[n, o] = bias[o] + Σ_i weight[o, i] · x[n, i]
 *
 * An invocation owns four outputs of up to four items, over one span of rows. With a single span it finishes them;
 * otherwise it writes `partial[span, n, o]`, which {@link fullyConnectedSum} adds up in a fixed order.
 */
export function fullyConnectedForward(
  d: FullyConnectedDims,
  slices: Slices<'x' | 'y'>,
  chunk: RowChunk,
  variant: DirectFullyConnected,
  epilogue: ForwardEpilogue,
): Kernel {
  const tile = tileOf(d.N, variant);
  const { items, dense } = tile;
  const width = widthOf(d);
  const store = storeOf(chunk.SPANS, epilogue);
  return kernel({
    name: 'fullyConnectedForward',
    dims: { ...d, ...chunk, ITEMS: items },
    slices,
    tensors: [INPUTS, WEIGHT, ...store.tensors],
    flops: 2 * d.N * chunk.ROWS * d.OUT * 16,
    functions: store.functions,
    workgroups: [Math.ceil(d.OUT / width), Math.ceil(chunk.ROWS / chunk.SPAN), Math.ceil(d.N / items)],
    ...started(tile, width),
    body: wgsl`
let o = min(id.x, d.OUT - 1u);
let begin = group.y * d.SPAN;
let end = min(begin + d.SPAN, d.ROWS);
let first = group.z * ${items}u;
${itemPlaces(tile, (n) => `index_x(${n}, 0u, 0u, 0u) + d.FIRST`)}
${unroll({ k: items }, 'var sum{k} = vec4f();')}
for (var i = begin; i < end; i++) {
  ${loadItems(tile, 'load_x_at', 'i')}
#if ${!dense}
  if (all((${unroll({ k: items }, 'abs(v{k})', ' + ')}) == vec4f())) { continue; }
#endif
  let row = index_weight(i, 0u, o);
  let rows = mat4x4f(${ROWS});
  ${unroll({ k: items }, 'sum{k} += rows * v{k};')}
}
if (id.x >= d.OUT) { return; }
${sumsOf(tile)}
for (var k = 0u; k < count; k++) { store(d.FIRST_SPAN + group.y, first + k, o, sums[k]); }`,
  });
}

/** WGSL: the sums over the four lanes of each of an item's accumulators. */
const SUMS = 'let sum{k} = vec4f(dot(a{k}_0, ones), dot(a{k}_1, ones), dot(a{k}_2, ones), dot(a{k}_3, ones));';

/** WGSL: the four rows of a block that begins at `row`, at one block of outputs. */
const ROWS =
  'load_weight_at(row), load_weight_at(row + d.OUT), ' +
  'load_weight_at(row + 2u * d.OUT), load_weight_at(row + 3u * d.OUT)';

/** Adds up the spans, in order, then bias and ReLU. */
export function fullyConnectedSum(
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
    functions: finish.functions,
    each: { x: { o: 'OUT' }, y: { n: 'N' } },
    body: `
var sum = vec4f();
for (var span = 0u; span < d.SPANS; span++) { sum += load_partial(span, n, o); }
finish(n, o, sum);`,
  });
}

/**
 *   dX[n, i] = Σ_o weight[o, i] · dY[n, o]
 *
 * An invocation owns four inputs (one block of one pixel) of up to four items. With a few items it reads no weights
 * where the epilogue will store zeros anyway (dead ReLUs, dead pooling windows).
 */
export function fullyConnectedBackward(
  d: FullyConnectedDims,
  slices: Slices<'dX' | 'dY'>,
  chunk: Pick<RowChunk, 'FIRST' | 'ROWS'>,
  variant: DirectFullyConnected,
  epilogue: BackwardEpilogue,
): Kernel {
  const tile = tileOf(d.N, variant);
  const { items, dense } = tile;
  const gradient = gradientOf(epilogue);
  return kernel({
    name: 'fullyConnectedBackward',
    dims: { ...d, FIRST: chunk.FIRST, ROWS: chunk.ROWS, ITEMS: items, ...gradient.dims },
    slices,
    tensors: [reads('dY', 'N O/4'), WEIGHT, ...gradient.tensors],
    flops: 2 * d.N * chunk.ROWS * d.OUT * 16,
    functions: gradient.functions,
    workgroups: grid(chunk.ROWS, Math.ceil(d.N / items), 1),
    ...started(tile),
    body: wgsl`
let offset = min(id.x, d.ROWS - 1u);
${BLOCK_AND_PIXEL}
let first = group.y * ${items}u;
${itemPlaces(tile, (n) => `index_dY(${n}, 0u)`)}
#if ${dense}
${unroll({ k: items }, 'var sum{k} = vec4f();')}
let outputs = d.OUT;
#else
// four products a row and lane, which are added up at the end
${unroll({ k: items, r: 4 }, 'var a{k}_{r} = vec4f();')}
let idle = ${unroll({ k: items }, '!any(isLive(min(first + {k}u, d.N - 1u), b, h, w))', ' && ')};
let outputs = select(d.OUT, 0u, idle);
#endif
let row = index_weight(offset, 0u, 0u);
for (var o = 0u; o < outputs; o++) {
  ${unroll({ r: 4 }, 'let w{r} = load_weight_at(row + {r}u * d.OUT + o);')}
  ${loadItems(tile, 'load_dY_at', 'o')}
#if ${dense}
  ${unroll({ k: items }, 'sum{k} += vec4f(dot(w0, v{k}), dot(w1, v{k}), dot(w2, v{k}), dot(w3, v{k}));')}
#else
  ${unroll({ k: items, r: 4 }, 'a{k}_{r} += w{r} * v{k};')}
#endif
}
if (id.x >= d.ROWS) { return; }
#if ${!dense}
let ones = vec4f(1.0);
${unroll({ k: items }, SUMS)}
#endif
${sumsOf(tile)}
for (var k = 0u; k < count; k++) { storeGradient(first + k, b, h, w, sums[k]); }`,
  });
}

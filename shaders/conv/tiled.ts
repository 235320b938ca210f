/**
 * Convolution, tiled family: an implicit matrix product, output channels × pixels, over tiles in workgroup memory. What
 * GPUs run fastest, as soon as a layer has channels and pixels enough to fill the tiles.
 */
import { type Kernel, STRIP, kernel, lines, unroll } from '../kernel';
import { ANY_PRECISION, reads, writes } from '../tensor';
import { wgsl } from '../wgsl';
import { type ConvKernel, ownedOf, sumsOf } from './finish';
import { type ConvDims, type Unit, flopsOf, unitsOf } from './shape';
import type { WeightTile } from './weights';

/** What one workgroup owns, and how it is dealt out to its invocations. All of it shapes the code. */
export interface Tile extends WeightTile {
  /** Output blocks, and units of eight pixels. */
  readonly blocks: number;
  readonly units: number;
  /** Input blocks that are held in workgroup memory at a time. */
  readonly depth: number;
  /** Of these blocks, how many one invocation owns, in one unit: all of its sums are in registers. */
  readonly own: number;
  /**
   * Teams of invocations in a workgroup, each of which sums a part of the steps; their sums meet in workgroup memory.
   * So one dispatch does where there are many steps and few outputs. Default: one.
   */
  readonly teams?: number;
}

export interface TiledVariant {
  readonly family: 'tiled';
  readonly tile: Tile;
  /**
   * Parts into which the sums are cut, so that small planes make workgroups enough; they are added up by {@link
   * convSum}.
   */
  readonly spans: number;
}

/** Of one team. */
export const invocationsOf = ({ blocks, units, own }: Tile): number => (blocks / own) * units;

/**
 * Workgroup memory, in vec4f: one more per row of inputs, so that neither its writers nor its readers meet in a bank.
 */
const inputRow = ({ units }: Tile): number => units + 1;
export const workgroupBytes = (tile: Tile): number =>
  (tile.teams ?? 1) * tile.depth * (STRIP * inputRow(tile) + 4 * tile.blocks) * 16;

/** Whether what is loaded divides evenly among the invocations: what the code below takes for granted. */
export function isWhole(tile: Tile): boolean {
  const threads = invocationsOf(tile);
  const pixels = tile.units * STRIP;
  return (
    Number.isInteger(tile.blocks / tile.own) &&
    (tile.depth * 4 * tile.blocks) % threads === 0 &&
    (tile.depth * pixels) % threads === 0 &&
    (threads % pixels === 0 || pixels % threads === 0) &&
    (tile.teams === undefined || threads <= tile.depth * STRIP * inputRow(tile))
  );
}

/**
 * How the sum over input channels and taps is cut into steps of one tile, and these into spans, a part for each team.
 */
export function stepsOf(
  d: ConvDims,
  { depth, teams = 1 }: Pick<Tile, 'depth' | 'teams'>,
  spans: number,
): { readonly STEPS: number; readonly SPAN: number; readonly spans: number } {
  const STEPS = Math.ceil(d.IN / depth) * d.R * d.S;
  const SPAN = Math.max(1, Math.ceil(STEPS / (spans * teams)));
  return { STEPS, SPAN, spans: Math.max(1, Math.ceil(STEPS / (SPAN * teams))) };
}

/**
 * WGSL: adds the products of one tile in workgroup memory to the sums `a<block>_<pixel>`. Of `filters` `[depth, 4,
 * blocks]` an invocation reads from `own.y` on; of `inputs` pixel `j` of input block `k` lies `slot(k, j)` after
 * `own.x`, or after what it is told. All of it stands in the code: a loop takes GPUs half as long again.
 */
export function tileProducts(
  { blocks, depth, own }: Tile,
  slot: (k: number, j: number) => number,
  [input, filter]: readonly [string, string] = ['own.x', 'own.y'],
): string {
  const apart = blocks / own;
  const block = (k: number): string => `{
${lines(STRIP, (j) => `let x${j} = inputs[${input} + ${slot(k, j)}u];`)}
${lines(
  4,
  (lane) => `{
${unroll({ b: own }, `let w{b} = filters[${filter} + ${(k * 4 + lane) * blocks}u + {b}u * ${apart}u];`)}
${unroll({ b: own, j: STRIP }, `a{b}_{j} += x{j}.${'xyzw'[lane]} * w{b};`)}
}`,
)}
}`;
  return lines(depth, block);
}

/** Elements of `partial`. */
export const partialLength = (d: ConvDims, unit: Unit, spans: number): number => {
  const { UNIT_ROWS, UNIT_COLUMNS } = unitsOf(d, unit);
  return spans * d.GROUPS * d.OUT * d.N * UNIT_ROWS * UNIT_COLUMNS * STRIP * 4;
};

/**
 *   y[n,o,p,q] = Σ_{c,r,s} weight[o,c,r,s] · x[n, c, p·STRIDE + r·DILATION − PAD, q·STRIDE + s·DILATION − PAD]
 *
 * The units of all items stand in one row, cut into tiles. A step is one tile of input channels at one tap: while its
 * products are summed, what the next one needs is on its way from storage to registers. An invocation owns one unit in
 * `own` blocks, spread evenly over the tile, so that neighbours read neighbouring words; its sums are
 * `a<block>_<pixel>`.
 *
 * With several spans each workgroup sums one span of the steps and writes `partial`; otherwise the kernel finishes by
 * itself. With several teams each has a part of the span, its own inputs and filters, and as many rounds as any; the
 * first adds up the sums of all, in their order. The loops around the barriers depend on the uniform and the workgroup
 * only. Bindings: x weight, then `partial` or those of `finish`.
 */
export function convTiled({ name, dims: d, x, finish }: ConvKernel, { tile, spans: wanted }: TiledVariant): Kernel {
  const { blocks, units, depth, own, teams = 1 } = tile;
  const { STEPS, SPAN, spans } = stepsOf(d, tile, wanted);
  const teamed = teams > 1;
  const whole = spans === 1;
  const threads = invocationsOf(tile);
  const pixels = units * STRIP;
  const apart = blocks / own;
  // What an invocation loads of the inputs: so many pixels, each in so many input blocks that lie `together` apart.
  const ownPixels = Math.max(1, pixels / threads);
  const together = Math.max(1, threads / pixels);
  const loads = { k: ownPixels, e: depth / together };
  const ownWeights = { e: (depth * 4 * blocks) / threads };
  const sums = { b: own, j: STRIP };
  const row = inputRow(tile);
  const inputs = depth * STRIP * row;
  const filters = depth * 4 * blocks;
  // by the teams' own part of workgroup memory, and their own number
  const [me, span, after] = teamed
    ? ['mine', `(group.z / d.GROUPS * ${teams}u + own.z)`, (length: number) => ` + own.z * ${length}u`]
    : ['me', 'span', () => ''];
  const mine = after(inputs);
  const { columns } = finish.unit;
  const grid = unitGrid(d, finish.unit);
  const OUT_TILES = Math.ceil(d.OUT / blocks);
  const dims = { ...d, ...grid, OUT_TILES, STEPS, SPAN };
  return kernel({
    name,
    dims: whole ? { ...dims, ...finish.dims } : dims,
    slices: { x, ...(whole && finish.slices) },
    tensors: [
      reads('x', 'N C/4 H W', ANY_PRECISION),
      reads('weight', `GROUPS OUT_TILES STEPS ${depth * 4 * blocks}`, ANY_PRECISION),
      ...(whole ? finish.tensors : [writes('partial', `SPANS O/4 ${STRIP} UNITS`, { blocks: ['GROUPS', 'OUT'] })]),
    ],
    flops: flopsOf(d),
    ...(whole && { owns: JSON.stringify([blocks, units, own, teams, ownedOf(d, finish)]) }),
    functions: wgsl`
${whole ? finish.functions : ''}
${unitAt(finish.unit)}`,
    shared: [
      { name: 'inputs', length: teams * inputs, shape: `[${teamed ? 'teams, ' : ''}depth, 8, units and one unused]` },
      { name: 'filters', length: teams * filters, shape: `[${teamed ? 'teams, ' : ''}depth, 4, blocks]` },
    ],
    workgroups: [Math.ceil(grid.UNITS / units), OUT_TILES, d.GROUPS * spans],
    workgroupSize: teamed ? [units, apart, teams] : [units, apart],
    takes: ['group', 'own', 'me'],
    body: wgsl`
let g = group.z % d.GROUPS;
let span = group.z / d.GROUPS;
let plane = d.H * d.W;
#if ${teamed}
let mine = me % ${threads}u;
#endif

${unroll(
  { k: ownPixels },
  `
let pixel{k} = {k}u * ${threads}u + ${me} % ${Math.min(threads, pixels)}u;
let unit{k} = group.x * ${units}u + pixel{k} / ${STRIP}u;
let begin{k} = unitAt(unit{k});
let top{k} = (begin{k}.y + pixel{k} % ${STRIP}u / ${columns}u) * d.STRIDE_Y - d.PAD_TOP;
let left{k} = (begin{k}.z + pixel{k} % ${columns}u) * d.STRIDE_X - d.PAD_LEFT;
let input{k} = index_x(begin{k}.x, g * d.IN, 0u, 0u);
let slot{k} = (${me} / ${pixels}u * ${STRIP}u + pixel{k} % ${STRIP}u) * ${row}u + pixel{k} / ${STRIP}u${mine};`,
)}
${unroll(loads, 'var v{k}_{e} = vec4f();')}
${unroll(ownWeights, 'var k{e} = vec4f();')}

${unroll(sums, 'var a{b}_{j} = vec4f();')}

let begin = min(${span} * d.SPAN, d.STEPS);
let end = min(begin + d.SPAN, d.STEPS);
let taps = d.R * d.S;
var c = begin / max(taps, 1u) * ${depth}u;
var r = begin % max(taps, 1u) / max(d.S, 1u);
var s = begin % max(d.S, 1u);
var weights = index_weight(g, group.y, begin, ${me});
#if ${teamed}
for (var round = 0u; round <= d.SPAN; round++) {
  let step = begin + round;
#else
for (var step = begin; step <= end; step++) {
#endif
  if (step < end) {
    let block = c + ${me} / ${pixels}u;
${unroll(
  { k: ownPixels },
  `
    let h{k} = top{k} + r * d.DILATION_Y;
    let w{k} = left{k} + s * d.DILATION_X;
    let inside{k} = h{k} < d.H && w{k} < d.W && unit{k} < d.UNITS;
    let from{k} = input{k} + block * plane + h{k} * d.W + w{k};`,
)}
${unroll(
  loads,
  `
    v{k}_{e} = vec4f();
    if (inside{k} && block + {e}u * ${together}u < d.IN) {
      v{k}_{e} = load_x_at(from{k} + {e}u * ${together}u * plane);
    }`,
)}
${unroll(ownWeights, `k{e} = load_weight_at(weights + {e}u * ${threads}u);`)}
    weights += ${filters}u;
    s++;
    if (s == d.S) {
      s = 0u;
      r++;
    }
    if (r == d.R) {
      r = 0u;
      c += ${depth}u;
    }
  }
  if (step > begin${teamed ? ' && step <= end' : ''}) {
${tileProducts(tile, (k, j) => (k * STRIP + j) * row, [`own.x${after(inputs)}`, `own.y${after(filters)}`])}
  }
  workgroupBarrier();
${unroll(loads, `inputs[slot{k} + {e}u * ${together * STRIP * row}u] = v{k}_{e};`)}
${unroll(ownWeights, `filters[${me} + {e}u * ${threads}u${after(filters)}] = k{e};`)}
  workgroupBarrier();
}
#if ${teamed}

${unroll(
  sums,
  `
  workgroupBarrier();
  inputs[me] = a{b}_{j};
  workgroupBarrier();
  if (own.z == 0u) {
    for (var team = 1u; team < ${teams}u; team++) { a{b}_{j} += inputs[team * ${threads}u + me]; }
  }`,
)}
if (own.z > 0u) { return; }
#endif

let unit = group.x * ${units}u + own.x;
if (unit >= d.UNITS) { return; }
let first = unitAt(unit);
${unroll(
  { b: own },
  `
let o{b} = group.y * ${blocks}u + own.y + {b}u * ${apart}u;
if (o{b} < d.OUT) {
${
  whole
    ? `
  var sums = ${sumsOf({ j: STRIP }, 'a{b}_{j}')};
  finish(first.x, g * d.OUT + o{b}, first.y, first.z, &sums);`
    : `
  let to = index_partial(span, g * d.OUT + o{b}, 0u, unit);
${unroll({ j: STRIP }, 'partial[to + {j}u * d.UNITS] = a{b}_{j};')}`
}
}`,
)}`,
  });
}

/** Fields of `d` that say how units cover the pixels of all items. */
function unitGrid(d: ConvDims, unit: Unit) {
  const { UNIT_ROWS, UNIT_COLUMNS } = unitsOf(d, unit);
  return { UNIT_ROWS, UNIT_COLUMNS, UNITS: d.N * UNIT_ROWS * UNIT_COLUMNS };
}

/** WGSL: `unitAt(unit)`, the item, row and column where a unit begins. */
const unitAt = ({ rows, columns }: Unit): string => `
fn unitAt(unit: u32) -> vec3u {
  let perItem = d.UNIT_ROWS * d.UNIT_COLUMNS;
  let rest = unit % perItem;
  return vec3u(unit / perItem, rest / d.UNIT_COLUMNS * ${rows}u, rest % d.UNIT_COLUMNS * ${columns}u);
}`;

/**
 * Adds up the spans, always in the same order, and finishes. An invocation owns one unit of one block. Bindings:
 * partial, then those of `finish`.
 */
export function convSum({ name, dims: d, finish }: Omit<ConvKernel, 'x'>, spans: number): Kernel {
  const dims = { ...d, ...unitGrid(d, finish.unit), OUTPUTS: d.GROUPS * d.OUT, SPANS: spans };
  return kernel({
    name,
    dims: { ...dims, ...finish.dims },
    slices: finish.slices,
    tensors: [reads('partial', `SPANS O/4 ${STRIP} UNITS`, { blocks: ['OUTPUTS'] }), ...finish.tensors],
    functions: finish.functions + unitAt(finish.unit),
    each: { x: { unit: 'UNITS' }, y: { o: 'OUTPUTS' } },
    body: `
${unroll({ j: STRIP }, 'var a{j} = vec4f();')}
let apart = d.OUTPUTS * ${STRIP}u * d.UNITS;
var begin = index_partial(0u, o, 0u, unit);
var span = 0u;
// four at a time, so that their loads need not wait for one another
for (; span + 4u <= d.SPANS; span += 4u) {
${unroll(
  { j: STRIP },
  `
  let at{j} = begin + {j}u * d.UNITS;
  a{j} += (partial[at{j}] + partial[at{j} + apart]) + (partial[at{j} + 2u * apart] + partial[at{j} + 3u * apart]);`,
)}
  begin += 4u * apart;
}
for (; span < d.SPANS; span++) {
${unroll({ j: STRIP }, 'a{j} += partial[begin + {j}u * d.UNITS];')}
  begin += apart;
}
let first = unitAt(unit);
var sums = ${sumsOf({ j: STRIP }, 'a{j}')};
finish(first.x, o, first.y, first.z, &sums);`,
  });
}

/**
 * Convolution, tiled family: an implicit matrix product, output channels × pixels, over tiles in workgroup memory. What
 * GPUs run fastest, as soon as a layer has channels and pixels enough to fill the tiles.
 */
import { type Kernel, STRIP, grid, lines, uniform } from '../kernel';
import { wgsl } from '../wgsl';
import type { Finish } from './finish';
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
}

export interface TiledVariant {
  readonly family: 'tiled';
  readonly tile: Tile;
  /**
   * Parts into which the sums are cut, so that small planes make workgroups enough; they are added up by {@link
   * convSum}.
   */
  readonly slices: number;
}

export const invocationsOf = ({ blocks, units, own }: Tile): number => (blocks / own) * units;

/**
 * Workgroup memory, in vec4f: one more per row of inputs, so that neither its writers nor its readers meet in a bank.
 */
const inputRow = ({ units }: Tile): number => units + 1;
export const workgroupBytes = (tile: Tile): number => tile.depth * (STRIP * inputRow(tile) + 4 * tile.blocks) * 16;

/** Whether what is loaded divides evenly among the invocations: what the code below takes for granted. */
export function isWhole(tile: Tile): boolean {
  const threads = invocationsOf(tile);
  const pixels = tile.units * STRIP;
  return (
    Number.isInteger(tile.blocks / tile.own) &&
    (tile.depth * 4 * tile.blocks) % threads === 0 &&
    (tile.depth * pixels) % threads === 0 &&
    (threads % pixels === 0 || pixels % threads === 0)
  );
}

/** How the sum over input channels and taps is cut into steps of one tile, and these into slices. */
export function stepsOf(
  d: ConvDims,
  { depth }: Pick<Tile, 'depth'>,
  slices: number,
): { readonly STEPS: number; readonly SLICE: number; readonly slices: number } {
  const STEPS = Math.ceil(d.IN / depth) * d.R * d.S;
  const SLICE = Math.max(1, Math.ceil(STEPS / slices));
  return { STEPS, SLICE, slices: Math.max(1, Math.ceil(STEPS / SLICE)) };
}

/**
 * WGSL: adds the products of one tile in workgroup memory to the sums `a<block>_<pixel>`. Of `filters` `[depth, 4,
 * blocks]` an invocation reads from `own.y` on; of `inputs` pixel `j` of input block `k` lies `place(k, j)` after
 * `own.x`. All of it stands in the code: a loop takes GPUs half as long again.
 */
export function tileProducts({ blocks, depth, own }: Tile, place: (k: number, j: number) => number): string {
  const multiplyAdd = (k: number, lane: number): string => `        {
${lines(own, (b) => `          let w${b} = filters[own.y + ${(k * 4 + lane) * blocks + (b * blocks) / own}u];`)}
${lines(own, (b) => lines(STRIP, (j) => `          a${b}_${j} += x${j}.${'xyzw'[lane]} * w${b};`))}
        }`;
  return lines(
    depth,
    (k) => `      {
${lines(STRIP, (j) => `        let x${j} = inputs[own.x + ${place(k, j)}u];`)}
${lines(4, (lane) => multiplyAdd(k, lane))}
      }`,
  );
}

/** Elements of `partial`. */
export const partialLength = (d: ConvDims, unit: Unit, slices: number): number => {
  const { UNIT_ROWS, UNIT_COLUMNS } = unitsOf(d, unit);
  return slices * d.GROUPS * d.OUT * d.N * UNIT_ROWS * UNIT_COLUMNS * STRIP * 4;
};

/**
 *   y[n,o,p,q] = Σ_{c,r,s} weight[o,c,r,s] · x[n, c, p·STRIDE + r·DILATION − PAD, q·STRIDE + s·DILATION − PAD]
 *
 * The units of all items stand in one row, cut into tiles. A step is one tile of input channels at one tap: while its
 * products are summed, what the next one needs is on its way from storage to registers. An invocation owns one unit in
 * `own` blocks, spread evenly over the tile, so that neighbours read neighbouring words; its sums are
 * `a<block>_<pixel>`.
 *
 * With several slices each workgroup sums one slice of the steps and writes `partial`; otherwise the kernel finishes by
 * itself. The loops around the barriers depend on the uniform and the workgroup only. Bindings: x weight, then
 * `partial` or those of `finish`.
 */
export function convTiled(name: string, d: ConvDims, { tile, slices: wanted }: TiledVariant, finish: Finish): Kernel {
  const { blocks, units, depth, own } = tile;
  const { STEPS, SLICE, slices } = stepsOf(d, tile, wanted);
  const whole = slices === 1;
  const threads = invocationsOf(tile);
  const pixels = units * STRIP;
  const apart = blocks / own;
  // What an invocation loads of the inputs: so many pixels, each in so many input blocks that lie `together` apart.
  const ownPixels = Math.max(1, pixels / threads);
  const together = Math.max(1, threads / pixels);
  const ownDepth = depth / together;
  const ownWeights = (depth * 4 * blocks) / threads;
  const row = inputRow(tile);
  const place = unitsOf(d, finish.unit);
  const OUT_TILES = Math.ceil(d.OUT / blocks);
  const dims = {
    ...d,
    ...place,
    UNITS: d.N * place.UNIT_ROWS * place.UNIT_COLUMNS,
    OUT_TILES,
    STEPS,
    SLICE,
    ...(whole ? finish.dims : {}),
  };

  const perSum = (snippet: (b: number, j: number) => string): string =>
    lines(own, (b) => lines(STRIP, (j) => snippet(b, j)));
  const perLoad = (snippet: (k: number, e: number) => string): string =>
    lines(ownPixels, (k) => lines(ownDepth, (e) => snippet(k, e)));

  return {
    name,
    dims,
    flops: flopsOf(d),
    workgroups: [Math.ceil(dims.UNITS / units), OUT_TILES, d.GROUPS * slices],
    code: wgsl`
${uniform(dims)}
@group(0) @binding(1) var<storage, read> x: array<vec4f>;      // [N, C/4, H, W]
@group(0) @binding(2) var<storage, read> weight: array<vec4f>; // [GROUPS, OUT_TILES, STEPS, depth, 4, blocks]
#if ${whole}
${finish.code}
#else
@group(0) @binding(3) var<storage, read_write> partial: array<vec4f>; // [slices, O/4, 8, UNITS]
#endif

var<workgroup> inputs: array<vec4f, ${depth * STRIP * row}>;   // [depth, 8, units and one unused]
var<workgroup> filters: array<vec4f, ${depth * 4 * blocks}>;  // [depth, 4, blocks]

${placeFunction(finish.unit)}

@compute @workgroup_size(${units}, ${apart})
fn main(@builtin(workgroup_id) at: vec3u, @builtin(local_invocation_id) own: vec3u, @builtin(local_invocation_index) me: u32) {
  let group = at.z % d.GROUPS;
  let slice = at.z / d.GROUPS;
  let plane = d.H * d.W;

${lines(
  ownPixels,
  (k) => `  let pixel${k} = ${k * threads}u + me % ${Math.min(threads, pixels)}u;
  let unit${k} = at.x * ${units}u + pixel${k} / ${STRIP}u;
  let place${k} = place(unit${k});
  let top${k} = (place${k}.y + pixel${k} % ${STRIP}u / ${finish.unit.columns}u) * d.STRIDE_Y - d.PAD_TOP;
  let left${k} = (place${k}.z + pixel${k} % ${finish.unit.columns}u) * d.STRIDE_X - d.PAD_LEFT;
  let input${k} = (place${k}.x * d.X_BLOCKS + d.X_BLOCK + group * d.IN) * plane;
  let slot${k} = (me / ${pixels}u * ${STRIP}u + pixel${k} % ${STRIP}u) * ${row}u + pixel${k} / ${STRIP}u;`,
)}
${perLoad((k, e) => `  var v${k}_${e} = vec4f();`)}
${lines(ownWeights, (e) => `  var k${e} = vec4f();`)}

${perSum((b, j) => `  var a${b}_${j} = vec4f();`)}

  let begin = min(slice * d.SLICE, d.STEPS);
  let end = min(begin + d.SLICE, d.STEPS);
  let taps = d.R * d.S;
  var c = begin / max(taps, 1u) * ${depth}u;
  var r = begin % max(taps, 1u) / max(d.S, 1u);
  var s = begin % max(d.S, 1u);
  var weights = ((group * d.OUT_TILES + at.y) * d.STEPS + begin) * ${depth * 4 * blocks}u + me;
  for (var step = begin; step <= end; step++) {
    if (step < end) {
      let block = c + me / ${pixels}u;
${lines(
  ownPixels,
  (k) => `      let h${k} = top${k} + r * d.DILATION_Y;
      let w${k} = left${k} + s * d.DILATION_X;
      let inside${k} = h${k} < d.H && w${k} < d.W && unit${k} < d.UNITS;
      let from${k} = input${k} + block * plane + h${k} * d.W + w${k};`,
)}
${perLoad(
  (k, e) => `      v${k}_${e} = vec4f();
      if (inside${k} && block + ${e * together}u < d.IN) { v${k}_${e} = x[from${k} + ${e * together}u * plane]; }`,
)}
${lines(ownWeights, (e) => `      k${e} = weight[weights + ${e * threads}u];`)}
      weights += ${depth * 4 * blocks}u;
      s++;
      if (s == d.S) { s = 0u; r++; }
      if (r == d.R) { r = 0u; c += ${depth}u; }
    }
    if (step > begin) {
${tileProducts(tile, (k, j) => (k * STRIP + j) * row)}
    }
    workgroupBarrier();
${perLoad((k, e) => `    inputs[slot${k} + ${e * together * STRIP * row}u] = v${k}_${e};`)}
${lines(ownWeights, (e) => `    filters[me + ${e * threads}u] = k${e};`)}
    workgroupBarrier();
  }

  let unit = at.x * ${units}u + own.x;
  if (unit >= d.UNITS) { return; }
  let first = place(unit);
${lines(
  own,
  (b) => `  let o${b} = at.y * ${blocks}u + own.y + ${b * apart}u;
  if (o${b} < d.OUT) {
${
  whole
    ? `    var sums = array<vec4f, ${STRIP}>(${Array.from({ length: STRIP }, (_, j) => `a${b}_${j}`).join(', ')});
    finish(first.x, group * d.OUT + o${b}, first.y, first.z, &sums);`
    : `    let to = ((slice * d.GROUPS + group) * d.OUT + o${b}) * ${STRIP}u * d.UNITS + unit;
${lines(STRIP, (j) => `    partial[to + ${j}u * d.UNITS] = a${b}_${j};`)}`
}
  }`,
)}
}`,
  };
}

/** WGSL: `place(unit)`, the item, row and column where a unit begins. */
const placeFunction = ({ rows, columns }: Unit): string => `
fn place(unit: u32) -> vec3u {
  let perItem = d.UNIT_ROWS * d.UNIT_COLUMNS;
  let rest = unit % perItem;
  return vec3u(unit / perItem, rest / d.UNIT_COLUMNS * ${rows}u, rest % d.UNIT_COLUMNS * ${columns}u);
}`;

/**
 * Adds up the slices, always in the same order, and finishes. An invocation owns one unit of one block. Bindings:
 * partial, then those of `finish`.
 */
export function convSum(name: string, d: ConvDims, slices: number, finish: Finish): Kernel {
  const place = unitsOf(d, finish.unit);
  const dims = { ...d, ...place, UNITS: d.N * place.UNIT_ROWS * place.UNIT_COLUMNS, SLICES: slices, ...finish.dims };
  return {
    name,
    dims,
    flops: 0,
    workgroups: grid(dims.UNITS, d.GROUPS * d.OUT, 1),
    code: wgsl`
${uniform(dims)}
@group(0) @binding(1) var<storage, read> partial: array<vec4f>; // [SLICES, O/4, 8, UNITS]
${finish.code}
${placeFunction(finish.unit)}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.UNITS) { return; }
${lines(STRIP, (j) => `  var a${j} = vec4f();`)}
  let apart = d.GROUPS * d.OUT * ${STRIP}u * d.UNITS;
  var begin = id.y * ${STRIP}u * d.UNITS + id.x;
  var slice = 0u;
  // four at a time, so that their loads need not wait for one another
  for (; slice + 4u <= d.SLICES; slice += 4u) {
${lines(STRIP, (j) => `    a${j} += (partial[begin + ${j}u * d.UNITS] + partial[begin + ${j}u * d.UNITS + apart]) + (partial[begin + ${j}u * d.UNITS + 2u * apart] + partial[begin + ${j}u * d.UNITS + 3u * apart]);`)}
    begin += 4u * apart;
  }
  for (; slice < d.SLICES; slice++) {
${lines(STRIP, (j) => `    a${j} += partial[begin + ${j}u * d.UNITS];`)}
    begin += apart;
  }
  let first = place(id.x);
  var sums = array<vec4f, ${STRIP}>(${Array.from({ length: STRIP }, (_, j) => `a${j}`).join(', ')});
  finish(first.x, id.y, first.y, first.z, &sums);
}`,
  };
}

/**
 * What Winograd's convolution spends its time on: a matrix product, output × input channels × tiles, for each of the 16
 * places of a tile (and each group). As in the tiled family, over parts in workgroup memory; but whole rows of numbers
 * lie side by side here, so that an invocation can own pixels that are far apart, and neighbours always read and write
 * neighbouring words.
 */
import { type Kernel, STRIP, lines, uniform } from '../kernel';
import { wgsl } from '../wgsl';
import { type ConvDims, flopsOf } from './shape';
import { type Tile, invocationsOf, tileProducts } from './tiled';

/**
 *   products[g, o, t] = Σ_c weight[g, o, c] · transformed[g, c, t]
 *
 * for every one of GROUPS, with `d` as productDims counts (IN and OUT blocks, W tiles). A step is one tile of input
 * channels: while its products are summed, what the next one needs is on its way from storage to registers. Past the
 * last channel the weights are zeros, and past the last tile nothing is stored: so loads need no test, only an index
 * that exists.
 *
 * Bindings: transformed weight products.
 */
export function winogradProducts(d: ConvDims, tile: Tile): Kernel {
  const { blocks, units, depth, own } = tile;
  const threads = invocationsOf(tile);
  const columns = units * STRIP;
  const apart = blocks / own;
  const OUT_TILES = Math.ceil(d.OUT / blocks);
  const dims = { IN: d.IN, OUT: d.OUT, TILES: d.W, OUT_TILES, STEPS: Math.ceil(d.IN / depth) };
  /** Of the inputs, so many rows apart are loaded by one invocation, and so many columns of each. */
  const ownInputs = (depth * columns) / threads;
  const perRow = Math.max(1, columns / threads);
  const rowOf = (e: number): string =>
    threads >= columns ? `(me / ${columns}u + ${e * (threads / columns)}u)` : `${Math.floor(e / perRow)}u`;
  const columnOf = (e: number): string =>
    threads >= columns ? `me % ${columns}u` : `(me + ${(e % perRow) * threads}u)`;
  const ownWeights = (depth * 4 * blocks) / threads;
  return {
    name: 'winogradProducts',
    dims,
    flops: flopsOf(d),
    workgroups: [Math.ceil(d.W / columns), OUT_TILES, d.GROUPS],
    code: wgsl`
${uniform(dims)}
@group(0) @binding(1) var<storage, read> transformed: array<vec4f>;    // [GROUPS, IN, TILES]
@group(0) @binding(2) var<storage, read> weight: array<vec4f>;         // [GROUPS, OUT_TILES, STEPS, depth, 4, blocks]
@group(0) @binding(3) var<storage, read_write> products: array<vec4f>; // [GROUPS, OUT, TILES]

var<workgroup> inputs: array<vec4f, ${depth * columns}>;     // [depth, columns]
var<workgroup> filters: array<vec4f, ${depth * 4 * blocks}>; // [depth, 4, blocks]

@compute @workgroup_size(${units}, ${apart})
fn main(@builtin(workgroup_id) at: vec3u, @builtin(local_invocation_id) own: vec3u, @builtin(local_invocation_index) me: u32) {
${lines(
  ownInputs,
  (e) => `  let row${e} = ${rowOf(e)};
  let from${e} = at.z * d.IN * d.TILES + min(at.x * ${columns}u + ${columnOf(e)}, d.TILES - 1u);
  var v${e} = transformed[from${e} + min(row${e}, d.IN - 1u) * d.TILES];`,
)}
  var weights = (at.z * d.OUT_TILES + at.y) * d.STEPS * ${depth * 4 * blocks}u + me;
${lines(ownWeights, (e) => `  var k${e} = weight[weights + ${e * threads}u];`)}
${lines(own, (b) => lines(STRIP, (j) => `  var a${b}_${j} = vec4f();`))}

  for (var step = 1u; step <= d.STEPS; step++) {
    workgroupBarrier();
${lines(ownInputs, (e) => `    inputs[me + ${e * threads}u] = v${e};`)}
${lines(ownWeights, (e) => `    filters[me + ${e * threads}u] = k${e};`)}
    workgroupBarrier();
    if (step < d.STEPS) {
      weights += ${depth * 4 * blocks}u;
${lines(ownInputs, (e) => `      v${e} = transformed[from${e} + min(step * ${depth}u + row${e}, d.IN - 1u) * d.TILES];`)}
${lines(ownWeights, (e) => `      k${e} = weight[weights + ${e * threads}u];`)}
    }
${tileProducts(tile, (k, j) => k * columns + j * units)}
  }

${lines(
  own,
  (b) => `  let o${b} = at.y * ${blocks}u + own.y + ${b * apart}u;
  if (o${b} < d.OUT) {
    let to = (at.z * d.OUT + o${b}) * d.TILES;
${lines(
  STRIP,
  (j) => `    let t${j} = at.x * ${columns}u + own.x + ${j * units}u;
    if (t${j} < d.TILES) { products[to + t${j}] = a${b}_${j}; }`,
)}
  }`,
)}
}`,
  };
}

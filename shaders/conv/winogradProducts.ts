/**
 * What Winograd's convolution spends its time on: a matrix product, output × input channels × tiles, for each of the 16
 * elements of a tile (and each group). As in the tiled family, over parts in workgroup memory; but whole rows of
 * numbers lie side by side here, so that an invocation can own pixels that are far apart, and neighbours always read
 * and write neighbouring words.
 */
import { type Kernel, STRIP, kernel, lines, unroll } from '../kernel';
import { ANY_PRECISION, reads, writes } from '../tensor';
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
  /** Of the inputs, so many rows apart are loaded by one invocation, and so many columns of each. */
  const ownInputs = (depth * columns) / threads;
  const perRow = Math.max(1, columns / threads);
  const rowOf = (e: number): string =>
    threads >= columns ? `(me / ${columns}u + ${e * (threads / columns)}u)` : `${Math.floor(e / perRow)}u`;
  const columnOf = (e: number): string =>
    threads >= columns ? `me % ${columns}u` : `(me + ${(e % perRow) * threads}u)`;
  const inputs = { e: ownInputs };
  const weights = { e: (depth * 4 * blocks) / threads };
  return kernel({
    name: 'winogradProducts',
    dims: { IN: d.IN, OUT: d.OUT, TILES: d.W, OUT_TILES, STEPS: Math.ceil(d.IN / depth) },
    tensors: [
      reads('transformed', 'GROUPS IN TILES'),
      reads('weight', `GROUPS OUT_TILES STEPS ${depth * 4 * blocks}`, ANY_PRECISION),
      writes('products', 'GROUPS OUT TILES'),
    ],
    flops: flopsOf(d),
    functions: `
var<workgroup> inputs: array<vec4f, ${depth * columns}>; // [depth, columns]
var<workgroup> filters: array<vec4f, ${depth * 4 * blocks}>; // [depth, 4, blocks]`,
    workgroups: [Math.ceil(d.W / columns), OUT_TILES, d.GROUPS],
    workgroupSize: [units, apart],
    takes: ['group', 'own', 'me'],
    body: `
let g = group.z;
${lines(
  ownInputs,
  (e) => `
let row${e} = ${rowOf(e)};
let from${e} = index_transformed(g, 0u, min(group.x * ${columns}u + ${columnOf(e)}, d.TILES - 1u));
var v${e} = transformed[from${e} + min(row${e}, d.IN - 1u) * d.TILES];`,
)}
var weights = index_weight(g, group.y, 0u, me);
${unroll(weights, `var k{e} = load_weight_at(weights + {e}u * ${threads}u);`)}
${unroll({ b: own, j: STRIP }, 'var a{b}_{j} = vec4f();')}

for (var step = 1u; step <= d.STEPS; step++) {
  workgroupBarrier();
${unroll(inputs, `inputs[me + {e}u * ${threads}u] = v{e};`)}
${unroll(weights, `filters[me + {e}u * ${threads}u] = k{e};`)}
  workgroupBarrier();
  if (step < d.STEPS) {
    weights += ${depth * 4 * blocks}u;
${unroll(inputs, `v{e} = transformed[from{e} + min(step * ${depth}u + row{e}, d.IN - 1u) * d.TILES];`)}
${unroll(weights, `k{e} = load_weight_at(weights + {e}u * ${threads}u);`)}
  }
${tileProducts(tile, (k, j) => k * columns + j * units)}
}

${unroll(
  { b: own },
  `
let o{b} = group.y * ${blocks}u + own.y + {b}u * ${apart}u;
if (o{b} < d.OUT) {
  let to = index_products(g, o{b}, 0u);
${unroll(
  { j: STRIP },
  `
  let t{j} = group.x * ${columns}u + own.x + {j}u * ${units}u;
  if (t{j} < d.TILES) { products[to + t{j}] = a{b}_{j}; }`,
)}
}`,
)}`,
  });
}

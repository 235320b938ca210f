/** What maps pixel to pixel: sums and products of tensors, scale and bias, and plain copies with a ReLU epilogue. */
import { type BackwardEpilogue, RECTIFY, epilogueDims, giveFunction } from './epilogue';
import { type Kernel, STRIP, grid, lines, stripsOf, uniform } from './kernel';
import { wgsl } from './wgsl';

export interface ElementwiseDims {
  readonly N: number;
  readonly H: number;
  readonly W: number;
  readonly BLOCKS: number;
  readonly Y_BLOCK: number;
  readonly Y_BLOCKS: number;
}

/** First block and blocks of one input's storage. */
export type Place = readonly [block: number, blocks: number];

/** A scale and a bias per channel, or one of each per element: `[C/4, 1 or H·W, 2]` of vec4f. */
export type Affine = 'none' | 'channels' | 'elements';

/** Where the scale of a pixel lies. */
const affineAt = (affine: Affine, pixel: string): string =>
  affine === 'elements' ? `2u * (id.y * d.H * d.W + ${pixel})` : '2u * id.y';

/**
 *   y = Σ_k x_k, or Π_k x_k, or x · scale + bias,  then ReLU
 *
 * One invocation owns a strip, so that it can write its word of ReLU bits. Bindings: x0 x1 … [affine] y [bits].
 */
export function elementwiseForward(
  d: ElementwiseDims,
  inputs: readonly Place[],
  options: { product: boolean; affine: Affine; relu: boolean; bits: boolean },
): Kernel {
  const { product, affine, relu, bits } = options;
  const dims: Record<string, number> = { ...d, STRIPS: stripsOf(d.W) };
  inputs.forEach(([block, blocks], k) => Object.assign(dims, { [`X${k}_BLOCK`]: block, [`X${k}_BLOCKS`]: blocks }));
  const at = (k: number): string => `x${k}[((id.z * d.X${k}_BLOCKS + d.X${k}_BLOCK + id.y) * d.H + h) * d.W + w]`;
  return {
    name: affine !== 'none' ? 'affineForward' : product ? 'productForward' : 'sumForward',
    dims,
    flops: 0,
    workgroups: grid(dims['STRIPS']! * d.H, d.BLOCKS, d.N),
    code: wgsl`
${uniform(dims)}
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;      // [N, C/4, H, W]
#if ${bits}
@group(0) @binding(2) var<storage, read_write> bits: array<u32>;     // [N, C/4, H, W/8]
#endif
#if ${affine !== 'none'}
@group(0) @binding(3) var<storage, read> affine: array<vec4f>;       // [C/4, 1 or H·W, 2]: scale, bias
#endif
${lines(inputs.length, (k) => `@group(0) @binding(${4 + k}) var<storage, read> x${k}: array<vec4f>;          // [N, C/4, H, W]`)}
${relu ? RECTIFY : ''}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.STRIPS * d.H) { return; }
  let h = id.x / d.STRIPS;
  let strip = id.x % d.STRIPS;
  let line = (id.z * d.Y_BLOCKS + d.Y_BLOCK + id.y) * d.H + h;
  var word = 0u;
  for (var j = 0u; j < ${STRIP}u; j++) {
    let w = strip * ${STRIP}u + j;
    if (w >= d.W) { break; }
    var value = ${inputs.map((_, k) => at(k)).join(product ? ' * ' : ' + ')};
#if ${affine !== 'none'}
    let place = ${affineAt(affine, 'h * d.W + w')};
    value = value * affine[place] + affine[place + 1u];
#endif
#if ${relu}
    value = rectify(value);
#endif
#if ${bits}
    word |= signs(value) << (4u * j);
#endif
    y[line * d.W + w] = value;
  }
#if ${bits}
  bits[line * d.STRIPS + strip] = word;
#endif
}`,
  };
}

/**
 * dX = dY, or dY · scale, or dY · other: what every input of a sum receives, and what a factor does. `dX`'s place is
 * `Y_…` of `d`. Bindings: dY [affine or other] dX [bits].
 */
export function elementwiseBackward(
  d: ElementwiseDims,
  [dYBlock, dYBlocks]: Place,
  by: Affine | { readonly other: Place },
  epilogue: BackwardEpilogue,
): Kernel {
  const other = typeof by === 'object' ? by.other : null;
  const affine = typeof by === 'object' ? 'none' : by;
  const dims = {
    ...d,
    DY_BLOCK: dYBlock,
    DY_BLOCKS: dYBlocks,
    ...(other ? { OTHER_BLOCK: other[0], OTHER_BLOCKS: other[1] } : {}),
    ...epilogueDims(epilogue),
  };
  return {
    name: other ? 'productBackward' : affine !== 'none' ? 'affineBackward' : 'sumBackward',
    dims,
    flops: 0,
    workgroups: grid(d.H * d.W, d.BLOCKS, d.N),
    code: wgsl`
${uniform(dims)}
@group(0) @binding(1) var<storage, read> dY: array<vec4f>;       // [N, C/4, H, W]
#if ${affine !== 'none'}
@group(0) @binding(2) var<storage, read> affine: array<vec4f>;   // [C/4, 1 or H·W, 2]: scale, bias
#elif ${other !== null}
@group(0) @binding(2) var<storage, read> other: array<vec4f>;    // [N, C/4, H, W]
#endif
${giveFunction(3, epilogue)}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.H * d.W) { return; }
  let h = id.x / d.W;
  let w = id.x % d.W;
  var value = dY[((id.z * d.DY_BLOCKS + d.DY_BLOCK + id.y) * d.H + h) * d.W + w];
#if ${affine !== 'none'}
  value *= affine[${affineAt(affine, 'id.x')}];
#elif ${other !== null}
  value *= other[(id.z * d.OTHER_BLOCKS + d.OTHER_BLOCK + id.y) * d.H * d.W + id.x];
#endif
  give(id.z * d.Y_BLOCKS + d.Y_BLOCK + id.y, h, w, value);
}`,
  };
}

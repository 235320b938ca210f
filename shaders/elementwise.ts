/** What maps pixel to pixel: sums and products of tensors, scale and bias, and plain copies with a ReLU epilogue. */
import { type BackwardEpilogue, RECTIFY, gradientOf } from './epilogue';
import { type Kernel, STRIP, eachPixel, kernel, stripsOf } from './kernel';
import { ANY_PRECISION, type SliceOf, type Slices, reads, writes } from './tensor';
import { wgsl } from './wgsl';

export interface ElementwiseDims {
  readonly N: number;
  readonly H: number;
  readonly W: number;
  readonly BLOCKS: number;
}

/** A scale and a bias per channel, or one of each per element: `[C/4, 1 or H·W, 2]` of vec4f. */
export type Affine = 'none' | 'channels' | 'elements';

/** The declaration of scale and bias, and WGSL of the index of those of pixel (h, w). */
const affineOf = (affine: Affine) =>
  affine === 'elements'
    ? { tensor: reads('affine', 'C/4 H W 2'), at: 'b, h, w' }
    : { tensor: reads('affine', 'C/4 2'), at: 'b' };

/**
 *   y = Σ_k x_k, or Π_k x_k, or x · scale + bias,  then ReLU
 *
 * One invocation owns a strip, so that it can write its word of ReLU bits. Bindings: x0 x1 … [affine] y [bits].
 */
export function elementwiseForward(
  d: ElementwiseDims,
  { inputs, y }: { readonly inputs: readonly SliceOf[]; readonly y: SliceOf },
  options: { product: boolean; affine: Affine; relu: boolean; bits: boolean },
): Kernel {
  const { product, affine, relu, bits } = options;
  const scaled = affineOf(affine);
  return kernel({
    name: affine !== 'none' ? 'affineForward' : product ? 'productForward' : 'sumForward',
    dims: { ...d, STRIPS: stripsOf(d.W) },
    slices: { ...Object.fromEntries(inputs.map((x, k) => [`x${k}`, x])), y },
    tensors: [
      ...inputs.map((_, k) => reads(`x${k}`, 'N C/4 H W', ANY_PRECISION)),
      affine !== 'none' && scaled.tensor,
      writes('y', 'N C/4 H W', ANY_PRECISION),
      bits && writes('bits', 'N C/4 H STRIPS', { element: 'u32', like: 'y' }),
    ],
    functions: relu ? RECTIFY : '',
    each: eachPixel({ h: 'H', strip: 'STRIPS' }),
    body: wgsl`
var word = 0u;
for (var j = 0u; j < ${STRIP}u; j++) {
  let w = strip * ${STRIP}u + j;
  if (w >= d.W) { break; }
  var value = ${inputs.map((_, k) => `load_x${k}(n, b, h, w)`).join(product ? ' * ' : ' + ')};
#if ${affine !== 'none'}
  value = value * load_affine(${scaled.at}, 0u) + load_affine(${scaled.at}, 1u);
#endif
#if ${relu}
  value = rectify(value);
#endif
#if ${bits}
  word |= signs(value) << (4u * j);
#endif
  store_y(n, b, h, w, value);
}
#if ${bits}
store_bits(n, b, h, strip, word);
#endif`,
  });
}

/**
 * dX = dY, or dY · scale, or dY · other: what every input of a sum receives, and what a factor does. `by` is the scale,
 * or where the other factor lies. Bindings: dY [affine or other] dX [bits].
 */
export function elementwiseBackward(
  d: ElementwiseDims,
  slices: Slices<'dX' | 'dY'>,
  by: Affine | Slices<'other'>,
  epilogue: BackwardEpilogue,
): Kernel {
  const other = typeof by === 'object' ? by.other : null;
  const affine = typeof by === 'object' ? 'none' : by;
  const scaled = affineOf(affine);
  const gradient = gradientOf(epilogue);
  return kernel({
    name: other ? 'productBackward' : affine !== 'none' ? 'affineBackward' : 'sumBackward',
    dims: { ...d, ...gradient.dims },
    slices: { ...slices, ...(other && { other }) },
    tensors: [
      reads('dY', 'N C/4 H W'),
      affine !== 'none' && scaled.tensor,
      other !== null && reads('other', 'N C/4 H W', ANY_PRECISION),
      ...gradient.tensors,
    ],
    functions: gradient.functions,
    each: eachPixel({ h: 'H', w: 'W' }),
    body: wgsl`
var value = load_dY(n, b, h, w);
#if ${affine !== 'none'}
value *= load_affine(${scaled.at}, 0u);
#elif ${other !== null}
value *= load_other(n, b, h, w);
#endif
storeGradient(n, b, h, w, value);`,
  });
}

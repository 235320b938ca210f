/** The steps of one convolution, by the family of kernels that suits it. */
import { convDepthwise } from '../../shaders/conv/depthwise';
import { type DirectVariant, convDirect } from '../../shaders/conv/direct';
import { type Finish, finishForward } from '../../shaders/conv/finish';
import type { ConvDims } from '../../shaders/conv/shape';
import { type TiledVariant, convSum, convTiled, partialLength, stepsOf } from '../../shaders/conv/tiled';
import {
  type ConvWeightShape,
  type Direction,
  type WeightTile,
  isDepthwise,
  packConvWeight,
  packTiledWeight,
  packWinogradWeight,
  packedConvLength,
  packedTiledLength,
  packedWinogradLength,
} from '../../shaders/conv/weights';
import { type WinogradVariant, productDims, winogradInput, winogradOutput } from '../../shaders/conv/winograd';
import { winogradProducts } from '../../shaders/conv/winogradProducts';
import type { Kernel } from '../../shaders/kernel';
import type { SliceOf } from '../../shaders/tensor';
import type { Variants } from '../variants/variants';
import { type Slice, type Step, type Tensor, type Tensors, stepOf } from './op';

/** A convolution's weight, OIHW as in the file. */
export interface Filters {
  readonly name: string;
  readonly data: Float32Array;
  readonly shape: ConvWeightShape;
}

export interface Convolution {
  /** Of the layer, and of the kernel: `conv1` and `convForward`. */
  readonly layer: string;
  readonly name: string;
  readonly filters: Filters;
  readonly direction: Exclude<Direction, 'transposed'>;
  readonly dims: ConvDims;
  readonly finish: Finish;
  readonly x: Slice;
  /** What `finish` binds. */
  readonly stores: Tensors;
}

export function convolve(convolution: Convolution, variants: Variants): readonly Step[] {
  const { layer, name, filters, direction, dims, x, stores } = convolution;
  if (isDepthwise(filters.shape)) {
    const weight = directWeight(filters, direction);
    return [stepOf(layer, name, convDepthwise(convolution), { weight, x, ...stores })];
  }
  const variant = variants.conv(dims);
  switch (variant.family) {
    case 'direct':
      return direct(convolution, variant);
    case 'tiled':
      return tiled(convolution, variant);
    case 'winograd':
      return winograd(convolution, variant);
  }
}

/** A weight, packed; plans of one model share it by its name, so that says how it lies. */
const weightTensor = (
  { name, shape: { groups } }: Filters,
  layout: string,
  length: number,
  fill: () => Float32Array,
): Tensor => ({
  name: `${name}/${layout}${groups === 1 ? '' : ` in ${groups} groups`}`,
  bytes: Math.max(length, 4) * 4,
  kind: 'weight',
  fill: length > 0 ? fill : () => new Float32Array(4), // of no taps
});

/** The weight as the direct and depthwise kernels and the strided backward kernel read it. */
export const directWeight = (filters: Filters, direction: Direction): Tensor =>
  weightTensor(filters, direction, packedConvLength(filters.shape), () =>
    packConvWeight(filters.data, filters.shape, direction),
  );

function direct(convolution: Convolution, variant: DirectVariant): readonly Step[] {
  const { layer, name, filters, direction, x, stores } = convolution;
  const weight = directWeight(filters, 'forward');
  return [stepOf(layer, name, convDirect(convolution, variant, direction), { weight, x, ...stores })];
}

function tiled(convolution: Convolution, variant: TiledVariant): readonly Step[] {
  const { layer, name, filters, direction, dims, finish, x, stores } = convolution;
  const { tile } = variant;
  const { spans } = stepsOf(dims, tile, variant.spans);
  const weight = weightTensor(
    filters,
    `${direction} in tiles of ${tile.blocks}×${tile.depth}`,
    packedTiledLength(filters.shape, direction, tile),
    () => packTiledWeight(filters.data, filters.shape, direction, tile),
  );
  const kernel = convTiled(convolution, variant);
  if (spans === 1) return [stepOf(layer, name, kernel, { weight, x, ...stores })];
  const partial: Tensor = {
    name: `${layer}.${name}.partial`,
    bytes: partialLength(dims, finish.unit, spans) * 4,
    kind: 'transient',
  };
  return [
    stepOf(layer, name, kernel, { weight, x, partial }),
    stepOf(layer, `${name}Sum`, convSum({ ...convolution, name: `${name}Sum` }, spans), { partial, ...stores }),
  ];
}

/** How whole filters of a channel lie for the direct kernel. */
const UNTILED = { blocks: 1, depth: 1 };

function winograd(convolution: Convolution, variant: WinogradVariant): readonly Step[] {
  const { layer, name, filters, direction, dims, finish, x, stores } = convolution;
  const product = productDims(dims);
  const transient = (suffix: string, blocks: number): Tensor => ({
    name: `${layer}.${name}.${suffix}`,
    bytes: blocks * product.W * 16,
    kind: 'transient',
  });
  const transformed = transient('transformed', product.GROUPS * product.IN);
  const products = transient('products', product.GROUPS * product.OUT);
  const packed = (direction: Direction, tile: WeightTile): Tensor =>
    weightTensor(
      filters,
      `${direction} for Winograd in tiles of ${tile.blocks}×${tile.depth}`,
      packedWinogradLength(filters.shape, direction, tile),
      () => packWinogradWeight(filters.data, filters.shape, direction, tile),
    );
  const turned = 'products' in variant && direction === 'flipped';
  const output = `${name}WinogradOutput`;
  return [
    stepOf(layer, `${name}WinogradInput`, winogradInput({ name: 'winogradInput', dims, x }, turned), {
      x,
      transformed,
    }),
    'products' in variant
      ? stepOf(layer, `${name}Winograd`, directProducts(product, variant.products, direction), {
          x: transformed,
          weight: packed('forward', UNTILED),
          y: products,
        })
      : stepOf(layer, `${name}Winograd`, winogradProducts(product, variant.tile), {
          transformed,
          weight: packed(direction, variant.tile),
          products,
        }),
    stepOf(layer, output, winogradOutput({ name: output, dims, finish }, turned), { products, ...stores }),
  ];
}

/** The products as the 1×1 convolution that they are. */
function directProducts(dims: ConvDims, variant: DirectVariant, direction: Convolution['direction']): Kernel {
  const whole = (blocks: number): SliceOf => ({ block: 0, blocks: dims.GROUPS * blocks });
  const finish = finishForward({ bias: false, relu: false, bits: false, pooled: false }, { y: whole(dims.OUT) });
  return convDirect({ name: 'winogradProducts', dims, x: whole(dims.IN), finish }, variant, direction);
}

/** The steps of one convolution, by the family of kernels that suits it. */
import { convDepthwise } from '../../shaders/conv/depthwise';
import { type DirectVariant, convDirect } from '../../shaders/conv/direct';
import type { Finish } from '../../shaders/conv/finish';
import type { ConvDims } from '../../shaders/conv/shape';
import { type TiledVariant, convSum, convTiled, partialLength, stepsOf } from '../../shaders/conv/tiled';
import {
  type ConvWeightShape,
  type Direction,
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
import type { Step, Tensor } from './op';
import type { Variants } from '../variants/variants';

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
  readonly x: Tensor;
  /** What `finish` binds. */
  readonly stores: Step['bind'];
}

export function convolve(convolution: Convolution, variants: Variants): readonly Step[] {
  const { layer, name, filters, direction, dims, finish, x, stores } = convolution;
  if (isDepthwise(filters.shape)) {
    return [
      {
        label: `${layer}.${name}`,
        kernel: convDepthwise(name, dims, finish),
        bind: { weight: directWeight(filters, direction), x, ...stores },
      },
    ];
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
  bytes: length * 4,
  kind: 'weight',
  fill,
});

/** The weight as the direct and depthwise kernels and the strided backward kernel read it. */
export const directWeight = (filters: Filters, direction: Direction): Tensor =>
  weightTensor(filters, direction, packedConvLength(filters.shape), () =>
    packConvWeight(filters.data, filters.shape, direction),
  );

function direct(
  { layer, name, filters, direction, dims, finish, x, stores }: Convolution,
  variant: DirectVariant,
): readonly Step[] {
  return [
    {
      label: `${layer}.${name}`,
      kernel: convDirect(name, dims, variant, direction, finish),
      bind: { weight: directWeight(filters, 'forward'), x, ...stores },
    },
  ];
}

function tiled(
  { layer, name, filters, direction, dims, finish, x, stores }: Convolution,
  variant: TiledVariant,
): readonly Step[] {
  const { tile } = variant;
  const { slices } = stepsOf(dims, tile, variant.slices);
  const weight = weightTensor(
    filters,
    `${direction} in tiles of ${tile.blocks}×${tile.depth}`,
    packedTiledLength(filters.shape, direction, tile),
    () => packTiledWeight(filters.data, filters.shape, direction, tile),
  );
  const label = `${layer}.${name}`;
  const kernel = convTiled(name, dims, variant, finish);
  if (slices === 1) return [{ label, kernel, bind: { weight, x, ...stores } }];
  const partial: Tensor = {
    name: `${label}.partial`,
    bytes: partialLength(dims, finish.unit, slices) * 4,
    kind: 'transient',
  };
  return [
    { label, kernel, bind: { weight, x, partial } },
    { label: `${label}Sum`, kernel: convSum(`${name}Sum`, dims, slices, finish), bind: { partial, ...stores } },
  ];
}

function winograd(
  { layer, name, filters, direction, dims, finish, x, stores }: Convolution,
  { tile }: WinogradVariant,
): readonly Step[] {
  const weight = weightTensor(
    filters,
    `${direction} for Winograd in tiles of ${tile.blocks}×${tile.depth}`,
    packedWinogradLength(filters.shape, direction, tile),
    () => packWinogradWeight(filters.data, filters.shape, direction, tile),
  );
  const label = `${layer}.${name}`;
  const product = productDims(dims);
  const transient = (suffix: string, blocks: number): Tensor => ({
    name: `${label}.${suffix}`,
    bytes: blocks * product.W * 16,
    kind: 'transient',
  });
  const transformed = transient('transformed', product.X_BLOCKS);
  const products = transient('products', product.Y_BLOCKS);
  return [
    { label: `${label}WinogradInput`, kernel: winogradInput('winogradInput', dims), bind: { x, transformed } },
    { label: `${label}Winograd`, kernel: winogradProducts(product, tile), bind: { transformed, weight, products } },
    {
      label: `${label}WinogradOutput`,
      kernel: winogradOutput(`${name}WinogradOutput`, dims, finish),
      bind: { products, ...stores },
    },
  ];
}

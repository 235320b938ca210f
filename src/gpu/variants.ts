/** The kernels that suit a device, by what its adapter is. */
import type { ConvDims } from '../../shaders/conv/shape';
import { type ConvVariant, PLAIN, type Variants } from '../ops/variants';
import type { Environment } from './device';

/**
 * Multiply-adds of a unit that stand in the code of a direct convolution. lavapipe compiles through LLVM, slowly, and gains nothing
 * beyond one row of three taps; for SwiftShader two output blocks make a gradient a third faster (bench/README.md).
 */
const LAVAPIPE_UNROLL = 4;
const UNROLL = 6;

export function variantsFor({ features, adapter }: Pick<Environment, 'features' | 'adapter'>): Variants {
  const unroll = /llvmpipe/i.test(adapter.description) ? LAVAPIPE_UNROLL : UNROLL;
  const quads = features.includes('subgroups');
  // a GPU broadcasts what all its invocations load alike by itself
  return { conv: () => ({ family: 'direct', quads, unroll }), fullyConnected: { quads: quads && adapter.isFallbackAdapter } };
}

/** What a tuner may try for a convolution, the plain one first. */
export function candidatesFor({ features, adapter }: Pick<Environment, 'features' | 'adapter'>): (d: ConvDims) => readonly ConvVariant[] {
  return (d) => [PLAIN.conv(d), variantsFor({ features, adapter }).conv(d)];
}

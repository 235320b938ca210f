/** The kernels that suit a device, by what its adapter is. */
import type { ConvDims } from '../../shaders/conv/shape';
import { type ConvVariant, PLAIN, type Variants } from '../ops/variants';
import type { Environment } from './device';

/**
 * Multiply-adds of a unit that stand in the code of a direct convolution. With 6 (two output blocks of a 3×3) SwiftShader is a tenth
 * faster and compiles for twice as long; lavapipe only compiles for longer.
 */
const UNROLL = 4;

export function variantsFor({ features, adapter }: Pick<Environment, 'features' | 'adapter'>): Variants {
  const quads = features.includes('subgroups');
  // a GPU broadcasts what all its invocations load alike by itself
  return { conv: () => ({ family: 'direct', quads, unroll: UNROLL }), fullyConnected: { quads: quads && adapter.isFallbackAdapter } };
}

/** What a tuner may try for a convolution, the plain one first. */
export function candidatesFor({ features, adapter }: Pick<Environment, 'features' | 'adapter'>): (d: ConvDims) => readonly ConvVariant[] {
  return (d) => [PLAIN.conv(d), variantsFor({ features, adapter }).conv(d)];
}

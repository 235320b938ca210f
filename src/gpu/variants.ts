/** The kernels that suit a device, by what its adapter is. */
import type { Variants } from '../ops/variants';
import type { Environment } from './device';

/**
 * Multiply-adds of a unit that stand in the code of a direct convolution. lavapipe compiles through LLVM, slowly, and gains nothing
 * beyond one row of three taps; SwiftShader compiles quickly and gains a fifth (see bench/README.md).
 */
const LAVAPIPE_UNROLL = 4;
const UNROLL = 6;

export function variantsFor({ features, adapter }: Pick<Environment, 'features' | 'adapter'>): Variants {
  const unroll = /llvmpipe/i.test(adapter.description) ? LAVAPIPE_UNROLL : UNROLL;
  return { conv: () => ({ family: 'direct', quads: features.includes('subgroups'), unroll }) };
}

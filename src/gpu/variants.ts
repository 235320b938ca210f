/** The kernels that suit a device, by what its adapter is. */
import type { ConvDims } from '../../shaders/conv/shape';
import { type ConvVariant, PLAIN, type Variants } from '../ops/variants';
import type { Environment } from './device';
import { machineryFor } from './tiles';

/**
 * Multiply-adds of a unit that stand in the code of a direct convolution: one row of three taps, or two output blocks of a 1×1. More is
 * slower on SwiftShader, and what lavapipe would gain by it, a first gradient loses in compilation (bench/README.md).
 */
const UNROLL = 3;

type Known = Pick<Environment, 'features' | 'adapter' | 'limits'>;

/** Winograd's is never the default: that it wins has to be measured. */
export function variantsFor(known: Known): Variants {
  const { features, adapter } = known;
  const direct = directFor(known);
  // a GPU broadcasts what all its invocations load alike by itself
  const fullyConnected = { quads: features.includes('subgroups') && adapter.isFallbackAdapter };
  return { conv: (d) => machineryFor(d, known).tiled[0] ?? direct, fullyConnected };
}

function directFor({ features }: Known): ConvVariant {
  return { family: 'direct', quads: features.includes('subgroups'), unroll: UNROLL };
}

/** What a tuner may try for a convolution: at most a dozen, the plain one first. */
export function candidatesFor(known: Known): (d: ConvDims) => readonly ConvVariant[] {
  return (d) => {
    const { tiled, winograd } = machineryFor(d, known);
    return [PLAIN.conv(d), directFor(known), ...tiled, ...winograd];
  };
}

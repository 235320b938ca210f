/** The kernels that suit a device, by what its adapter is. */
import type { ConvDims } from '../../shaders/conv/shape';
import { type ConvVariant, type FullyConnectedVariant, PLAIN, type Variants } from './variants';
import type { Environment } from '../environment';
import { coresOf, machineryFor } from './tiles';

/**
 * Multiply-adds of a unit that stand in the code of a direct convolution: one row of three taps, or two output blocks
 * of a 1×1. More taps are slower on SwiftShader, and what lavapipe would gain by more, a first gradient loses in
 * compilation (bench/README.md). Four output blocks of a 1×1 pay on SwiftShader, which compiles them soon.
 */
const UNROLL = 3;
const SWIFTSHADER_UNROLL_1X1 = 4;
/** Of a fully connected layer: as many invocations as a core takes at a time. */
const WORKGROUPS_PER_CORE = 8;

type Known = Pick<Environment, 'features' | 'adapter' | 'limits'>;

export function variantsFor(known: Known): Variants {
  return {
    conv: (d) => machineryFor(d, known).untuned ?? directFor(d, known),
    fullyConnected: fullyConnectedFor(known),
    // a dispatch costs software adapters next to nothing, and a kernel of several takes them longer to compile
    joined: !known.adapter.isFallbackAdapter,
  };
}

/** Those that a device was given, or that suit it. */
export const variantsOf = (device: {
  readonly variants: Variants | undefined;
  readonly environment: Known;
}): Variants => device.variants ?? variantsFor(device.environment);

function fullyConnectedFor({ features, adapter }: Known): FullyConnectedVariant {
  return adapter.isFallbackAdapter
    ? { family: 'direct', quads: features.includes('subgroups') }
    : { family: 'parallel', workgroups: WORKGROUPS_PER_CORE * coresOf(adapter) };
}

function directFor({ R, S }: ConvDims, { features, adapter }: Known): ConvVariant {
  const isWide = R * S === 1 && adapter.architecture === 'swiftshader';
  return {
    family: 'direct',
    quads: features.includes('subgroups'),
    unroll: isWide ? SWIFTSHADER_UNROLL_1X1 : UNROLL,
  };
}

/** What a tuner may try for a convolution: at most a dozen, the plain one first. */
export function candidatesFor(known: Known): (d: ConvDims) => readonly ConvVariant[] {
  return (d) => {
    const { tiled, winograd } = machineryFor(d, known);
    return [PLAIN.conv(d), directFor(d, known), ...tiled, ...winograd];
  };
}

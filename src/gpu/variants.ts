/** The kernels that suit a device, by what its adapter is. */
import type { Variants } from '../ops/variants';
import type { Environment } from './device';

export function variantsFor({ features }: Pick<Environment, 'features'>): Variants {
  return { conv: () => ({ family: 'direct', quads: features.includes('subgroups') }) };
}

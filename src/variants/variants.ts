/** Which of several kernels that compute the same a plan is made of. */
import type { DirectVariant } from '../../shaders/conv/direct';
import type { ConvDims } from '../../shaders/conv/shape';
import type { TiledVariant } from '../../shaders/conv/tiled';
import type { WinogradVariant } from '../../shaders/conv/winograd';
import type { DirectFullyConnected } from '../../shaders/fullyConnected/direct';
import type { ParallelFullyConnected } from '../../shaders/fullyConnected/parallel';

export type ConvVariant = DirectVariant | TiledVariant | WinogradVariant;
export type FullyConnectedVariant = DirectFullyConnected | ParallelFullyConnected;

/** Chosen per device; the plain ones run on every device. */
export interface Variants {
  /**
   * Of a convolution with these extents, or of the input gradient of one (which is a convolution as well). Winograd's
   * only where `suitsWinograd`.
   */
  conv(d: ConvDims): ConvVariant;
  readonly fullyConnected: FullyConnectedVariant;
  /** Whether steps that do not wait for one another share a dispatch. Default: no. */
  readonly joined?: boolean;
}

export const PLAIN: Variants = {
  conv: () => ({ family: 'direct', quads: false, unroll: 1 }),
  fullyConnected: { family: 'direct', quads: false },
};

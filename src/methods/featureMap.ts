import type { ImageInput } from '../image/pixels';
import type { Model } from '../model';
import { atCall } from './atCall';
import type { FeatureMapOptions, FeatureMapsOptions } from './featureMaps';
import type { Heatmap } from './heatmap';
import { method } from './method';
import { tensorsOption } from './sharedOptions';

export type { FeatureMapOptions, FeatureMapsOptions } from './featureMaps';

/**
 * Feature map (beyond the paper): §3.2 goes by the colours of what a map is sure of; this goes by features, as Deep
 * Spectral Methods (Melas-Kyriazi et al. 2022) do, but of a class. The layer map M names seeds of the object and of its
 * surroundings; over the activations of the finest layer both are Gaussians with one covariance (Fisher's
 * discriminant); each pixel of M is multiplied by how much likelier the object is there:
 *
 *   F = M · exp(α · z),   z = (r − ⟨r⟩) / σ(r),   r = (μ₁ − μ₀)ᵀ Σ⁻¹ f
 *
 * with f the activations of a pixel, at length 1, and M the geometric mean of the layer maps of the picture and of its
 * mirror image. `border` of the map is the level whose border crosses the largest change of features in the layers
 * between the finest and the coarsest, as a sweep of a normalised cut would find it, held near 0.15 of the largest
 * value; `mapBox` goes by it.
 *
 * It says where the object is, and no longer what the score depends on: what only looks alike inside the network is
 * bright, too.
 *
 * @throws GradlensError `validation` for an empty list of tensors and for options; `shape` for a picture on the GPU
 *   with `mirror: 'on'`; else as {@link Model.layerGradient}
 * @example
 * ```ts
 * import { featureMap, mapBox } from 'gradlens';
 *
 * const map = await featureMap(model, picture, { class: model.labels.indexOf('ladybug') });
 * const { box } = mapBox(map, picture); // [x, y, width, height]
 * ```
 */
export async function featureMap(model: Model, image: ImageInput, options: FeatureMapOptions = {}): Promise<Heatmap> {
  const { class: chosen = 'top1' } = options;
  const [map] = await featureMaps(model, image, { ...options, class: chosen });
  return map!;
}

/**
 * The maps of several classes of one picture, from one forward pass for each layer, as `layerMaps`. The model's batch
 * is 1.
 * @throws GradlensError as {@link featureMap}
 * @example
 * ```ts
 * import { featureMaps } from 'gradlens';
 *
 * const [best, second] = await featureMaps(model, picture, { class: { top: 2 } });
 * ```
 */
export async function featureMaps(model: Model, image: ImageInput, options: FeatureMapsOptions): Promise<Heatmap[]> {
  [image, options] = await atCall(image, options);
  // what other methods do without is fetched when it is asked for
  const { mapsOf } = await import('./featureMaps');
  return mapsOf(model, image, options);
}

/** @hidden In {@link METHODS}. */
export const featureMapMethod = method({
  name: 'features',
  title: 'Feature map',
  source: 'after Melas-Kyriazi et al.',
  year: 2022,
  meaning: 'the layer map, times how much likelier its features are of the object than of what surrounds it',
  reading: [
    'Bright pixels lie where the layer map finds the object, or where the network sees what it sees there.',
    'It goes by looks inside the network: what only looks like the object is bright too, and the map no longer says ' +
      'what the score depends on.',
    'Take it for boxes and cut-outs; for what the score depends on, take the layer map.',
  ],
  options: {
    tensors: tensorsOption,
    /** How much features count. */
    strength: {
      kind: 'number',
      range: [0, 4],
      step: 0.05,
      default: 0.25,
      label: 'Strength of features',
      help: 'how much features count; 0: not at all',
    },
    /** Whether the mirror image counts too. */
    mirror: {
      kind: 'choice',
      choices: [
        ['on', 'counts too'],
        ['off', 'does not count'],
      ],
      default: 'on',
      label: 'Mirror image',
      help: 'whether the layer map of the mirror image counts too, at the price of as many gradients again',
    },
  },
  signed: () => false,
  batch: () => 1,
  make: featureMap,
  several: featureMaps,
});

/** How a picture becomes a network's input: the customs that have names. */
import { GradlensError } from '../errors';
import type { Extents, InputSpec, PresetName } from '../graph';
import { printExtents } from '../shape';

type Preset = Pick<InputSpec, 'order' | 'scale' | 'mean' | 'std' | 'resize'>;

/** Three channels each; their size is the graph's. */
export const PRESETS: Readonly<Record<PresetName, Preset>> = {
  /** Of torchvision, timm, MXNet: ImageNet's mean and standard deviation. */
  torchvision: {
    order: 'RGB',
    scale: 1 / 255,
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
    resize: 'crop',
  },
  /** Of Caffe, and of Keras where it took Caffe's weights: 0…255 less ImageNet's mean. */
  'caffe-bgr': { order: 'BGR', scale: 1, mean: [103.939, 116.779, 123.68], std: [1, 1, 1], resize: 'squash' },
  /** 0…1 */
  unit: { order: 'RGB', scale: 1 / 255, mean: [0, 0, 0], std: [1, 1, 1], resize: 'squash' },
  /** −1…1, of TensorFlow's own nets. */
  signed: { order: 'RGB', scale: 1 / 255, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5], resize: 'squash' },
  /** 0…255 as they are, for nets that prepare pictures themselves. */
  raw: { order: 'RGB', scale: 1, mean: [0, 0, 0], std: [1, 1, 1], resize: 'squash' },
};

/** Names of the customs that {@link presetSpec} knows. */
export const presetNames = Object.keys(PRESETS) as PresetName[];

export const isPreset = (name: string): name is PresetName => Object.hasOwn(PRESETS, name);

/**
 * A custom in full, for a network that takes `C×H×W`. Those that treat all channels alike go for grey pictures too.
 *
 * @param prep its name.
 * @param extents of the network's input.
 * @throws GradlensError `shape` where the network has another number of channels.
 * @example
 * ```ts
 * import { presetSpec } from 'gradlens';
 *
 * const { mean, std } = presetSpec('torchvision', { C: 3, H: 224, W: 224 });
 * ```
 */
export function presetSpec(prep: PresetName, { C, H, W }: Extents): InputSpec {
  const preset = PRESETS[prep];
  if (C === 3) return { width: W, height: H, channels: 3, ...preset };
  const isGrey = C === 1 && (prep === 'unit' || prep === 'signed' || prep === 'raw');
  if (!isGrey)
    throw new GradlensError(
      'shape',
      `the preparation ${prep} makes ${C === 1 ? 'colours' : 'three channels'}; ` +
        `the network takes ${printExtents({ C, H, W })}`,
      { prep, channels: C },
    );
  return { width: W, height: H, channels: 1, ...preset, mean: preset.mean.slice(0, 1), std: preset.std.slice(0, 1) };
}

/** What a picture becomes, in a line for people. */
export function describeSpec({ width, height, channels, order, scale, mean, std, resize }: InputSpec): string {
  const number = (value: number): string => String(Number(value.toPrecision(4)));
  const list = (values: readonly number[]): string => [...new Set(values.map(number))].join(', ');
  const colours = channels === 1 ? 'grey' : order;
  const pixel = scale === 1 ? 'pixel' : `pixel · ${number(scale)}`;
  const isPlain = mean.every((value) => value === 0) && std.every((value) => value === 1);
  const formula = isPlain ? pixel : `(${pixel} − ${list(mean)}) / ${list(std)}`;
  return `${height}×${width}, ${colours}, ${formula}, pixel in 0…255; other shapes: ${resize}`;
}

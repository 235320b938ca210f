import type { Pair } from '../../graph';
import type { ResizeNode } from '../../ops/resize';
import { formatError } from '../checks';
import { unary, unsupported, type Call, type Operators, type Translation } from './call';
import { printShape, rankOf, type Value } from './value';

export const resizing: Operators = {
  Resize: {
    attributes: [
      'mode',
      'coordinate_transformation_mode',
      'nearest_mode',
      'cubic_coeff_a',
      'exclude_outside',
      'extrapolation_value',
      'antialias',
      'axes',
      'keep_aspect_ratio_policy',
    ],
    inputs: [1, 4],
    translate: resize,
  },
  Upsample: { attributes: ['mode', 'scales'], inputs: [1, 2], translate: upsample },
};

const COORDINATES: Readonly<Record<string, ResizeNode['coordinates']>> = {
  half_pixel: 'half-pixel',
  pytorch_half_pixel: 'pytorch-half-pixel',
  half_pixel_symmetric: 'half-pixel-symmetric',
  tf_half_pixel_for_nn: 'tensorflow-half-pixel',
  asymmetric: 'asymmetric',
  align_corners: 'align-corners',
};
const ROUNDING: Readonly<Record<string, NonNullable<ResizeNode['rounding']>>> = {
  floor: 'floor',
  ceil: 'ceil',
  round_prefer_floor: 'round-prefer-floor',
  round_prefer_ceil: 'round-prefer-ceil',
};
const MODES: Readonly<Record<string, ResizeNode['mode']>> = {
  nearest: 'nearest',
  linear: 'linear',
  bilinear: 'linear',
  cubic: 'cubic',
};

/** Upsample, and Resize of opset 10: pixel i lies at i / scale. */
function upsample(call: Call): Translation {
  const value = planes(call);
  const scales = call.numbers(1) ?? call.floats('scales');
  if (!scales) throw formatError(`${call.where}: has no scales`);
  const nearest = { rounding: 'floor' } as const;
  return drawn(call, value, {
    ...sizesOf(call, value, scales),
    mode: modeOf(call),
    coordinates: 'asymmetric',
    ...(modeOf(call) === 'nearest' && nearest),
  });
}

function resize(call: Call): Translation {
  if (call.model.opset < 11) return upsample(call);
  const value = planes(call);
  for (const [name, only] of [['keep_aspect_ratio_policy', 'stretch']] as const) {
    if (call.string(name, only) !== only) throw unsupported(`its ${name} is ${call.string(name, only)}`, only);
  }
  if (call.int('antialias', 0) || call.int('exclude_outside', 0))
    throw unsupported('it sets antialias or exclude_outside', '0 for both');
  const coordinates = call.choice('coordinate_transformation_mode', 'half_pixel', COORDINATES);
  const rounding = call.choice('nearest_mode', 'round_prefer_floor', ROUNDING);
  const mode = modeOf(call);
  const chosen = call.ints('axes') ?? [0, 1, 2, 3];
  const sizes = call.integers(3);
  const places = sizes?.length ? placed(chosen, sizes, value.shape) : undefined;
  const scales = places ? undefined : call.numbers(2);
  if (!places && !scales?.length) throw formatError(`${call.where}: has neither scales nor sizes`);
  const size = places
    ? {
        size: [places[2]!, places[3]!] as const,
        ...checkStill(places[1] === value.shape[1] && places[0] === value.shape[0]),
      }
    : sizesOf(call, value, placed(chosen, scales!, [1, 1, 1, 1]));
  const options = {
    ...(mode === 'nearest' && { rounding }),
    ...(mode === 'cubic' && { coefficient: call.float('cubic_coeff_a', -0.75) }),
  };
  return drawn(call, value, { ...size, mode, coordinates, ...options });
}

/** One number per axis, where the file gives only those of `axes`. */
function placed(axes: readonly number[], given: ArrayLike<number>, otherwise: readonly number[]): number[] {
  return otherwise.map((value, axis) => {
    const k = axes.findIndex((chosen) => (chosen < 0 ? chosen + otherwise.length : chosen) === axis);
    return k < 0 ? value : given[k]!;
  });
}

const checkStill = (still: boolean): object => {
  if (!still) throw unsupported('it resizes the batch or the channels', 'height and width');
  return {};
};

function sizesOf(call: Call, { shape: [, , H, W] }: Value, scales: ArrayLike<number>): { size: Pair; scale: Pair } {
  const [n, c, y, x] = Array.from(scales);
  if (scales.length !== 4 || !(y! > 0 && x! > 0))
    throw formatError(`${call.where}: its scales are [${Array.from(scales)}]; four numbers above 0 would be right`);
  checkStill(n === 1 && c === 1);
  return { size: [Math.floor(H! * y!), Math.floor(W! * x!)], scale: [y!, x!] };
}

const modeOf = (call: Call): ResizeNode['mode'] => call.choice('mode', 'nearest', MODES);

function planes(call: Call): Value {
  const value = call.value();
  if (rankOf(value) !== 4 || value.shape[0] !== 1)
    throw unsupported(`its input is ${printShape(value.shape)}`, '[N, C, H, W]');
  return value;
}

function drawn(call: Call, value: Value, options: Omit<ResizeNode, 'op' | 'name' | 'inputs'>): Translation {
  return call.result({ op: 'resize', ...unary(call), ...options }, [1, value.shape[1]!, ...options.size]);
}

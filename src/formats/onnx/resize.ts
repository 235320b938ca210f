import type { Pair } from '../../graph';
import type { ResizeNode } from '../../ops/resize';
import { formatError } from '../checks';
import { unsupported, type Call, type Named, type Operators, type Translation, type Unnamed } from './call';
import { alongAxis } from './moves';
import { axisOf, workedAxis } from './shapeRules';
import { printShape } from './value';

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
  tf_crop_and_resize: 'tensorflow-crop',
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

/** What all axes of a resizing have in common. */
type Manner = Omit<ResizeNode, 'op' | 'name' | 'inputs' | 'size' | 'scale' | 'region'>;

/** What becomes of one axis. */
interface Stretch {
  readonly size: number;
  /** New by old extent; the quotient of both, where the file gives sizes. */
  readonly scale?: number;
  /** Which part of it is shown, as fractions. */
  readonly part?: Pair;
}

/** Upsample, and Resize of opset 10: pixel i lies at i / scale. */
function upsample(call: Call): Translation {
  const { shape } = call.value();
  const scales = call.numbers(1) ?? call.floats('scales');
  if (!scales) throw formatError(`${call.where}: has no scales`);
  const mode = modeOf(call);
  const manner: Manner = { mode, coordinates: 'asymmetric', ...(mode === 'nearest' && { rounding: 'floor' }) };
  return drawn(call, scaledBy(call, shape, Array.from(scales)), manner);
}

function resize(call: Call): Translation {
  if (call.model.opset < 11) return upsample(call);
  const { shape } = call.value();
  const mode = modeOf(call);
  const coordinates = call.choice('coordinate_transformation_mode', 'half_pixel', COORDINATES);
  const rounding = call.choice('nearest_mode', 'round_prefer_floor', ROUNDING);
  const outside = call.float('extrapolation_value', 0);
  const manner: Manner = {
    mode,
    coordinates,
    ...(mode === 'nearest' && { rounding }),
    ...(mode === 'cubic' && { coefficient: call.float('cubic_coeff_a', -0.75) }),
    ...(mode !== 'nearest' && call.int('antialias', 0) && { antialias: true }),
    ...(mode === 'cubic' && call.int('exclude_outside', 0) && { excludeOutside: true }),
    ...(coordinates === 'tensorflow-crop' && outside !== 0 && { outside }),
  };
  const axes = (call.ints('axes') ?? shape.map((_, axis) => axis)).map((axis) => axisOf(call, axis, shape.length));
  const stretches = stretchesOf(call, axes);
  if (coordinates !== 'tensorflow-crop') return drawn(call, stretches, manner);
  const region = call.numbers(1) ?? [];
  if (region.length !== 2 * axes.length)
    throw formatError(`${call.where}: its region has ${region.length} numbers; ${2 * axes.length} would be right`);
  const parts = stretches.map((stretch, axis) => {
    const k = axes.indexOf(axis);
    return k < 0 ? stretch : { ...stretch, part: [region[k]!, region[k + axes.length]!] as const };
  });
  return drawn(call, parts, manner);
}

/** What becomes of every axis, where the file gives sizes or scales for these. */
function stretchesOf(call: Call, axes: readonly number[]): readonly Stretch[] {
  const { shape } = call.value();
  const sizes = call.integers(3);
  const every = <T>(given: ArrayLike<T>, otherwise: (extent: number) => T): T[] =>
    shape.map((extent, axis) => (axes.includes(axis) ? given[axes.indexOf(axis)]! : otherwise(extent)));
  if (!sizes?.length) {
    const scales = call.numbers(2);
    if (!scales?.length) throw formatError(`${call.where}: has neither scales nor sizes`);
    if (scales.length !== axes.length) return scaledBy(call, shape, Array.from(scales));
    return scaledBy(
      call,
      shape,
      every(scales, () => 1),
    );
  }
  if (sizes.length !== axes.length)
    throw formatError(`${call.where}: its sizes are [${sizes}]; one for each of ${axes.length} axes would be right`);
  const policy = call.choice('keep_aspect_ratio_policy', 'stretch', {
    stretch: null,
    not_larger: Math.min,
    not_smaller: Math.max,
  });
  if (policy === null) return every(sizes, (extent) => extent).map((size) => ({ size }));
  const scale = policy(...axes.map((axis, k) => sizes[k]! / shape[axis]!));
  return shape.map((extent, axis) =>
    axes.includes(axis) ? { size: Math.floor(extent * scale + 0.5), scale } : { size: extent },
  );
}

function scaledBy(call: Call, shape: readonly number[], scales: readonly number[]): readonly Stretch[] {
  if (scales.length !== shape.length || scales.some((scale) => !(scale > 0)))
    throw formatError(`${call.where}: its scales are [${scales}]; ${shape.length} numbers above 0 would be right`);
  return shape.map((extent, axis) => ({ size: Math.floor(extent * scales[axis]!), scale: scales[axis]! }));
}

const modeOf = (call: Call): ResizeNode['mode'] => call.choice('mode', 'nearest', MODES);

/** One node where height and width alone are drawn anew; else one for each axis, since each is drawn by itself. */
function drawn(call: Call, stretches: readonly Stretch[], manner: Manner): Translation {
  const { shape, extents } = call.value();
  const x = call.inputs[0]!;
  const changed = stretches.flatMap(({ size, scale, part }, axis) =>
    size === shape[axis] && (scale ?? 1) === 1 && !part ? [] : [workedAxis(call, axis, shape.length)],
  );
  const result = stretches.map(({ size }) => size);
  if (result.some((size) => !Number.isInteger(size) || size < 1))
    throw unsupported(`it resizes ${printShape(shape)} to ${printShape(result)}`, 'sizes from 1');
  if (shape.length === 4 && shape[0] === 1 && changed.every((axis) => axis > 1))
    return call.result(along(x, stretches[2]!, stretches[3]!, manner), result);
  const [name, value] = changed.reduce<Named>(
    (from, axis) =>
      alongAxis(call, from, { axis, count: result[axis]! }, (y, whole) =>
        call.emit(along(y, stretches[axis]!, { size: whole.W }, manner)),
      ),
    [x, { shape, extents }],
  );
  return call.result({ op: 'identity', inputs: [name] }, value.shape);
}

/** Rows and columns stretched. An axis that stays as it is has no part that would be shown. */
function along(x: string, rows: Stretch, columns: Stretch, manner: Manner): Unnamed {
  const isScaled = rows.scale !== undefined || columns.scale !== undefined;
  const [[top, bottom], [left, right]] = [rows.part ?? [0, 1], columns.part ?? [0, 1]];
  return {
    op: 'resize',
    inputs: [x],
    size: [rows.size, columns.size],
    ...(isScaled && { scale: [rows.scale ?? 1, columns.scale ?? 1] as const }),
    ...(manner.coordinates === 'tensorflow-crop' && { region: [top, left, bottom, right] as const }),
    ...manner,
  };
}

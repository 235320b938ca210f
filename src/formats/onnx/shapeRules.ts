/** ONNX's rules for shapes, the same for constants (fold/) and for activations (shaping.ts). */
import { formatError } from '../checks';
import { unsupported, type Call } from './call';
import { channelAxis, planes, product, type Value } from './value';
import { AXES, type Axis, type Extents, triple } from '../../shape';

/** An axis counted from the front, of `rank` dimensions. @throws GradlensError `model-format` where there is none */
export function axisOf(call: Call, axis: number, rank: number): number {
  const counted = axis < 0 ? axis + rank : axis;
  if (!(counted >= 0 && counted < rank))
    throw formatError(`${call.where}: its axis is ${axis}; its input has ${rank} dimensions`);
  return counted;
}

/**
 * An axis of an activation that its node works along.
 * @throws GradlensError `unsupported-op` where it is the batch of several items
 */
export function workedAxis(call: Call, axis: number, rank: number): number {
  const counted = axisOf(call, axis, rank);
  if (counted === 0 && call.fixesBatch)
    throw unsupported(`its axis is ${axis}, the batch of ${call.model.batch}`, 'the other axes, or a batch of 1');
  return counted;
}

/** The shape that all of these broadcast to: aligned at their right ends, extents agree or are 1. */
export function broadcastShape(call: Call, shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map(({ length }) => length));
  return Array.from({ length: rank }, (_, axis) => {
    const extents = shapes.map((shape) => shape[axis - rank + shape.length] ?? 1).filter((extent) => extent !== 1);
    if (extents.some((extent) => extent !== extents[0]))
      throw formatError(
        `${call.where}: the shapes ${shapes.map((shape) => `[${shape}]`).join(' and ')} do not broadcast`,
      );
    return extents[0] ?? 1;
  });
}

/** What a Reshape's target means for an input of this shape: 0 copies an extent, −1 is what is left over. */
export function resolveReshape(call: Call, source: readonly number[], target: readonly number[]): number[] {
  const copied = target.map((extent, i) => (extent === 0 && !call.int('allowzero', 0) ? (source[i] ?? 0) : extent));
  const known = product(copied.filter((extent) => extent !== -1));
  return copied.map((extent) => (extent === -1 ? product(source) / known : extent));
}

/** The shape after a Squeeze, which drops these axes, or without them all whose extent is 1. */
export function squeezed(call: Call, shape: readonly number[], axes: readonly number[] | undefined): number[] {
  const dropped =
    axes?.map((axis) => axisOf(call, axis, shape.length)) ??
    shape.flatMap((extent, axis) => (extent === 1 ? [axis] : []));
  const wrong = dropped.find((axis) => shape[axis] !== 1);
  if (wrong !== undefined)
    throw formatError(`${call.where}: squeezes axis ${wrong} of [${shape}], whose extent is not 1`);
  return shape.filter((_, axis) => !dropped.includes(axis));
}

/** The shape after an Unsqueeze, whose axes are counted in the result. */
export function unsqueezed(call: Call, shape: readonly number[], axes: readonly number[]): number[] {
  const rank = shape.length + axes.length;
  const added = new Set(axes.map((axis) => axisOf(call, axis, rank)));
  if (added.size !== axes.length) throw formatError(`${call.where}: its axes are [${axes}]; each may be given once`);
  const rest = shape.values();
  return Array.from({ length: rank }, (_, axis) => (added.has(axis) ? 1 : (rest.next().value ?? 1)));
}

/** Which elements of an axis a slice takes: `begin`, `begin + step`, …, `count` of them. */
export interface Range {
  readonly begin: number;
  readonly step: number;
  readonly count: number;
}

/** A slice `start:end:step` of an axis of this extent; negative places count from its end, those beyond it are it. */
export function sliceRange(start: number, end: number, step: number, extent: number): Range {
  const within = (at: number): number => {
    const counted = at < 0 ? at + extent : at;
    return step > 0 ? Math.min(Math.max(counted, 0), extent) : Math.min(Math.max(counted, -1), extent - 1);
  };
  const begin = within(start);
  return { begin, step, count: Math.max(0, Math.ceil((within(end) - begin) / step)) };
}

/** Neighbouring axes that are all chosen, or all not; those of one element lie in neither and are left out. */
export interface Run {
  readonly axes: readonly number[];
  /** How many elements they have together. */
  readonly extent: number;
  readonly chosen: boolean;
}

/** The axes of a shape as runs of those that are chosen and those that are not, in turn. */
export function runsOf(shape: readonly number[], isChosen: (axis: number) => boolean): Run[] {
  const runs: Run[] = [];
  shape.forEach((extent, axis) => {
    if (extent === 1) return;
    const chosen = isChosen(axis);
    const last = runs.at(-1);
    if (last?.chosen === chosen)
      runs[runs.length - 1] = { chosen, axes: [...last.axes, axis], extent: last.extent * extent };
    else runs.push({ chosen, axes: [axis], extent });
  });
  return runs;
}

/** Axes of an activation as three of ours. */
export interface ChosenAxes {
  /** The extents under which they are ours: the same elements in the same order. */
  readonly whole: Extents;
  /** Those of ours that are the chosen ones. */
  readonly along: readonly Axis[];
}

/**
 * Which axes of ours are the chosen ones of an activation: as it lies, where that will do, else each run of neighbours
 * as one; undefined where there are more than three runs.
 */
export function chosenAxes(value: Value, axes: readonly number[]): ChosenAxes | undefined {
  const { shape } = value;
  const first = channelAxis(value);
  const isOurs = shape.length - first <= 3 && axes.every((axis) => axis >= first || shape[axis] === 1);
  const runs = isOurs
    ? shape.slice(first).map((extent, k) => ({ extent, chosen: axes.includes(k + first) }))
    : runsOf(shape, (axis) => axes.includes(axis));
  if (runs.length > 3) return undefined;
  return {
    whole: planes(triple((k) => runs[k]?.extent ?? 1)),
    along: AXES.filter((_, k) => runs[k]?.chosen),
  };
}

/** The extents with one element along the chosen axes. */
export function collapsed({ whole, along }: ChosenAxes): Extents {
  const one = (axis: Axis): number => (along.includes(axis) ? 1 : whole[axis]);
  return { C: one('C'), H: one('H'), W: one('W') };
}

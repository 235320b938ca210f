/** What a caller wants differentiated, as targets of backward passes. */
import { check, whole } from '../check';
import type { Plan } from '../compile';
import { GradlensError } from '../errors';
import type { Target } from '../gpu/executor';
import type { Neuron, TopClasses } from '../options';
import { bestClass, ranking } from '../scores';

/** The classes of one backward pass, one per item of the batch. */
export type Classes = readonly number[];

export const targetsOf = (classes: Classes): readonly Target[] => classes.map((channel) => ({ channel }));

/**
 * The class lists of the backward passes that follow one forward pass: several where several classes of a single
 * picture are wanted.
 */
export function passesOf({ batch, scores: { C } }: Plan, chosen: number | readonly number[]): readonly Classes[] {
  const list = typeof chosen === 'number' ? Array.from({ length: batch }, () => chosen) : chosen;
  const wrong = list.find((index) => !Number.isInteger(index) || index < 0 || index >= C);
  if (wrong !== undefined)
    throw new GradlensError('shape', `class ${wrong} is not among the ${C} classes, 0 to ${C - 1}`, {
      class: wrong,
      classes: C,
    });
  if (batch === 1 && list.length > 0) return list.map((index) => [index]);
  if (list.length !== batch)
    throw new GradlensError(
      'shape',
      `${list.length} classes for a batch of ${batch}: one class, or one per picture, would be right`,
    );
  return [list];
}

/** As {@link passesOf}, of the classes with the highest scores. */
export function bestPassesOf(plan: Plan, scores: Float32Array, chosen: 'top1' | TopClasses): readonly Classes[] {
  const {
    batch,
    scores: { C },
  } = plan;
  if (chosen === 'top1')
    return [Array.from({ length: batch }, (_, n) => bestClass(scores.subarray(n * C, (n + 1) * C)))];
  if (batch !== 1)
    throw new GradlensError('shape', `the best ${chosen.top} classes are of one picture; the batch is ${batch}`, {
      batch,
    });
  check('top', chosen.top, whole(1));
  return passesOf(plan, [...new Set([...ranking(scores).slice(0, chosen.top), ...(chosen.also ?? [])])]);
}

/** The classes of the one backward pass that there is room for. */
export function onePassOf(plan: Plan, chosen: number | readonly number[]): Classes {
  const [classes, ...more] = passesOf(plan, chosen);
  if (more.length > 0)
    throw new GradlensError(
      'shape',
      `${more.length + 1} classes at once need a batch of ${more.length + 1}; this one is ${plan.batch}`,
    );
  return classes!;
}

/**
 * Neurons of one tensor, one per item of the batch.
 *
 * @throws GradlensError `shape` for another number of them, for several tensors, or for one that is not in its tensor
 */
export function neuronsIn(plan: Plan, neurons: readonly Neuron[]): readonly Target[] {
  const other = neurons.find(({ tensor }) => tensor !== neurons[0]!.tensor);
  if (other)
    throw new GradlensError(
      'shape',
      `neurons of '${neurons[0]!.tensor}' and of '${other.tensor}': those of one pass are of one tensor`,
    );
  if (neurons.length !== plan.batch)
    throw new GradlensError(
      'shape',
      `${neurons.length} neurons for a batch of ${plan.batch}: one, or one per picture, would be right`,
    );
  return neurons.map((neuron) => neuronIn(plan, neuron));
}

/** @throws GradlensError `shape` for a neuron that is not in its tensor */
export function neuronIn({ scores: { C, H, W } }: Plan, { tensor, channel, y, x }: Neuron): Target {
  const within = (index: number, extent: number): boolean => Number.isInteger(index) && index >= 0 && index < extent;
  const inside = within(channel, C) && (y === undefined || within(y, H)) && (x === undefined || within(x, W));
  if (!inside || (y === undefined) !== (x === undefined)) {
    throw new GradlensError(
      'shape',
      `${tensor} is [${C}, ${H}, ${W}]; channel ${channel}${y === undefined ? '' : `, y ${y}, x ${x}`} is not in it`,
    );
  }
  return y === undefined || x === undefined ? { channel } : { channel, y, x };
}

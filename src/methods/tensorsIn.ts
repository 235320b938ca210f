import { GradlensError } from '../errors';
import type { Model } from '../model';

/**
 * The tensors whose maps a method joins: those that its options name, else the last of each of the three coarsest
 * planes.
 *
 * @throws GradlensError `validation` for an empty list
 */
export function tensorsIn(
  { planes }: Model,
  { tensors = planes.slice(-3) }: { readonly tensors?: readonly string[] },
): readonly string[] {
  if (tensors.length === 0)
    throw new GradlensError(
      'validation',
      'tensors is empty; names of some that have more than one pixel would be right',
    );
  return tensors;
}

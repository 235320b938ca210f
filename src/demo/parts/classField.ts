/** A field that names a class, or is empty. */
import { classesNamed } from '../../classNames';
import { state } from '../state';

/** The class of the field; undefined if it is empty or does not name one, which the field then says. */
export function classOf(field: HTMLInputElement): number | undefined {
  const { labels, classes } = state.network!;
  const [index, ...others] = classesNamed(field.value, labels, classes);
  const isOne = index !== undefined && others.length === 0;
  const refusal = `This network has ${others.length > 0 ? 'several such classes' : 'no such class'}.`;
  field.setCustomValidity(isOne || field.value === '' ? '' : refusal);
  field.reportValidity();
  return isOne ? index : undefined;
}

/** A field that names a class, or is empty. */
import { classNamed } from '../current';
import { state } from '../state';

/** The class of the field; undefined if it is empty or names none, which the field then says. */
export function classOf(field: HTMLInputElement): number | undefined {
  const { labels, classes } = state.network!;
  const index = field.value === '' ? undefined : classNamed(field.value, labels, classes);
  field.setCustomValidity(field.value !== '' && index === undefined ? 'This network has no such class.' : '');
  field.reportValidity();
  return index;
}

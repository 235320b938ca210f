/** A field that names a class, or is empty. */
import { classesNamed } from '../../classNames';
import { state } from '../state';

/** The class of the field; undefined if it is empty or does not name one, which the field then says. */
export function classOf(field: HTMLInputElement): number | undefined {
  const { labels, classes } = state.network!;
  const found = field.value === '' ? [] : classesNamed(field.value, labels, classes);
  field.setCustomValidity(field.value === '' || found.length === 1 ? '' : refusal(found, labels));
  field.reportValidity();
  return found.length === 1 ? found[0] : undefined;
}

const MOST_NAMED = 4;

function refusal(found: readonly number[], labels: readonly string[]): string {
  if (found.length === 0) return 'This network has no such class.';
  const named = found.slice(0, MOST_NAMED).map((index) => `${labels[index]} (${index})`);
  return `It may be ${named.join(', ')}${found.length > MOST_NAMED ? ', …' : ''}.`;
}

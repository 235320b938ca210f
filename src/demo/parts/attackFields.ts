/** How a picture is attacked, as the fields say. They belong to the address, as those of the tabs do. */
import { element } from './elements';
import { numberOf, textOf } from './form';

export const attackForm = element('attack-form', HTMLFormElement);

/** ε, in pixels of 0 to 1. */
export const epsilonOf = (norm: 'max' | 'l2'): number =>
  norm === 'max' ? numberOf(attackForm, 'levels')! / 255 : numberOf(attackForm, 'length')!;

/** Of the two sliders that of the chosen norm. */
export function showEpsilon(): void {
  const isL2 = textOf(attackForm, 'norm') === 'l2';
  for (const [name, hidden] of [
    ['levels', isL2],
    ['length', !isL2],
  ] as const)
    (attackForm.elements.namedItem(name) as HTMLInputElement).closest('label')!.hidden = hidden;
}

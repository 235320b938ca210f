/** The section on adversarial pictures, as far as the page always has it: its fields and its button. */
import { current } from '../current';
import { state } from '../state';
import { instead } from '../work';
import { attackForm, showEpsilon } from './attackFields';
import { element } from './elements';
import { showRanges } from './form';

const place = element('attack-place', HTMLDivElement);

/** What it does is fetched when it is used. */
const shown = () => import('../attack/attack');

/** `changed`: the fields are other ones. */
export function listenForAttack(changed: () => void): void {
  const show = (): void => {
    if (!current.picture || !state.network || !attackForm.reportValidity()) return;
    void instead(async (signal) => {
      const { show } = await shown();
      await show(signal, place);
      changed();
    });
  };
  attackForm.addEventListener('submit', (event) => {
    event.preventDefault();
    show();
  });
  attackForm.addEventListener('input', () => {
    showRanges(attackForm);
    showEpsilon();
  });
  // once it was asked for, it follows its fields
  attackForm.addEventListener('change', () => {
    if (state.attack) show();
  });
}

/** What was of a picture or a network that is gone. */
export function clearAttack(): void {
  state.attack = null;
  place.replaceChildren();
}

/**
 * The section on the network's inside, as far as the page always has it: its button, its field, and when it follows.
 */
import { state } from '../state';
import { instead } from '../work';
import { element } from './elements';
import { hasUnit, insideForm } from './unitField';

const parts = {
  start: element('inside-start', HTMLButtonElement),
  place: element('inside-place', HTMLDivElement),
  label: element('unit-label', HTMLLabelElement),
};

/** What it does is fetched when it is opened. */
const shown = () => import('../inside/inside');

let isOpen = false;

/** `changed`: another unit is shown. */
export function listenForInside(changed: () => void): void {
  const show = (): void =>
    void instead(async (signal) => {
      isOpen = true;
      await showInside(signal);
      changed();
    });
  parts.start.addEventListener('click', show);
  insideForm.addEventListener('submit', (event) => {
    event.preventDefault();
    show();
  });
}

/** Follows the picture and the network, once it is open; an address with a unit opens it. */
export async function showInside(signal: AbortSignal): Promise<void> {
  isOpen ||= hasUnit();
  if (!isOpen || !state.picture || !state.network) return;
  const { show } = await shown();
  parts.start.hidden = true;
  parts.label.hidden = parts.place.hidden = false;
  await show(signal, parts.place);
}

/** What was of a picture or a network that is gone. */
export function clearInside(): void {
  state.inside = null;
  if (isOpen) void shown().then(({ clear }) => clear(parts.place));
}

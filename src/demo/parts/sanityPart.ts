/** The section on what a map tells, as far as the page always has it; `tabs/sanity.ts` is fetched when it is asked. */
import { state } from '../state';
import { element } from './elements';

const results = element('sanity-results', HTMLDivElement);

/** What was of another map. */
export function clearSanity(): void {
  state.sanity = null;
  results.hidden = true;
}

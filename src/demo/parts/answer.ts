/** The sentence above everything: what the network says, and what is shown of it. */
import type { Classification } from '../../index';
import { chosenClass, current } from '../current';
import { type TabName, state } from '../state';
import { percent } from './classPanel';
import { element, make } from './elements';

const parts = {
  title: element('answer-title', HTMLHeadingElement),
  text: element('answer-text', HTMLParagraphElement),
};

/** What is shown, beside an answer and beside another class that the visitor asks about. */
const SHOWN: Readonly<Record<TabName, readonly [of: string, ofAnother: string]>> = {
  saliency: ['These are the pixels that its answer hangs on.', 'These are the pixels that the score of it hangs on.'],
  'class-model': ['Start makes a picture of what it looks for.', 'Start makes a picture of what it looks for.'],
  segmentation: [
    'This is the object, as far as its answer tells where it is.',
    'This is what it would be, as far as its score tells where.',
  ],
};

/** Says what the network says of the picture that is shown; without classes, that it looks at it. */
export function showAnswer(): void {
  const chosen = chosenClass();
  const [best] = current.ranked;
  if (!chosen || !best) {
    parts.title.textContent = current.picture ? 'The network looks at the picture…' : '…';
    parts.text.textContent = '';
    return;
  }
  say(chosen.index === best.index, chosen.label, best.label, chosen.probability);
}

/** As {@link showAnswer}, of a frame of the camera. */
export function sayLive({ label, probability }: Classification): void {
  say(true, label, label, probability);
}

function say(isAnswer: boolean, label: string, best: string, probability: number | null): void {
  const sure = probability === null ? '' : `, ${percent(probability)}`;
  parts.title.replaceChildren('The network says ', make('strong', { textContent: best }), isAnswer ? `${sure}.` : '.');
  const [of, ofAnother] = SHOWN[state.tab];
  parts.text.textContent = isAnswer ? of : `You ask about “${label}”${sure}. ${ofAnother}`;
}

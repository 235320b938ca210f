/** Whether the network's answer is worth anything, and who may know more. */
import { PUBLIC_MODELS, type Classification } from '../../index';
import { doubtOf } from '../doubtful';
import { state } from '../state';
import { element } from './elements';

const parts = {
  box: element('doubt', HTMLDivElement),
  text: element('doubt-text', HTMLParagraphElement),
  action: element('doubt-action', HTMLButtonElement),
};

/** Who is asked, of those that are downloaded when chosen: the smallest. */
const [ASKED, { title, bytes }] = Object.entries(PUBLIC_MODELS)[0]!;
const KNOWS = 1000;

/** Says so above the picture, where there is something to say. */
export function showDoubt(ranked: readonly Classification[]): void {
  const { network } = state;
  const doubt = network ? doubtOf(ranked, network.doubt) : undefined;
  state.doubt = doubt ?? null;
  parts.box.hidden = !doubt;
  if (!doubt || !network) return;
  const knows = `It knows ${network.classes} things, and answers with one of them whatever it is shown.`;
  parts.text.textContent =
    doubt === 'unlike'
      ? `This picture is unlike those that the network was trained on. ${knows}`
      : `The network is not sure: at such a probability it is wrong more often than right. ${knows}`;
  parts.action.hidden = network.classes >= KNOWS;
  parts.action.textContent = `Ask ${title}: ${KNOWS} things, ${Math.round(bytes / 1e6)} MB`;
}

/** Calls `ask` with the network that knows more. */
export function listenForDoubt(ask: (network: string) => void): void {
  parts.action.addEventListener('click', () => ask(ASKED));
}

/**
 * The other side of the gradient: the picture changed by so little that hardly anybody sees it, until the network says
 * something else. Loaded when the section is used.
 */
import type { AttackedClass, Heatmap } from '../../index';
import { current } from '../current';
import { drawOver, drawPixels } from '../draw/paint';
import { look } from '../maps';
import { attackForm, epsilonOf } from '../parts/attackFields';
import { classOf } from '../parts/classField';
import { canvasOf, make } from '../parts/elements';
import { textOf } from '../parts/form';
import { duration, showActivity, showProgress } from '../parts/messages';
import { state } from '../state';
import type { Attacked } from '../worker/attack';
import { call } from '../worker/remote';
import './attack.css';

/** Of PGD; the fast gradient sign method takes one. */
const STEPS = 10;
const ALPHA = 0.85;

export async function show(signal: AbortSignal, place: HTMLElement): Promise<void> {
  const norm = textOf(attackForm, 'norm') === 'l2' ? 'l2' : 'max';
  const target = classOf(attackForm.elements.namedItem('towards') as HTMLInputElement);
  const request = {
    picture: current.picture!.id,
    norm,
    epsilon: epsilonOf(norm),
    steps: textOf(attackForm, 'attack') === 'fgsm' ? 1 : STEPS,
    ...(target === undefined ? {} : { target }),
  } as const;
  showActivity('Looking for a change that the network does not bear');
  const began = performance.now();
  const found = await call('attack', request, { signal, onProgress: showProgress });
  signal.throwIfAborted();
  const { before, after, length, succeeded } = found;
  state.attack = { before, after, length, succeeded, norm, epsilon: request.epsilon };
  place.replaceChildren(
    make('p', {}, ...sentence(found, target)),
    make(
      'div',
      { className: 'attacked' },
      figure('What it is shown', (canvas) => drawPixels(canvas, found.picture), said(after)),
      figure('The change, ten times', (canvas) => drawPixels(canvas, found.change), lengthText(found)),
      figure('Where it looked before', (canvas) => drawMap(canvas, found, found.maps.before), said(before)),
      figure('Where it looks now', (canvas) => drawMap(canvas, found, found.maps.after), said(after)),
    ),
  );
  showActivity(`Tried in ${duration(performance.now() - began)}`);
}

function sentence({ before, after, succeeded }: Attacked, target: number | undefined): (Node | string)[] {
  const strong = (text: string): HTMLElement => make('strong', { textContent: text });
  if (after.class !== before.class)
    return [
      'The network said ',
      strong(said(before)),
      ', and now says ',
      strong(said(after)),
      succeeded ? '.' : `, which is not “${labelOf(target!)}”: a larger change may lead there.`,
    ];
  return [
    'It still says ',
    strong(said(after)),
    `; before it was ${shareOf(before)}. `,
    target === undefined ? 'A larger change may lead it astray.' : `A larger change may lead to “${labelOf(target)}”.`,
  ];
}

const lengthText = ({ length }: Attacked): string =>
  `At most ${grey(length.max)} of 255 grey levels; ${length.l2.toFixed(2)} in all (L2, of pixels from 0 to 1)`;

const grey = (change: number): string => String(Math.round(change * 2550) / 10);

const labelOf = (index: number): string => state.network!.labels[index] ?? `class ${index}`;
const shareOf = ({ probability, score }: AttackedClass): string =>
  probability === null ? `score ${score.toFixed(2)}` : `${(100 * probability).toFixed(1)} %`;
const said = (one: AttackedClass): string => `${labelOf(one.class)}, ${shareOf(one)}`;

function figure(title: string, draw: (canvas: HTMLCanvasElement) => void, caption: string): HTMLElement {
  const canvas = canvasOf(`${title}: ${caption}`);
  draw(canvas);
  const frame = make('div', { className: 'frame' }, canvas);
  return make('figure', {}, make('h3', { textContent: title }), frame, make('figcaption', { textContent: caption }));
}

/** Over the picture as the network sees it. */
function drawMap(canvas: HTMLCanvasElement, { picture }: Attacked, map: Heatmap): void {
  const below = document.createElement('canvas');
  drawPixels(below, picture);
  const { width, height } = picture;
  // the input is the picture here, whole
  const input = { ...state.network!.input!, width, height };
  drawOver(canvas, below, map, { picture: { width, height }, input, look: look() }, { alpha: ALPHA, longest: width });
}

/**
 * The network, stage by stage: what each makes of the picture, its channels, what one of them looks at and looks for,
 * and the program that the GPU runs there. Loaded when the section is opened.
 */
import { CLASS_MODEL_PRESETS, type Neuron } from '../../index';
import { describeOperators } from '../../compile/stages';
import { current } from '../current';
import { drawPixels, drawOver } from '../draw/paint';
import { look } from '../maps';
import { canvasOf, element, make } from '../parts/elements';
import { duration, showActivity, showProgress } from '../parts/messages';
import { chooseUnit, chosenUnit, insideForm } from '../parts/unitField';
import { state } from '../state';
import { score } from '../words';
import type { ReadableStage } from '../../compile/readable';
import type { Activations, Inside } from '../worker/inside';
import { call } from '../worker/remote';
import { channelPicture, channelsBySize, stagePicture } from './pictures';
import { showSteps } from './steps';
import './inside.css';

/** Channels that are shown at first. */
const MOST_CHANNELS = 48;
const ITERATIONS = 96;
const LOOK_MILLISECONDS = 150;

const picture = element('picture', HTMLImageElement);

/** What is shown, of which picture and network. */
interface Shown {
  readonly of: string;
  readonly inside: Inside;
  readonly activations: ReadonlyMap<string, Activations>;
}

let shown: Shown | null = null;
/** The tensor whose channels are unfolded. */
let open: string | null = null;

const ofNow = (): string => JSON.stringify([current.picture?.id, state.networks]);

export async function show(signal: AbortSignal, place: HTMLElement): Promise<void> {
  const options = { signal, onProgress: showProgress };
  if (shown?.of !== ofNow()) {
    showActivity('Looking inside the network');
    const inside = await call('inside', undefined, options);
    const activations = await call('activations', current.picture!.id, options);
    signal.throwIfAborted();
    shown = { of: ofNow(), inside, activations: new Map(activations.map((one) => [one.tensor, one])) };
    showStrip(place, shown);
    showActivity('This is what each stage makes of the picture.');
  }
  state.inside = {
    stages: shown.inside.stages.map(({ tensor, channels, height, width }) => ({
      tensor,
      channels,
      height,
      width,
      mean: meanOf(shown!.activations.get(tensor)),
    })),
    unit: null,
    steps: state.inside?.steps ?? null,
  };
  const unit = chosenUnit();
  if (unit) await showUnit(place, unit, signal);
}

export function clear(place: HTMLElement): void {
  shown = null;
  open = null;
  place.replaceChildren();
}

/** Of all values, their mean: for tests, and for whoever reads the state. */
function meanOf(activations: Activations | undefined): number | null {
  if (!activations) return null;
  const { data } = activations;
  return data.reduce((sum, value) => sum + value, 0) / data.length;
}

function showStrip(place: HTMLElement, { inside, activations }: Shown): void {
  const { stages, flops, parameters, bytes, dispatches } = inside;
  const million = (value: number): string => `${(value / 1e6).toFixed(value < 1e7 ? 1 : 0)} million`;
  const held = bytes.weights + bytes.activations + bytes.saved + bytes.scratch;
  const strip = make('ol', { className: 'strip' }, ...stages.map((stage) => stageItem(place, stage, activations)));
  strip.setAttribute('aria-label', 'Stages of the network');
  place.replaceChildren(
    make('p', {
      className: 'quiet',
      textContent:
        `${million(parameters)} parameters; ${million(flops)} floating-point operations forward, as many back; ` +
        `${(held / 1e6).toFixed(1)} MB on the GPU; ${dispatches.forward} + ${dispatches.backward} dispatches.`,
    }),
    strip,
    make('div', { className: 'stage-view' }),
    make('div', { className: 'unit-view' }),
  );
}

function stageItem(
  place: HTMLElement,
  stage: ReadableStage,
  activations: ReadonlyMap<string, Activations>,
): HTMLLIElement {
  const { tensor, channels, height, width } = stage;
  const found = activations.get(tensor);
  const canvas = make('canvas', { width: 1, height: 1 });
  canvas.setAttribute('aria-hidden', 'true');
  if (found) drawPixels(canvas, stagePicture(found));
  const button = make(
    'button',
    { type: 'button', disabled: !found },
    canvas,
    make('strong', { textContent: tensor }),
    make('span', { textContent: `${channels} × ${height}×${width}` }),
    make('small', { textContent: describeOperators(stage) }),
  );
  button.setAttribute('aria-expanded', 'false');
  button.dataset['tensor'] = tensor;
  button.addEventListener('click', () => unfold(place, open === tensor ? null : tensor));
  return make('li', {}, button);
}

/** Shows the channels of one stage, and no others; null folds them. */
function unfold(place: HTMLElement, tensor: string | null): void {
  open = tensor;
  for (const button of place.querySelectorAll<HTMLButtonElement>('.strip button'))
    button.setAttribute('aria-expanded', String(button.dataset['tensor'] === tensor));
  const view = place.querySelector('.stage-view')!;
  const stage = shown?.inside.stages.findIndex((one) => one.tensor === tensor) ?? -1;
  const found = tensor === null ? undefined : shown?.activations.get(tensor);
  if (!found || stage < 0) return view.replaceChildren();
  const order = channelsBySize(found);
  const grid = make('div', { className: 'channels' });
  grid.setAttribute('role', 'group');
  grid.setAttribute('aria-label', `Channels of ${found.tensor}`);
  const more = make('button', { type: 'button', textContent: `Show all ${found.C}` });
  const add = (channels: readonly number[]): void =>
    grid.append(...channels.map((channel) => channelButton(found, channel)));
  add(order.slice(0, MOST_CHANNELS));
  more.hidden = order.length <= MOST_CHANNELS;
  more.addEventListener('click', () => {
    more.hidden = true;
    add(order.slice(MOST_CHANNELS));
  });
  const steps = make('div', { className: 'steps' });
  view.replaceChildren(
    make('h3', { textContent: `${found.tensor}: ${found.C} channels, those that answer this picture most first` }),
    grid,
    make('p', {}, more),
    steps,
  );
  showSteps(steps, stage);
}

function channelButton(activations: Activations, channel: number): HTMLButtonElement {
  const { tensor, C, H, W } = activations;
  const canvas = make('canvas', { width: 1, height: 1 });
  canvas.setAttribute('aria-hidden', 'true');
  drawPixels(canvas, channelPicture(activations, channel));
  const { labels, classes } = state.network!;
  const isScore = H * W === 1 && C === classes && labels[channel] !== undefined;
  const name = isScore ? labels[channel] : String(channel);
  const button = make('button', { type: 'button', title: `${tensor}:${channel}` }, canvas, `${name}`);
  button.setAttribute('aria-label', `Channel ${channel} of ${tensor}${isScore ? `, ${name}` : ''}`);
  button.setAttribute('aria-pressed', 'false');
  button.dataset['channel'] = String(channel);
  button.addEventListener('click', () => {
    chooseUnit({ tensor, channel });
    insideForm.requestSubmit();
  });
  if (H * W === 1) button.append(make('small', { textContent: score(activations.data[channel]!) }));
  return button;
}

/** What a unit looks at in this picture, and what it looks for: the second grows as one watches. */
async function showUnit(place: HTMLElement, unit: Neuron, signal: AbortSignal): Promise<void> {
  const { tensor, channel } = unit;
  if (open !== tensor && shown?.activations.has(tensor)) unfold(place, tensor);
  for (const button of place.querySelectorAll<HTMLButtonElement>('.channels button'))
    button.setAttribute('aria-pressed', String(button.dataset['channel'] === String(channel)));
  const name = `${tensor}, channel ${channel}${unit.y === undefined ? '' : ` at ${unit.y}, ${unit.x}`}`;
  const [at, sought] = [canvasOf(`Which pixels ${name} hangs on`), canvasOf(`What ${name} looks for`)];
  const [atText, soughtText] = [make('figcaption'), make('figcaption')];
  const frame = (canvas: HTMLCanvasElement): HTMLDivElement => make('div', { className: 'frame' }, canvas);
  place
    .querySelector('.unit-view')!
    .replaceChildren(
      make('h3', { textContent: name }),
      make(
        'div',
        { className: 'unit' },
        make('figure', {}, make('h4', { textContent: 'What it looks at here' }), frame(at), atText),
        make('figure', {}, make('h4', { textContent: 'What it looks for' }), frame(sought), soughtText),
      ),
    );
  const options = { signal, onProgress: showProgress };
  showActivity(`Which pixels ${name} hangs on`);
  const map = await call('unitMap', { picture: current.picture!.id, unit }, options);
  signal.throwIfAborted();
  const drawable = { ...map, class: channel, score: map.value };
  const input = state.network!.input!;
  drawOver(at, picture, drawable, { picture: current.picture!, input, look: look() }, { alpha: 0.85 });
  const l2 = Math.sqrt(map.data.reduce((sum, value) => sum + value * value, 0));
  atText.textContent =
    l2 === 0
      ? 'Nothing in this picture: the unit is shut, and no pixel changes it.'
      : `Its value is ${score(map.value)}${unit.y === undefined ? ', added up over its plane' : ''}.`;
  state.inside = { ...state.inside!, unit: { ...unit, value: map.value, l2, iteration: 0, score: null } };
  await grow(unit, sought, soughtText, signal);
}

/** Up the unit's value from grey, as a class model. */
async function grow(unit: Neuron, canvas: HTMLCanvasElement, text: HTMLElement, signal: AbortSignal): Promise<void> {
  const began = performance.now();
  const options = { ...CLASS_MODEL_PRESETS.vivid, iterations: ITERATIONS };
  const ascent = await call('ascend', { target: unit, preset: 'vivid', ...options }, { signal });
  try {
    for (;;) {
      const step = await call('advance', { ascent, milliseconds: LOOK_MILLISECONDS }, { signal });
      signal.throwIfAborted();
      drawPixels(canvas, step.pictures[0]!);
      const last = step.scores[0]!.at(-1)!;
      text.textContent = `Step ${step.iteration} of ${ITERATIONS}: its value is ${score(last)}.`;
      const { unit: before, ...rest } = state.inside!;
      state.inside = { ...rest, unit: { ...before!, iteration: step.iteration, score: last } };
      if (step.finished) break;
      showActivity(`Step ${step.iteration} of ${ITERATIONS}`, step.iteration / ITERATIONS);
    }
    showActivity(`Made in ${duration(performance.now() - began)}`);
  } finally {
    void call('endAscent', ascent);
  }
}

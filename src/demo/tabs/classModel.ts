/**
 * Class models (§2): pictures that grow as the score rises, of one class, many, or any neuron; paused, continued,
 * cancelled.
 */
import { abortable } from '../../abortable';
import { CLASS_MODEL_PRESETS, type ClassModelPreset, GradlensError, type Neuron, type Remark } from '../../index';
import { chosenClass, current } from '../current';
import { clearCurves, drawCurves } from '../draw/chart';
import { drawPixels } from '../draw/paint';
import { Reel } from '../figure/reel';
import { element, make } from '../parts/elements';
import { numberOf, setDefaults, textOf } from '../parts/form';
import { duration, showActivity, showProgress } from '../parts/messages';
import { type ShownAscent, state } from '../state';
import { cancel } from '../work';
import type { Advance } from '../worker/ascents';
import { call } from '../worker/remote';
import type { Tab } from './tab';

const parts = {
  form: element('class-model-form', HTMLFormElement),
  gallery: element('gallery', HTMLDivElement),
  curve: element('score-curve', HTMLDivElement),
  text: element('ascent-text', HTMLParagraphElement),
  start: element('ascent-start', HTMLButtonElement),
  pause: element('ascent-pause', HTMLButtonElement),
  cancel: element('ascent-cancel', HTMLButtonElement),
  target: element('target', HTMLSelectElement),
  tensor: element('tensor', HTMLSelectElement),
  recipe: element('recipe', HTMLSelectElement),
  time: element('status-time', HTMLElement),
};

/** Classes of a gallery, of a network with more. */
const MOST_CLASSES = 12;
/** Between two looks at the pictures. */
const LOOK_MILLISECONDS = 150;

let goOn: (() => void) | null = null;
let paused = false;
/** How the shown class model grew. */
let reel = new Reel();
export const frames = (): Reel['frames'] => reel.frames;

export const classModelTab: Tab = {
  name: 'class-model',
  form: parts.form,

  /** A run is begun by its button. Here only the fields follow. */
  async show() {
    showTarget();
    const chosen = chosenClass();
    if (state.ascent || !chosen) return;
    const { showReadyModels } = await import('./readyModels');
    const count = showReadyModels(parts.gallery, (index, picture) => {
      current.wish = index;
      parts.target.value = 'class';
      begin(picture);
    });
    showActivity(
      `Start makes a picture of “${chosen.label}”.` +
        (count > 0 ? ' Those that are here were made before: choose one to go on from it.' : ''),
    );
  },

  clear() {
    // a class model has no picture, so it stays until the network goes: see forgetAscent
  },

  result() {
    const { ascent } = state;
    if (!ascent || ascent.iteration === 0) return null;
    const { data, scores, ...rest } = ascent;
    const [, C, H, W] = state.network!.inputShape;
    return {
      stem: `class model ${ascent.names.join(' ')}`,
      canvas: contactSheet(),
      array: data && { shape: [ascent.names.length, C, H, W], data },
      numbers: { classModel: { ...rest, scores } },
    };
  },
};

/** What to do about a picture that went wrong, in the words of this page's fields. */
const REMARKS: Readonly<Record<Remark, string>> = {
  flat: 'It is nearly of one colour: larger steps, more iterations or a smaller weight of ‖I‖² would show more.',
  exploded: 'Most of it is far beyond black and white: smaller steps or a larger weight of ‖I‖² would hold it.',
};

let begin: (from: Blob) => void = () => {};

/** Calls `start` when a picture is chosen to begin with. */
export function listenForStart(start: (from: Blob) => void): void {
  begin = start;
}

/** What belongs to a network that is gone. */
export function forgetAscent(): void {
  state.ascent = null;
  reel = new Reel();
  parts.gallery.replaceChildren();
  clearCurves(parts.curve, 'No score curve yet');
  parts.tensor.replaceChildren(...(state.network?.tensors ?? []).map((name) => new Option(name)));
  if (parts.tensor.options.length > 0) parts.tensor.selectedIndex = Math.floor(parts.tensor.options.length / 2);
}

/** The recipe's numbers become the fields' defaults; the rest of it goes by its name. */
export function takeRecipe(): void {
  const { origin: _, parametrisation: _by, ...numbers } = CLASS_MODEL_PRESETS[parts.recipe.value as ClassModelPreset];
  setDefaults(parts.form, numbers);
}

function showTarget(): void {
  for (const label of parts.form.querySelectorAll<HTMLElement>('.of-neuron'))
    label.hidden = parts.target.value !== 'neuron';
}

/** Makes what the form asks for; `from`: a picture to begin with, instead of grey. */
export async function ascend(signal: AbortSignal, from?: Blob): Promise<void> {
  const { target, names } = targetOf();
  const options = ascentOptions();
  const began = performance.now();
  paused = false;
  showButtons(true);
  const canvases = showPlaces(names);
  const scores: number[][] = names.map(() => []);
  reel = new Reel();
  const told = (phase: ShownAscent['phase'], iteration: number, end: Advance['finished'] = null): void => {
    state.ascent = {
      names,
      iteration,
      iterations: options.iterations,
      scores,
      phase,
      data: end?.data ?? null,
      meta: { ...(end?.meta ?? { ...options, target }), ...(from ? { start: true } : {}) },
    };
  };
  told('running', 0);
  let ascent: number | undefined;
  try {
    const start = from && (await call('preparedOf', from, { signal }));
    ascent = await call(
      'ascend',
      { target, ...options, ...(start ? { start } : {}) },
      { signal, onProgress: showProgress },
    );
    let finished: Advance['finished'] = null;
    while (!finished) {
      if (paused) {
        told('paused', state.ascent!.iteration);
        showActivity(`Paused after ${state.ascent!.iteration} of ${options.iterations} iterations.`);
        await resumed(signal);
      }
      const step = await call('advance', { ascent, milliseconds: LOOK_MILLISECONDS }, { signal });
      signal.throwIfAborted();
      step.scores.forEach((more, item) => scores[item]!.splice(step.since, Infinity, ...more));
      told(step.finished ? 'finished' : 'running', step.iteration, step.finished);
      step.pictures.forEach((picture, item) => drawPixels(canvases[item]!, picture));
      const { iteration, pictures } = step;
      reel.add({ iteration, scores: scores.map((curve) => curve.at(-1)!), pictures });
      showScores(names, scores, canvases);
      ({ finished } = step);
      if (!finished)
        showActivity(`Iteration ${step.iteration} of ${options.iterations}`, step.iteration / options.iterations);
    }
    const time = duration(performance.now() - began);
    parts.time.textContent = time;
    const remarks = new Set(finished.remarks.filter((remark) => remark !== null));
    const made = `${names.length === 1 ? 'Class model' : `${names.length} class models`} made in ${time}`;
    showActivity([made, ...[...remarks].map((remark) => REMARKS[remark])].join('. '));
  } finally {
    if (state.ascent!.phase !== 'finished') told('cancelled', state.ascent!.iteration);
    if (ascent !== undefined) void call('endAscent', ascent);
    showButtons(false);
  }
}

/** What is looked for, and what it is called. */
function targetOf(): { target: readonly number[] | Neuron; names: readonly string[] } {
  const { labels, classes } = state.network!;
  const nameOf = (index: number): string => labels[index] ?? String(index);
  if (parts.target.value === 'neuron') {
    const [channel, y, x] = [numberOf(parts.form, 'channel')!, numberOf(parts.form, 'y'), numberOf(parts.form, 'x')];
    if ((y === undefined) !== (x === undefined))
      throw new GradlensError('shape', 'A neuron has a row and a column; leave both empty for the whole channel.');
    const tensor = parts.tensor.value;
    return {
      target: { tensor, channel, ...(y === undefined || x === undefined ? {} : { y, x }) },
      names: [`${tensor}, channel ${channel}${y === undefined ? '' : ` at ${y}, ${x}`}`],
    };
  }
  const indices =
    parts.target.value === 'class'
      ? [chosenClass()?.index ?? 0]
      : classes <= MOST_CLASSES
        ? Array.from({ length: classes }, (_, index) => index)
        : current.ranked.slice(0, MOST_CLASSES).map(({ index }) => index);
  return { target: indices, names: indices.map(nameOf) };
}

function ascentOptions() {
  const number = (name: string): number => numberOf(parts.form, name)!;
  return {
    preset: parts.recipe.value as ClassModelPreset,
    score: textOf(parts.form, 'objective') as 'logit' | 'probability',
    iterations: number('iterations'),
    l2: number('l2'),
    step: number('step'),
    totalVariation: number('totalVariation'),
    momentum: number('momentum'),
    jitter: number('jitter'),
    blur: number('blur'),
    seed: number('seed'),
  };
}

function showPlaces(names: readonly string[]): HTMLCanvasElement[] {
  const [, , height, width] = state.network!.inputShape;
  const canvases = names.map(() => make('canvas', { width, height }));
  canvases.forEach((canvas) => canvas.setAttribute('role', 'img'));
  parts.gallery.replaceChildren(
    ...canvases.map((canvas, item) => make('figure', {}, canvas, make('figcaption', { textContent: names[item]! }))),
  );
  parts.gallery.classList.toggle('single', names.length === 1);
  return canvases;
}

function showScores(
  names: readonly string[],
  scores: readonly (readonly number[])[],
  canvases: readonly HTMLCanvasElement[],
): void {
  const last = (item: number): string => scores[item]!.at(-1)!.toFixed(1);
  names.forEach((name, item) =>
    canvases[item]!.setAttribute('aria-label', `Class model of ${name}, score ${last(item)}`),
  );
  const summary = names.map((name, item) => `${name}: score ${last(item)}`).join('; ');
  drawCurves(
    parts.curve,
    {
      x: scores[0]!.map((_, k) => k + 1),
      lines: names.map((label, item) => ({ label, values: scores[item]! })),
      xLabel: 'iteration',
    },
    `Scores after ${scores[0]!.length} iterations. ${summary}`,
  );
  parts.text.textContent = summary;
}

function showButtons(running: boolean): void {
  parts.start.disabled = running;
  parts.pause.disabled = parts.cancel.disabled = !running;
  parts.pause.textContent = 'Pause';
}

function resumed(signal: AbortSignal): Promise<void> {
  return abortable(
    new Promise<void>((resolve) => {
      goOn = resolve;
    }),
    signal,
  );
}

/** All pictures on one canvas, as in the gallery. */
function contactSheet(): HTMLCanvasElement {
  const canvases = [...parts.gallery.querySelectorAll('canvas')];
  const columns = Math.ceil(Math.sqrt(canvases.length));
  const [{ width, height }] = canvases as [HTMLCanvasElement];
  const sheet = make('canvas', { width: width * columns, height: height * Math.ceil(canvases.length / columns) });
  const context = sheet.getContext('2d')!;
  canvases.forEach((canvas, k) => context.drawImage(canvas, (k % columns) * width, Math.floor(k / columns) * height));
  return sheet;
}

parts.pause.addEventListener('click', () => {
  paused = !paused;
  parts.pause.textContent = paused ? 'Continue' : 'Pause';
  if (!paused) goOn?.();
});
parts.target.addEventListener('change', showTarget);
parts.cancel.addEventListener('click', cancel);

/** From a picture to its classes to a map, and all of it onto the page. */
import { type Model, saliency } from '../index';
import { classNamed, formatAddress, ruleNamed } from './address';
import { showClasses } from './classTable';
import { elements } from './elements';
import { showActivity } from './messages';
import { type Painting, clearMaps, paint } from './paint';
import type { Picture } from './pictures';
import { checkOnce, session } from './session';
import { state } from './state';
import { describeMap, l2Norm } from './summary';

let picture: Picture | undefined;
let painting: Painting | undefined;

export const shownPicture = (): Picture | undefined => picture;
/** The map that is shown, to be painted again in other colours. */
export const shownMap = (): Painting | undefined => painting;

/** What the visitor asked for. A class by number, or by name as in an address; undefined: the best one. */
export const wish: { class: number | string | undefined } = { class: undefined };

export async function showPicture(shown: Picture, signal: AbortSignal): Promise<void> {
  if (picture !== shown) replacePicture(shown);
  await elements.picture.decode();

  const { model } = await session();
  signal.throwIfAborted();
  elements.pictureText.textContent = `${nameAndSize(shown)}; the network sees it ${seenAs(model)}`;
  showActivity('Classifying');
  const began = performance.now();
  const ranked = await model.classify(shown.pixels, model.classes, { signal });
  signal.throwIfAborted();
  state.milliseconds.classify = performance.now() - began;

  if (typeof wish.class === 'string') wish.class = classNamed(wish.class, model.labels, model.classes);
  const wanted = ranked.find(({ index }) => index === wish.class) ?? ranked[0]!;
  const best = ranked.slice(0, 5);
  state.classes = best.includes(wanted) ? best : [...best, wanted];
  showClasses(elements.classes, state.classes, wanted.index);
  await showMap(signal);
}

/** The map of the class and the rule that are chosen on the page. */
export async function showMap(signal: AbortSignal): Promise<void> {
  const started = await session();
  signal.throwIfAborted();
  const shown = picture!;
  const { index, label } = state.classes.find((row) => row.index === wish.class) ?? state.classes[0]!;
  const relu = ruleNamed(elements.relu.value);
  showActivity(`Computing the map for “${label}”`);
  const began = performance.now();
  const map = await saliency(started.model, shown.pixels, { class: index, relu, signal });
  signal.throwIfAborted();

  state.milliseconds.gradient = performance.now() - began;
  state.map = { ...map, label, relu, l2: l2Norm(map), picture: shown.name };
  state.maps += 1;
  const time = duration(state.milliseconds.gradient);
  elements.statusTime.textContent = time;
  elements.summary.textContent = describeMap(map, label);
  elements.map.setAttribute('aria-label', elements.summary.textContent);
  painting = { map, label, picture: shown.pixels, input: started.model.input! };
  paint(painting);
  elements.savePng.disabled = elements.saveNpy.disabled = false;
  showActivity(`Map for “${label}”, computed in ${time}`);
  history.replaceState(null, '', formatAddress({ sample: shown.sample, class: wish.class === undefined ? undefined : label, relu }));
  void checkOnce(started); // after the first map, which it must not delay
}

function replacePicture(shown: Picture): void {
  if (picture && picture.sample === undefined) URL.revokeObjectURL(picture.address);
  picture = shown;
  const { width, height } = shown.pixels;
  state.picture = { name: shown.name, width, height };
  state.classes = [];
  state.map = null;
  painting = undefined;
  clearMaps();
  elements.savePng.disabled = elements.saveNpy.disabled = true;
  elements.classes.replaceChildren();
  elements.summary.textContent = '';
  elements.picture.src = shown.address;
  elements.picture.alt = shown.sample ? `Sample picture: ${shown.name}` : `Your picture ${shown.name}`;
  elements.pictureText.textContent = nameAndSize(shown);
  elements.stage.style.setProperty('--aspect', String(Math.min(1.8, Math.max(0.6, width / height))));
  for (const button of elements.samples.querySelectorAll('button')) button.setAttribute('aria-pressed', String(button.value === shown.sample));
}

function nameAndSize({ name, pixels }: Picture): string {
  return `${name}, ${pixels.width}×${pixels.height} pixels`;
}

function seenAs({ input }: Model): string {
  if (!input) return 'as it is';
  const size = `${input.width}×${input.height}`;
  return input.resize === 'crop' ? `cropped to ${size}` : input.resize === 'pad' ? `fitted into ${size}` : `squashed to ${size}`;
}

function duration(milliseconds: number): string {
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(2)} s`;
}

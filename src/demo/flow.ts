/** What follows from what: the network, the picture, its classes, the tab; and what the address says of them. */
import { classNamed, nameFor } from '../classNames';
import { GradlensError } from '../index';
import { type Address, formatAddress, readAddress } from './address';
import { chosenClass, current, pictureText } from './current';
import { fetchPicture, forget, networkFilesOf, ownPicture, type Picture, readPicture } from './inputs/pictures';
import { type Sample, samplesOf } from './inputs/samples';
import {
  checkOnce,
  chosenNetwork,
  ensureNetwork,
  forgetNetwork,
  isElsewhere,
  keepNetwork,
  offerFiles,
} from './network';
import { showAnswer } from './parts/answer';
import { attackForm } from './parts/attackFields';
import { clearAttack } from './parts/attackPart';
import { showClasses, showSeen } from './parts/classPanel';
import { showDoubt } from './parts/doubt';
import { element } from './parts/elements';
import { choicesOf, choose } from './parts/form';
import { clearInside, showInside } from './parts/insidePart';
import { showActivity, showAlert } from './parts/messages';
import { markSample, offerOnly } from './parts/sampleRow';
import { insideForm } from './parts/unitField';
import { showSaving } from './save';
import { type TabName, state } from './state';
import { classModelTab, forgetAscent } from './tabs/classModel';
import { saliencyTab } from './tabs/saliency';
import { segmentationTab, takeRecipe as takeCutRecipe } from './tabs/segmentation';
import { makeThumbnails } from './tabs/thumbnails';
import type { Tab } from './tabs/tab';
import { forgetError, instead, refuse, resting } from './work';
import { call } from './worker/remote';

const parts = {
  picture: element('picture', HTMLImageElement),
  pictureText: element('picture-text', HTMLElement),
  work: element('work', HTMLDivElement),
};

export const tabs: Readonly<Record<TabName, Tab>> = {
  saliency: saliencyTab,
  'class-model': classModelTab,
  segmentation: segmentationTab,
};
export const shownTab = (): Tab => tabs[state.tab];

/** Fields of the address that opened the page, which the recipes of a network must not overrule. */
let wanted = new URLSearchParams();

export function wish(fields: URLSearchParams): void {
  wanted = fields;
}

/** Of which network results are shown, counted as `state.networks`. */
let became = 0;

/** Shows the picture by the network that is chosen, from the beginning. */
export async function showAll(signal: AbortSignal): Promise<void> {
  const network = await ensureNetwork(signal).catch((error: unknown) => {
    if (signal.aborted || state.network || !isElsewhere()) throw error;
    later(keepNetwork(error)); // the one that comes with the page is better than none
    return ensureNetwork(signal);
  });
  signal.throwIfAborted();
  if (state.networks !== became) becomeNetwork();
  const { picture } = current;
  if (!picture) return;
  if (current.ranked.length === 0) {
    showActivity('Classifying');
    const began = performance.now();
    const ranked = await call('classify', picture.id, { signal });
    signal.throwIfAborted();
    state.milliseconds.classify = performance.now() - began;
    current.ranked = ranked;
    if (typeof current.wish === 'string') {
      const found = classNamed(current.wish, network.labels, network.classes);
      if (found === undefined) current.missing.push(`class “${current.wish}”`);
      current.wish = found ?? null;
    }
    void call('seen', picture.id, { signal }).then(showSeen, () => {});
  }
  await showTab(signal);
}

export async function showTab(signal: AbortSignal): Promise<void> {
  showClasses(current.ranked, chosenClass());
  showAnswer();
  showDoubt(current.ranked);
  await shownTab().show(signal);
  showSaving(shownTab());
  tellAddress();
  await showInside(signal);
  // after the first result, which neither must delay
  void checkOnce().then(async () => {
    if (state.tab === 'saliency' && !signal.aborted) await makeThumbnails(signal);
    if (!signal.aborted) await goOnWithAlbum(signal);
  });
}

/** As {@link showAll}, by a worker that knows neither the network nor the picture. */
export async function showAnew(signal: AbortSignal): Promise<void> {
  forgetNetwork();
  const { picture } = current;
  if (picture) {
    const { id } = await call('decode', picture.file, { signal });
    if (current.picture === picture) current.picture = { ...picture, id };
  }
  await showAll(signal);
}

/** As {@link showAll} after another network was chosen; where that is not to be had, the one that is there stays. */
export async function showAnother(signal: AbortSignal): Promise<void> {
  try {
    await showAll(signal);
  } catch (error) {
    throw signal.aborted ? error : keepNetwork(error);
  }
}

/** Another network is there: what the one before said is gone. */
function becomeNetwork(): void {
  became = state.networks;
  offerOnly(samplesOf(state.network!.labels));
  current.ranked = [];
  forgetAnswer();
  for (const tab of Object.values(tabs)) tab.clear();
  forgetAscent();
  clearInside();
  clearAttack();
  takeCutRecipe();
  choose(segmentationTab.form, wanted);
  choose(classModelTab.form, wanted);
  showSaving(shownTab());
}

/** What was said of the picture or by the network that is gone. */
function forgetAnswer(): void {
  showClasses([], null);
  showAnswer();
  showDoubt([]);
}

/** Says what went wrong once the page rests: what is done next would take it away. */
function later(error: unknown): void {
  const { signal } = opening;
  void resting().then(() => signal.aborted || refuse(error));
}

/** Whether the page comes from its history or a link, which the next address belongs to. */
let arriving = true;
export function arrive(): void {
  arriving = true;
}

/** What a visitor would call a step, which Back takes back. */
function stepOf(hash: string): string {
  const { fields, run, ...own } = readAddress(hash);
  return JSON.stringify([own, fields.get('method')]);
}

/** What is shown, in the address bar. */
export function tellAddress(): void {
  const next = formatAddress(address());
  const own = current.picture?.own;
  const isStep = stepOf(next) !== stepOf(location.hash) || own !== (history.state as { own?: number } | null)?.own;
  if (isStep && !arriving) history.pushState({ own }, '', next);
  else history.replaceState({ own }, '', next);
  arriving = false;
}

export function address(): Address {
  const { picture, wish } = current;
  const chosen = chosenClass();
  const asked = chosen ? nameFor(chosen.index, state.network?.labels ?? []) : String(wish);
  return {
    tab: state.tab,
    ...chosenNetwork(),
    sample: picture?.sample,
    picture: picture?.from,
    class: wish === null ? undefined : asked,
    run: state.tab === 'class-model' && state.ascent !== null,
    fields: new URLSearchParams([
      ...choicesOf(saliencyTab.form),
      ...(state.tab === 'saliency' ? [] : choicesOf(shownTab().form)),
      ...choicesOf(insideForm),
      ...choicesOf(attackForm),
    ]),
  };
}

// ——— pictures ———

let opening = new AbortController();

/** What runs goes on until the new picture is decoded; of several openings the last one counts. */
export async function open(read: (signal: AbortSignal) => Promise<Picture>, wish: string | null = null): Promise<void> {
  opening.abort();
  const { signal } = (opening = new AbortController());
  forgetError();
  try {
    const picture = await read(signal);
    if (signal.aborted) return forget(picture);
    current.wish = wish;
    await instead(async (running) => {
      becomePicture(picture);
      await parts.picture.decode();
      await showAll(running);
    });
  } catch (error) {
    if (!signal.aborted) refuse(error);
  }
}

function becomePicture(picture: Picture): void {
  if (current.picture) forget(current.picture);
  current.picture = picture;
  current.ranked = [];
  const { name, width, height, sample } = picture;
  state.picture = { name, width, height };
  for (const tab of Object.values(tabs)) tab.clear();
  forgetAnswer();
  showSeen(null);
  clearInside();
  clearAttack();
  showSaving(shownTab());
  parts.picture.src = picture.address;
  parts.picture.alt = sample ? `Sample picture: ${name}` : `Your picture ${name}`;
  parts.pictureText.textContent = pictureText();
  parts.work.style.setProperty('--aspect', String(Math.min(1.8, Math.max(0.6, width / height))));
  markSample(sample);
}

export function openSample(sample: Sample | undefined, wish: string | null = null): Promise<void> {
  return open(async (signal) => {
    if (!sample) throw new GradlensError('shape', 'This page has no sample pictures; open one of yours.');
    return readPicture(await fetchPicture(sample.address, signal), sample.label, {
      sample: sample.name,
      address: sample.address,
    });
  }, wish);
}

export function openAddressOf(from: string, wish: string | null = null): Promise<void> {
  return open(
    async (signal) =>
      readPicture(
        await fetchPicture(from, signal),
        decodeURIComponent(new URL(from).pathname.split('/').at(-1) || from),
        { from },
      ),
    wish,
  );
}

/** A picture of the visitor's own that was open before. False if it is no longer kept. */
export function openOwn(own: number, wish: string | null = null): Promise<void> | undefined {
  const kept = ownPicture(own);
  return kept && open(() => readPicture(kept.file, kept.name, { own }), wish);
}

const openFile = (file: File): Promise<void> => open(() => readPicture(file, file.name));

// Its code is fetched when somebody opens several pictures.
let album: Promise<typeof import('./album')> | null = null;

async function openAlbum(files: readonly File[]): Promise<void> {
  album ??= import('./album');
  const { showAlbum } = await album;
  showAlbum(files, (file) => void openFile(file));
  await openFile(files[0]!);
  if (state.phase === 'ready')
    showAlert(`${files.length} pictures: the first is shown here, and all of them, with their maps, below.`, {
      notice: true,
      stays: false,
      action: { label: 'Show them', run: () => element('album', HTMLElement).scrollIntoView() },
    });
}

const goOnWithAlbum = async (signal: AbortSignal): Promise<void> =>
  (await album)?.goOnWithAlbum(signal).catch(() => {}); // a picture that fails says so in its place

export function openFiles(files: readonly File[]): void {
  const networkFiles = networkFilesOf(files);
  if (networkFiles.length === 0) {
    return void (files.length > 1 ? openAlbum(files) : openFile(files[0]!));
  }
  void instead((signal) => {
    offerFiles(networkFiles);
    current.wish = null;
    return showAnother(signal);
  });
}

/** The page: what the visitor does, and what then happens. Everything that computes is in a worker. */
import { GradlensError } from '../index';
import { readAddress } from './address';
import { current } from './current';
import {
  address,
  arrive,
  open,
  openAddressOf,
  openFiles,
  openOwn,
  openSample,
  showAll,
  showAnew,
  showAnother,
  showTab,
  shownTab,
  tabs,
  tellAddress,
  wish,
} from './flow';
import { listenForFiles } from './inputs/pictures';
import { firstSample, samples } from './inputs/samples';
import {
  chooseByName,
  chooseNetwork,
  chooseOwn,
  ensureNetwork,
  forgetNetwork,
  showAdapter,
  showCheck,
  takeLabels,
} from './network';
import { workOffline } from './offline';
import { attackForm, showEpsilon } from './parts/attackFields';
import { listenForAttack } from './parts/attackPart';
import { listenForClass } from './parts/classPanel';
import { listenForDoubt } from './parts/doubt';
import { element } from './parts/elements';
import { closeBeside, holdToCompare } from './parts/gestures';
import { choose, namesOf, showRanges } from './parts/form';
import { listenForInside } from './parts/insidePart';
import { showAlert } from './parts/messages';
import { listenForNetChoices } from './parts/netChoices';
import { offerSamples } from './parts/sampleRow';
import { insideForm } from './parts/unitField';
import { listenForSaving, showSaving } from './save';
import { type TabName, state } from './state';
import { ascend, classModelTab, listenForStart, takeRecipe as takeAscentRecipe } from './tabs/classModel';
import { paint, paintOverlay, saliencyTab, showMethod } from './tabs/saliency';
import { segmentationTab, takeRecipe as takeCutRecipe } from './tabs/segmentation';
import { cancel, forgetError, giveUp, instead, listenForEnds, refuse, resume, suspend } from './work';
import { listenForLoss } from './worker/remote';

window.gradlens = { state };

const parts = {
  file: element('file', HTMLInputElement),
  camera: element('camera', HTMLButtonElement),
  byAddress: element('by-address', HTMLFormElement),
  pictureAddress: element('picture-address', HTMLInputElement),
  model: element('model', HTMLSelectElement),
  prep: element('prep', HTMLSelectElement),
  labelsFile: element('labels-file', HTMLInputElement),
};

// ——— pictures ———

offerSamples((sample) => void openSample(sample));
listenForFiles(parts.file, openFiles, (message) => refuse(new GradlensError('model-format', message)));
parts.byAddress.addEventListener('submit', (event) => {
  event.preventDefault();
  void openAddressOf(parts.pictureAddress.value);
});
parts.camera.addEventListener('click', () => {
  openTab('saliency');
  // few ask for the camera
  void import('./live').then(({ toggleCamera }) => toggleCamera(Object.values(tabs), open));
});

// ——— the network, its classes, the tabs and their fields ———

for (const select of [parts.model, parts.prep]) {
  select.addEventListener('change', () => {
    if (select === parts.model) parts.prep.value = 'file';
    void instead(showAnother);
  });
}
parts.labelsFile.addEventListener('change', () => {
  const [file] = parts.labelsFile.files ?? [];
  parts.labelsFile.value = '';
  if (file)
    void instead(async (signal) => {
      await takeLabels(file);
      await showAll(signal);
    });
});
listenForClass((index) => {
  current.wish = index;
  if (!state.camera && current.ranked.length > 0) void instead(showTab); // the next frame asks for it by itself
});
listenForDoubt((network) => {
  chooseByName(network);
  void instead(showAnother);
});

const buttons = [...document.querySelectorAll<HTMLButtonElement>('[role=tab]')];
const nameOf = (button: HTMLButtonElement): TabName => button.getAttribute('aria-controls') as TabName;

function openTab(name: TabName): void {
  state.tab = name;
  for (const button of buttons) {
    const chosen = nameOf(button) === name;
    button.setAttribute('aria-selected', String(chosen));
    button.tabIndex = chosen ? 0 : -1;
  }
  for (const tab of Object.values(tabs)) element(tab.name, HTMLDivElement).hidden = tab.name !== name;
  showSaving(shownTab());
}

for (const [k, button] of buttons.entries()) {
  const open = (): void => {
    openTab(nameOf(button));
    if (current.picture) void instead(showAll);
  };
  button.addEventListener('click', open);
  button.addEventListener('keydown', (event) => {
    const { key } = event;
    const places: Readonly<Record<string, number>> = { ArrowRight: k + 1, ArrowLeft: k - 1, Home: 0, End: -1 };
    const place = places[key];
    if (place === undefined) return;
    event.preventDefault(); // else the page scrolls
    const next = buttons.at(place % buttons.length)!;
    next.focus();
    next.click();
  });
}

/** How a map is drawn; everything else about it is computed anew. */
const DRAWN = ['colours', 'clip', 'opacity', 'view'];

saliencyTab.form.addEventListener('input', ({ target }) => {
  const { name } = target as HTMLInputElement;
  if (state.camera) return;
  if (name === 'opacity') paintOverlay();
  else if (name === 'clip') paint();
});
saliencyTab.form.addEventListener('change', ({ target }) => {
  const { name } = target as HTMLInputElement;
  showMethod();
  if (state.camera) return; // the next frame is made, and drawn, as the fields say
  if (DRAWN.includes(name)) {
    paint();
    tellAddress();
  } else if (saliencyTab.form.reportValidity() && current.ranked.length > 0) {
    void instead(showTab); // without classes a job is on its way, which will read the field
  }
});
segmentationTab.form.addEventListener('input', ({ target }) => {
  if ((target as HTMLInputElement).name === 'cut') takeCutRecipe();
  showRanges(segmentationTab.form);
  if (current.ranked.length > 0) void instead(showTab);
});
classModelTab.form.addEventListener('change', ({ target }) => {
  if ((target as HTMLInputElement).name === 'recipe') takeAscentRecipe();
});
function startAscent(from?: Blob): void {
  if (classModelTab.form.reportValidity())
    void instead(async (signal) => {
      await ensureNetwork(signal);
      await ascend(signal, from).finally(() => showSaving(shownTab()));
      tellAddress();
    });
}
element('ascent-start', HTMLButtonElement).addEventListener('click', () => startAscent());
listenForStart(startAscent);
for (const tab of Object.values(tabs)) tab.form.addEventListener('submit', (event) => event.preventDefault());
classModelTab.form.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && event.target instanceof HTMLInputElement) startAscent();
});
element('sanity-start', HTMLButtonElement).addEventListener(
  'click',
  () =>
    void instead(async (signal) => {
      const { showSanity } = await import('./tabs/sanity');
      await showSanity(signal);
      showSaving(shownTab());
    }),
);
holdToCompare(element('lens', HTMLDivElement));
closeBeside(document.querySelectorAll<HTMLDetailsElement>('.drop'));
document.querySelector('.skip')!.addEventListener('click', (event) => {
  event.preventDefault(); // the address says what is shown
  element('answer', HTMLElement).focus();
});
// A crash of the browser's GPU process empties every canvas.
for (const id of ['map', 'overlay', 'legend', 'second-map'])
  element(id, HTMLCanvasElement).addEventListener('contextrestored', paint);
// Ending the camera means going back to the picture that was there before.
element('cancel', HTMLButtonElement).addEventListener('click', () => (state.camera ? void instead(showAll) : cancel()));
listenForInside(tellAddress);
listenForAttack(tellAddress);
listenForNetChoices(() => {
  chooseOwn();
  void instead(showAnother);
});
listenForSaving(() => ({ tab: shownTab(), address: address() }));

// ——— begin ———

/** All that the address says. */
function openAddress(): void {
  const { tab, network, prep, sample, picture, class: chosen, run, fields } = readAddress(location.hash);
  arrive();
  wish(fields);
  for (const form of [insideForm, attackForm]) {
    form.reset();
    choose(form, fields);
  }
  showEpsilon();
  const { own } = (history.state ?? {}) as { own?: number };
  for (const { form } of Object.values(tabs)) form.reset();
  for (const take of [takeAscentRecipe, takeCutRecipe]) take();
  for (const { form } of Object.values(tabs)) choose(form, fields);
  for (const take of [takeAscentRecipe, takeCutRecipe]) take(); // by the recipes that the address names
  const known = [...Object.values(tabs).map(({ form }) => form), insideForm, attackForm].flatMap(namesOf);
  const refused = Object.values(tabs).flatMap(({ form }) => choose(form, fields));
  current.missing = [
    ...[...fields.keys()].filter((name) => !known.includes(name)).map((name) => `field “${name}”`),
    // the layers of a network are known when it is there
    ...refused.filter((name) => name !== 'tensor').map((name) => `${name} “${fields.get(name)}”`),
    ...chooseNetwork(network, prep),
    ...unknownTab(),
    ...(sample === undefined || samples.some(({ name }) => name === sample) ? [] : [`sample “${sample}”`]),
  ];
  openTab(tab);
  const wished = chosen ?? null;
  const opened =
    (own === undefined ? undefined : openOwn(own, wished)) ??
    (picture !== undefined
      ? openAddressOf(picture, wished)
      : openSample(samples.find(({ name }) => name === sample) ?? firstSample, wished));
  void opened.then(() => {
    if (state.phase !== 'ready') return;
    if (current.missing.length > 0) {
      const named = current.missing.join(', ');
      showAlert(`The link names what is not here: ${named}. The rest of it is shown.`, { notice: true, stays: false });
      current.missing = [];
    }
    if (run) startAscent();
  });
}

function unknownTab(): string[] {
  const named = new URLSearchParams(location.hash.slice(1)).get('tab');
  return named === null || Object.hasOwn(tabs, named) ? [] : [`tab “${named}”`];
}

/** Where nothing can be computed. */
async function showReadyOf(sample: string | undefined): Promise<void> {
  const { showReady } = await import('./ready');
  showReady(sample);
}

/** More often it would not be of use: what the page does may be what ends the worker. */
const MOST_REVIVALS = 2;

/** The worker ended; what it knew is told to a new one, and what ran begins again. */
async function revive(error: Error): Promise<void> {
  if (state.revivals === MOST_REVIVALS) {
    cancel();
    return refuse(error);
  }
  state.revivals += 1;
  const ascends = state.ascent?.phase === 'running';
  if (!current.picture) return openAddress();
  await instead(async (signal) => {
    showAlert('The browser ended the part of this page that computes. It was begun again.', { notice: true });
    await showAnew(signal);
    forgetError();
  });
  if (ascends && state.phase === 'ready') startAscent();
}

function again(): void {
  forgetNetwork();
  if (current.picture) void instead(showAll);
  else openAddress();
}

listenForEnds({
  retry: again,
  unavailable: () => void showReadyOf(current.picture?.sample),
  gone: () => current.picture && tellAddress(), // for the reload; before a picture was opened it says what it said
});
listenForLoss({
  lost: suspend,
  restored: ({ environment, check }) => {
    showAdapter(environment);
    showCheck(check);
    resume();
  },
  gone: giveUp,
  ended: (error) => void revive(error),
});
window.addEventListener('popstate', openAddress);
openAddress();
workOffline();

/**
 * The page: what the visitor does, and what then happens. The engine needs no worker: on this thread it only records commands and
 * awaits the GPU.
 */
import { GradlensError } from '../index';
import { writeNpy } from '../formats/npy';
import { formatAddress, readAddress, ruleNamed } from './address';
import { elements } from './elements';
import { type Painting, colourChoices, paint, paintOverlay } from './paint';
import { type Picture, fetchPicture, isModelFile, listenForFiles, readPicture } from './pictures';
import { type Sample, firstSample, samples } from './samples';
import { currentSession, endSession, listenForLoss, replaceModel, session } from './session';
import { showMap, showPicture, shownMap, shownPicture, wish } from './show';
import { state } from './state';
import { forgetError, instead, refuse, retryWith, stop } from './work';

window.gradlens = {
  state,
  get engine() { return currentSession()?.engine; },
  get model() { return currentSession()?.model; },
};

// ——— pictures and models ———

let opening = new AbortController();

/** What runs goes on until the new picture is decoded; of several openings the last one counts. */
async function open(read: (signal: AbortSignal) => Promise<Picture>, wanted?: string): Promise<void> {
  opening.abort();
  const { signal } = (opening = new AbortController());
  forgetError();
  try {
    const picture = await read(signal);
    if (signal.aborted) return picture.sample === undefined ? URL.revokeObjectURL(picture.address) : undefined;
    wish.class = wanted;
    await instead((running) => showPicture(picture, running));
  } catch (error) {
    if (!signal.aborted) refuse(error);
  }
}

function openSample(sample: Sample | undefined, wanted?: string): Promise<void> {
  return open(async (signal) => {
    if (!sample) throw new GradlensError('shape', 'This page has no sample pictures; open one of yours.');
    return readPicture(await fetchPicture(sample.address, signal), sample.label, sample);
  }, wanted);
}

function openFiles(files: readonly File[]): void {
  const modelFiles = files.filter(isModelFile);
  if (modelFiles.length === 0) return void open(() => readPicture(files[0]!, files[0]!.name));
  void instead(async (signal) => {
    await replaceModel(modelFiles, signal);
    signal.throwIfAborted();
    wish.class = undefined;
    const picture = shownPicture();
    if (picture) await showPicture(picture, signal);
  });
}

/** The sample, class and rule of the address bar. */
function openAddress(): void {
  const address = readAddress(location.hash);
  elements.relu.value = address.relu;
  void openSample(samples.find(({ name }) => name === address.sample) ?? firstSample, address.class);
}

function again(): void {
  endSession();
  const picture = shownPicture();
  if (picture) void instead((signal) => showPicture(picture, signal));
  else openAddress();
}

elements.samples.append(...samples.map((sample) => {
  const button = Object.assign(document.createElement('button'), { type: 'button', value: sample.name, title: sample.label });
  button.setAttribute('aria-pressed', 'false');
  button.append(Object.assign(document.createElement('img'), { src: sample.address, alt: sample.label, width: 76, height: 57 }));
  button.addEventListener('click', () => {
    history.replaceState(null, '', formatAddress({ sample: sample.name, relu: ruleNamed(elements.relu.value) }));
    void openSample(sample);
  });
  const item = document.createElement('li');
  item.append(button);
  return item;
}));
listenForFiles(elements.file, openFiles, (message) => refuse(new GradlensError('model-format', message)));
window.addEventListener('hashchange', openAddress);

// ——— the map ———

elements.classes.addEventListener('change', (event) => {
  wish.class = Number((event.target as HTMLInputElement).value);
  void instead(showMap);
});
elements.relu.addEventListener('change', () => {
  if (state.classes.length > 0) void instead(showMap); // else the map that is on its way takes the rule
});

const repaint = (how: (painting: Painting) => void) => (): void => {
  const shown = shownMap();
  if (shown) how(shown);
};
elements.colours.append(...colourChoices.map((name) => new Option(name)));
elements.colours.addEventListener('change', repaint(paint));
elements.clip.addEventListener('input', repaint(paint));
elements.opacity.addEventListener('input', repaint(paintOverlay));
// A crash of the browser's GPU process empties every canvas.
for (const canvas of [elements.map, elements.overlay, elements.legend]) canvas.addEventListener('contextrestored', repaint(paint));

// ——— downloads ———

function save(ending: string, content: Blob): void {
  const { picture, label } = state.map!;
  const stem = `${picture.replace(/\.[^.]*$/, '')} ${label}`.replace(/[^\p{L}\p{N}]+/gu, '-');
  const address = URL.createObjectURL(content);
  Object.assign(document.createElement('a'), { href: address, download: stem + ending }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
elements.savePng.addEventListener('click', () => elements.map.toBlob((png) => png && state.map && save('.png', png)));
elements.saveNpy.addEventListener('click', () => {
  if (state.map) save('.npy', new Blob([writeNpy([state.map.height, state.map.width], state.map.data)]));
});

// ——— begin ———

retryWith(again);
listenForLoss(stop);
session().catch(() => {}); // the model is fetched while the sample is decoded; showPicture tells of errors
openAddress();

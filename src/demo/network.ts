/**
 * Which network is looked into: the menu, how it prepares pictures, what it calls its classes; and the device that it
 * is on.
 */
import { readLabels } from '../formats/labels';
import {
  type CheckReport,
  DEFAULT_MODEL,
  type Environment,
  GradlensError,
  PUBLIC_MODELS,
  type PresetName,
  SHIPPED_MODELS,
  presetNames,
} from '../index';
import { showNames } from './parts/classPanel';
import { element, make } from './parts/elements';
import { type NetChoices, netChoices, resetNetChoices, showNetChoices, showNotes } from './parts/netChoices';
import { showActivity, showProgress } from './parts/messages';
import { state } from './state';
import type { NetworkInfo, NetworkRequest } from './worker/jobs';
import { call } from './worker/remote';

const parts = {
  model: element('model', HTMLSelectElement),
  prep: element('prep', HTMLSelectElement),
  text: element('network-text', HTMLParagraphElement),
  name: element('network-name', HTMLSpanElement),
  statusModel: element('status-model', HTMLElement),
  statusAdapter: element('status-adapter', HTMLElement),
  statusCheck: element('status-check', HTMLElement),
  labels: element('labels', HTMLDataListElement),
};

const OWN = 'own';

/** What is loaded, and what is wanted. */
let own: readonly File[] = [];
let labels: { readonly of: string; readonly names: readonly string[] } | undefined;
let loading: { readonly key: string; readonly done: Promise<NetworkInfo> } | undefined;
/** What the menus said of the network that is there. */
let loaded: { readonly key: string; readonly model: string; readonly prep: string } | undefined;

/** The names of networks that a link can carry. */
const isNamed = (name: string): boolean => Object.hasOwn(SHIPPED_MODELS, name) || Object.hasOwn(PUBLIC_MODELS, name);

/** As an address says; what of it there is not. */
export function chooseNetwork(name: string | undefined, prep: string | undefined): string[] {
  parts.model.value = name !== undefined && isNamed(name) ? name : DEFAULT_MODEL;
  parts.prep.value = presetNames.find((known) => known === prep) ?? 'file';
  return [
    ...(name !== undefined && !isNamed(name) ? [`network “${name}”`] : []),
    ...(prep !== undefined && parts.prep.value === 'file' ? [`preparation “${prep}”`] : []),
  ];
}

/** For the address: what differs from the default. */
export function chosenNetwork(): { network: string | undefined; prep: string | undefined } {
  const { value } = parts.model;
  return {
    network: value === OWN || value === DEFAULT_MODEL ? undefined : value,
    prep: parts.prep.value === 'file' ? undefined : parts.prep.value,
  };
}

/** As the command line and the library are told of it. */
export function networkInWords(): NetChoices & {
  readonly name: string;
  readonly isFile: boolean;
  readonly prep?: PresetName;
} {
  const { value } = parts.model;
  const prep = presetNames.find((known) => known === parts.prep.value);
  const isFile = value === OWN;
  return {
    name: isFile ? (own[0]?.name ?? '') : value,
    isFile,
    ...(prep ? { prep } : {}),
    ...(isFile ? netChoices() : {}),
  };
}

export const isOwn = (): boolean => parts.model.value === OWN;

/** The visitor's own network again, after it could not be loaded as it was. */
export function chooseOwn(): void {
  parts.model.value = OWN;
}

/** Files of a network of the visitor's own become the menu's last entry. */
export function offerFiles(files: readonly File[]): void {
  own = files;
  labels = undefined;
  parts.model.querySelector(`option[value=${OWN}]`)?.remove();
  parts.model.append(new Option(`${files.map(({ name }) => name).join(', ')} (yours)`, OWN));
  parts.model.value = OWN;
  parts.prep.value = 'file';
  resetNetChoices(true);
}

/**
 * Names of the classes, one per line or a JSON array.
 * @throws GradlensError `model-format`
 */
export async function takeLabels(file: File): Promise<void> {
  const names = readLabels(await file.text(), file.name);
  const { classes } = state.network!;
  if (names.length !== classes)
    throw new GradlensError(
      'model-format',
      `${file.name} has ${names.length} names; this network has ${classes} classes. ` +
        'One name per line, in the order of the scores, would be right.',
    );
  labels = { of: parts.model.value, names };
}

/** Of the network that is chosen; those that were given to another one are none of its. */
const labelsGiven = (): readonly string[] | undefined => (labels?.of === parts.model.value ? labels.names : undefined);

/** The network that is chosen on the page, loaded if it is not; what was there before stays if this fails. */
export async function ensureNetwork(signal: AbortSignal): Promise<NetworkInfo> {
  const key = JSON.stringify([
    parts.model.value,
    own.map(({ name, size, lastModified }) => [name, size, lastModified]),
    parts.prep.value,
    labelsGiven(),
    isOwn() ? netChoices() : {},
  ]);
  if (loading?.key !== key) {
    const started = { key, done: load(key, signal) };
    loading = started;
    started.done.catch(() => {
      if (loading === started) loading = undefined;
    });
  }
  return loading.done;
}

/** Loads it anew at the next wish. */
export function forgetNetwork(): void {
  loading = undefined;
}

/**
 * Sets the menus back to the network that is there, or to the one that comes with the page, where another one is not to
 * be had. Why it is not, in words for people.
 */
export function keepNetwork(error: unknown): unknown {
  if (isOwn()) element('network', HTMLDetailsElement).open = true; // there it can be said what the file leaves open
  const wanted = PUBLIC_MODELS[parts.model.value];
  parts.model.value = loaded?.model ?? DEFAULT_MODEL;
  parts.prep.value = loaded?.prep ?? 'file';
  if (!wanted || !(error instanceof GradlensError) || error.code !== 'network') return error;
  const { host } = new URL(wanted.address);
  return new GradlensError(
    'network',
    `${wanted.title} cannot be fetched: ${host} is not reached from here. ` +
      `The network is ${parts.model.value}, as before.`,
    {},
    { cause: error },
  );
}

/** Whether another network is wanted than the one that comes with the page. */
export const isElsewhere = (): boolean => Object.hasOwn(PUBLIC_MODELS, parts.model.value);

/** Chooses a network of the menu. */
export function chooseByName(name: string): void {
  parts.model.value = name;
  parts.prep.value = 'file';
}

/** What the network is on. */
export function showAdapter({ adapter }: Environment): void {
  const name =
    adapter.description || [adapter.vendor, adapter.architecture].filter(Boolean).join(' ') || 'without a name';
  parts.statusAdapter.textContent = adapter.isFallbackAdapter
    ? `⚠ ${name}: software, computes on the CPU; right, but slow`
    : name;
  state.adapter = adapter;
  parts.statusAdapter.className = adapter.isFallbackAdapter ? 'warn' : '';
}

async function load(key: string, signal: AbortSignal): Promise<NetworkInfo> {
  const began = performance.now();
  const { value: model } = parts.model;
  const { value: prep } = parts.prep;
  showAdapter(await call('start', undefined, { signal }));
  showActivity('Loading the network');
  const info = await call('load', request(), {
    signal,
    onProgress: (progress) => signal.aborted || showProgress(progress),
  });
  state.milliseconds.load = performance.now() - began;
  state.network = info;
  if (loaded?.key !== key) state.networks += 1;
  loaded = { key, model, prep };
  showNetwork(info);
  showNotes(info);
  showNetChoices(isOwn());
  const { preparation } = info;
  parts.prep.options[0]!.textContent =
    preparation?.by === 'guess' && preparation.prep
      ? `a guess: ${PREPARATIONS[preparation.prep]}`
      : 'as the network’s file says';
  return info;
}

function request(): NetworkRequest {
  const { value } = parts.model;
  const labels = labelsGiven();
  const choices = { prep: parts.prep.value as PresetName | 'file', ...(labels ? { labels } : {}) };
  if (value === OWN) return { source: own, ...choices, ...netChoices() };
  const found = Object.hasOwn(PUBLIC_MODELS, value) ? PUBLIC_MODELS[value] : undefined;
  if (!found) return { source: new URL(`weights/${value}/model.json`, document.baseURI).href, ...choices };
  const { address, sha256, bytes, prep } = found;
  return {
    source: address,
    expected: { sha256, ...(bytes === undefined ? {} : { bytes }) },
    ...choices,
    ...(choices.prep === 'file' ? { prep } : {}),
  };
}

const PREPARATIONS: Readonly<Record<PresetName, string>> = {
  torchvision: 'torchvision: ImageNet’s mean and deviation',
  'caffe-bgr': 'Caffe: BGR less the mean',
  unit: '0 to 1',
  signed: '−1 to 1',
  raw: 'none: 0 to 255',
};

function showNetwork({
  name,
  classes,
  inputShape: [, , H, W],
  input,
  preparation,
  gpuBytes,
  labels: names,
}: NetworkInfo): void {
  const by =
    preparation?.by === 'guess'
      ? `; how pictures are prepared (${PREPARATIONS[preparation.prep!]}) is a guess` +
        `${preparation.reason ? `, since ${preparation.reason}` : ''}, which you can change`
      : '';
  const seen = !input
    ? ''
    : input.resize === 'crop'
      ? ', the middle of the picture cropped'
      : input.resize === 'pad'
        ? ', the picture fitted in'
        : ', the picture squashed';
  parts.name.textContent = name;
  parts.prep.options[0]!.text =
    preparation?.by === 'guess' ? `guessed: ${PREPARATIONS[preparation.prep!]}` : 'as the network’s file says';
  const unnamed = names.length === 0 ? ' without names' : '';
  const size = `${(gpuBytes / 1e6).toFixed(1)} MB on the GPU`;
  parts.text.textContent = `Sees ${W}×${H}${seen}; ${classes} classes${unnamed}; ${size}${by}.`;
  parts.statusModel.textContent = `${name}, ${classes} classes, sees ${W}×${H}`;
  showNames(names, classes);
  parts.labels.replaceChildren(...(names.length > 0 ? names.map((label) => make('option', { value: label })) : []));
}

/** The self-test, once per device. */
export async function checkOnce(): Promise<void> {
  const { statusCheck } = parts;
  if (state.check) return;
  statusCheck.textContent = 'running';
  try {
    showCheck(await call('check', undefined));
  } catch (error) {
    statusCheck.textContent = `failed: ${error instanceof Error ? error.message : String(error)}`;
    statusCheck.className = 'bad';
  }
}

export function showCheck(check: CheckReport): void {
  state.check = check;
  parts.statusCheck.textContent = check.message;
  parts.statusCheck.className = check.ok ? '' : 'bad';
}

const megabytes = (bytes: number | undefined): string => (bytes === undefined ? '' : `, ${Math.round(bytes / 1e6)} MB`);
const group = (label: string, options: readonly HTMLOptionElement[]): HTMLOptGroupElement =>
  make('optgroup', { label }, ...options);
parts.model.append(
  group(
    'Comes with this page',
    Object.entries(SHIPPED_MODELS).map(([name, about]) => new Option(`${name}: ${about}`, name)),
  ),
  group(
    'Downloaded when chosen',
    Object.entries(PUBLIC_MODELS).map(
      ([name, { title, bytes }]) => new Option(`${title}: 1000 classes${megabytes(bytes)}`, name),
    ),
  ),
);
parts.prep.append(
  new Option('as the network’s file says', 'file'),
  ...presetNames.map((name) => new Option(PREPARATIONS[name], name)),
);

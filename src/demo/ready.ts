/** Results that were made before, for visitors whose browser has no WebGPU. Loaded when they are needed. */
import index from '../../samples/ready/index.json';
import { DEFAULT_MODEL } from '../index';
import { element, make } from './parts/elements';

const files = import.meta.glob<string>('../../samples/ready/*.webp', { query: '?url', import: 'default', eager: true });
const addressOf = (file: string): string => files[`../../samples/ready/${file}`]!;

type OfSample = (typeof index.samples)[number];
type OfClass = (typeof index.classModels)[number];

const parts = {
  section: element('ready', HTMLElement),
  results: element('ready-results', HTMLDivElement),
  all: element('ready-all', HTMLDivElement),
};

/** Class models beside those of the sample's own class. */
const MOST_CLASSES = 4;

/**
 * The figures of a sample in the order of the page: where the network looks, the object, and what it looks for; below,
 * folded, all others.
 */
export function showReady(name: string | undefined): void {
  const sample = index.samples.find((one) => one.sample === name) ?? index.samples[0]!;
  const models = index.classModels
    .filter(({ model }) => model === DEFAULT_MODEL || !index.classModels.some((other) => other.model === DEFAULT_MODEL))
    .sort((a, b) => Number(b.label === sample.label) - Number(a.label === sample.label) || b.score - a.score)
    .slice(0, MOST_CLASSES);
  parts.section.hidden = false;
  parts.results.replaceChildren(overlayOf(sample), cutOf(sample), ...models.map(modelOf));
  parts.all.replaceChildren(
    ...index.samples.flatMap((one) => [
      ...(one === sample ? [] : [overlayOf(one), cutOf(one)]),
      figure(one.map.file, `Saliency map ${of(one)}`),
    ]),
    ...index.classModels.filter((one) => !models.includes(one)).map(modelOf),
  );
}

const of = ({ sample, label, score }: OfSample): string =>
  `of the sample “${sample.replaceAll('-', ' ')}” for “${label}” (score ${score.toFixed(1)})`;
const overlayOf = (sample: OfSample): HTMLElement =>
  figure(sample.overlay.file, `Where it looks: the saliency map ${of(sample)}, over the picture`);
const cutOf = (sample: OfSample): HTMLElement =>
  figure(sample.segmentation.file, `The object: the segmentation ${of(sample)}`);
const modelOf = ({ file, label, model }: OfClass): HTMLElement =>
  figure(file, `What it looks for: the class model of “${label}”, by ${model}`);

function figure(file: string, caption: string): HTMLElement {
  return make(
    'figure',
    {},
    make('img', { src: addressOf(file), alt: caption, loading: 'lazy' }),
    make('figcaption', { textContent: caption }),
  );
}

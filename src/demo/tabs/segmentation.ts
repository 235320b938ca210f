/** Segmentation (§3.2): the map's seeds, the cut, its box; the cut's parameters are live. */
import { SEEDS, SEGMENT_PRESETS, type SegmentOptions, type SegmentPreset } from '../../index';
import { chosenClass, current } from '../current';
import { type Tint, clear, drawBox, drawTinted } from '../draw/paint';
import { mapOf } from '../maps';
import { element } from '../parts/elements';
import { numberOf, setDefaults, textOf } from '../parts/form';
import { duration, showActivity, showProgress } from '../parts/messages';
import { type ShownSegmentation, state } from '../state';
import { call } from '../worker/remote';
import type { Tab } from './tab';

const parts = {
  form: element('segmentation-form', HTMLFormElement),
  preset: element('segment-preset', HTMLSelectElement),
  picture: element('picture', HTMLImageElement),
  seeds: element('seeds', HTMLCanvasElement),
  cut: element('cut', HTMLCanvasElement),
  cutText: element('cut-text', HTMLElement),
  cutout: element('cutout', HTMLCanvasElement),
  time: element('status-time', HTMLElement),
};

const { OBJECT, GROUND } = SEEDS;
/** As in style.css: told apart by lightness too. */
const SEED_TINTS: Readonly<Record<number, Tint>> = {
  [OBJECT]: { colour: [255, 176, 0], share: 0.85 },
  [GROUND]: { colour: [20, 60, 160], share: 0.6 },
};
export const BESIDE: Tint = { colour: [12, 16, 20], share: 0.72 };
export const BOX_COLOUR = '#ffdc00';

export const segmentationTab: Tab = {
  name: 'segmentation',
  form: parts.form,

  async show(signal) {
    const [picture, chosen] = [current.picture!, chosenClass()!];
    showActivity(`Computing the map for “${chosen.label}”`);
    const map = await mapOf(chosen.index, { signal });
    signal.throwIfAborted();
    showActivity('Cutting');
    const began = performance.now();
    const found = await call(
      'segment',
      { picture: picture.id, map, options: segmentOptions() },
      { signal, onProgress: showProgress },
    );
    signal.throwIfAborted();
    state.milliseconds.segment = performance.now() - began;
    state.segmentation = { ...found, class: chosen.index, label: chosen.label, picture: picture.name };
    state.segmentations += 1;
    parts.time.textContent = duration(state.milliseconds.segment);
    draw(state.segmentation);
    showActivity(`Cut for “${chosen.label}” in ${duration(state.milliseconds.segment)}`);
  },

  clear() {
    state.segmentation = null;
    clear(parts.seeds, 'No seeds yet');
    for (const canvas of [parts.cut, parts.cutout]) clear(canvas, 'No mask yet');
    parts.cutText.textContent = '';
  },

  result() {
    const { segmentation } = state;
    if (!segmentation) return null;
    const { mask, seeds, width, height, box, energy, fallback, peak, label, meta } = segmentation;
    return {
      stem: `${segmentation.picture} ${label} mask`,
      canvas: parts.cut,
      array: { shape: [height, width], data: Float32Array.from(mask) },
      numbers: {
        segmentation: {
          label,
          box,
          energy,
          fallback,
          peak,
          area: areaOf(segmentation),
          seeds: { object: count(seeds, OBJECT), ground: count(seeds, GROUND) },
          width,
          height,
          meta,
        },
      },
    };
  },
};

/** The recipe's quantiles and smoothing become the sliders' defaults. Smoothing goes by the map's width. */
export function takeRecipe(): void {
  const width = state.network?.inputShape[3] ?? 227;
  setDefaults(parts.form, { ...SEGMENT_PRESETS[recipe()]({ width }) });
}

export const recipe = (): SegmentPreset => parts.preset.value as SegmentPreset;

export function segmentOptions() {
  const number = (name: string): number => numberOf(parts.form, name)!;
  return {
    preset: recipe(),
    foreground: number('foreground'),
    background: number('background'),
    smoothing: number('smoothing'),
    components: number('components'),
    lambda: number('lambda'),
    neighbours: textOf(parts.form, 'neighbours') === '4' ? 4 : 8,
    hardSeeds: textOf(parts.form, 'hardSeeds') === 'yes',
  } satisfies SegmentOptions;
}

function draw(found: ShownSegmentation): void {
  const { mask, seeds, box, energy, fallback, label } = found;
  const picture = current.picture!;
  drawTinted(parts.seeds, parts.picture, picture, (pixel) => SEED_TINTS[seeds[pixel]!] ?? null);
  parts.seeds.setAttribute(
    'aria-label',
    `${count(seeds, OBJECT)} pixels are surely “${label}”, ${count(seeds, GROUND)} surely not`,
  );
  drawTinted(parts.cut, parts.picture, picture, (pixel) => (mask[pixel] ? null : BESIDE));
  drawBox(parts.cut, box, picture, BOX_COLOUR);
  drawTinted(parts.cutout, parts.picture, picture, (pixel) => (mask[pixel] ? null : 'clear'));
  const [left, top, width, height] = box;
  const share = `${(areaOf(found) * 100).toFixed(1)} % of the picture`;
  const how = fallback === null ? `energy of the cut ${energy.toPrecision(6)}` : `not cut: ${fallback}`;
  const text = `“${label}”: box ${width}×${height} at ${left}, ${top}; ${share}; ${how}`;
  parts.cutText.textContent = text;
  for (const canvas of [parts.cut, parts.cutout]) canvas.setAttribute('aria-label', `The object, ${text}`);
}

const count = (labels: Uint8Array, label: number): number =>
  labels.reduce((sum, value) => sum + Number(value === label), 0);
const areaOf = ({ mask }: ShownSegmentation): number => count(mask, 1) / mask.length;

for (const canvas of [parts.seeds, parts.cut, parts.cutout])
  canvas.addEventListener('contextrestored', () => state.segmentation && draw(state.segmentation));

parts.preset.append(
  ...Object.keys(SEGMENT_PRESETS).map(
    (name) => new Option(name === 'paper' ? 'paper’s quantiles' : name, name, name === 'paper', name === 'paper'),
  ),
);

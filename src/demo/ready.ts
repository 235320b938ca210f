/** Results that were made before, for visitors whose browser has no WebGPU. Loaded when they are needed. */
import index from '../../samples/ready/index.json';
import { element, make } from './parts/elements';

const files = import.meta.glob<string>('../../samples/ready/*.webp', { query: '?url', import: 'default', eager: true });
const addressOf = (file: string): string => files[`../../samples/ready/${file}`]!;

export function showReady(): void {
  const { samples, classModels } = index;
  element('ready', HTMLElement).hidden = false;
  element('ready-results', HTMLDivElement).replaceChildren(
    ...samples.flatMap(({ sample, label, score, map, overlay, segmentation }) => {
      const of = `of the sample “${sample.replaceAll('-', ' ')}” for “${label}” (score ${score.toFixed(1)})`;
      return [
        figure(map.file, `Saliency map ${of}`),
        figure(overlay.file, `Overlay ${of}`),
        figure(segmentation.file, `Segmentation ${of}`),
      ];
    }),
    ...classModels.map(({ file, label, model }) => figure(file, `Class model of “${label}”, by ${model}`)),
  );
}

function figure(file: string, caption: string): HTMLElement {
  return make(
    'figure',
    {},
    make('img', { src: addressOf(file), alt: caption, loading: 'lazy' }),
    make('figcaption', { textContent: caption }),
  );
}

/** Draws a map three times: as it is, over the picture, and as the bar of its legend. */
import type { Heatmap, InputSpec } from '../index';
import { placeOf } from '../gpu/preparer';
import { colourMapNames, colourTable, isDiverging } from '../image/colourMaps';
import type { Pixels } from '../image/pixels';
import { clipOf, renderMap } from '../image/render';
import { elements } from './elements';

/** All that is drawn. */
export interface Painting {
  readonly map: Heatmap;
  readonly label: string;
  /** At the size of the screen rather than of the camera. */
  readonly picture: Pixels;
  /** Where in the picture the map lies. */
  readonly input: InputSpec;
}

/** The maps of this page have no negative values. */
export const colourChoices = colourMapNames.filter((name) => !isDiverging(name));

export function paint({ map, label, picture, input }: Painting): void {
  const { colours, percentile } = look();
  const { width, height } = picture;
  put(elements.map, renderMap(map, { colours, percentile, width, height, placement: placeOf(picture, input, 0) }));
  paintOverlay({ map, label, picture, input });

  const table = colourTable(colours, 256);
  const bar = new Uint8ClampedArray(256 * 4).map((_, i) => (i % 4 === 3 ? 255 : table[(i >> 2) * 3 + (i % 4)]!));
  put(elements.legend, { data: bar, width: 256, height: 1 });
  const clip = clipOf(map.data, percentile).toPrecision(3);
  elements.legendLow.textContent = '0';
  elements.legendHigh.textContent = percentile === 100 ? `${clip} (the largest)` : `≥ ${clip} (percentile ${percentile})`;
  elements.clipText.textContent = String(percentile);
}

export function paintOverlay({ map, label, picture, input }: Painting): void {
  const { colours, percentile, alpha } = look();
  const percent = `${Math.round(alpha * 100)} %`;
  put(elements.overlay, renderMap(map, { colours, percentile, overlay: { picture, alpha }, placement: placeOf(picture, input, 0) }));
  elements.opacityText.textContent = percent;
  elements.overlay.setAttribute('aria-label', `The map for “${label}” over the picture, ${percent} opaque`);
}

export function clearMaps(): void {
  for (const canvas of [elements.map, elements.overlay]) {
    canvas.width = canvas.height = 1;
    canvas.setAttribute('aria-label', 'No map yet');
  }
}

/** As chosen on the page. */
function look() {
  const { colours, clip, opacity } = elements;
  return { colours: colourChoices.find((name) => name === colours.value) ?? 'viridis', percentile: Number(clip.value), alpha: Number(opacity.value) / 100 };
}

function put(canvas: HTMLCanvasElement, { data, width, height }: { data: Uint8ClampedArray<ArrayBuffer>; width: number; height: number }): void {
  canvas.width = width;
  canvas.height = height;
  canvas.getContext('2d')!.putImageData(new ImageData(data, width, height), 0, 0);
}

/** Draws a map three times: as it is, over the picture, and as the bar of its legend. */
import type { Heatmap, InputSpec } from '../index';
import { colourMapNames, colourTable, isDiverging } from '../image/colourMaps';
import type { Pixels } from '../image/pixels';
import { placementOf } from '../image/placement';
import { clipOf, renderMap } from '../image/render';
import { elements } from './elements';

/** All that is drawn. */
export interface Painting {
  readonly map: Heatmap;
  readonly label: string;
  readonly picture: Pixels;
  /** Says where in the picture the map lies. */
  readonly input: InputSpec;
}

/** Pixels of the drawing's longer side: what a screen shows, rather than what a camera took. */
const LONGEST = 800;

/** The maps of this page have no negative values. */
export const colourChoices = colourMapNames.filter((name) => !isDiverging(name));

export function paint(painting: Painting): void {
  const { map, picture, input } = painting;
  const { colours, percentile } = look();
  const { width, height } = drawingOf(picture);
  const [x, y] = [width / picture.width, height / picture.height];
  const { FROM_X, FROM_Y, FROM_W, FROM_H, ...to } = placementOf(picture, input);
  const placement = { ...to, FROM_X: FROM_X * x, FROM_Y: FROM_Y * y, FROM_W: FROM_W * x, FROM_H: FROM_H * y };
  put(elements.map, renderMap(map, { colours, percentile, width, height, placement }));
  paintOverlay(painting);

  const table = colourTable(colours, 256);
  const bar = new Uint8ClampedArray(256 * 4).map((_, i) => (i % 4 === 3 ? 255 : table[(i >> 2) * 3 + (i % 4)]!));
  put(elements.legend, { data: bar, width: 256, height: 1 });
  const clip = clipOf(map.data, percentile).toPrecision(3);
  elements.legendLow.textContent = '0';
  elements.legendHigh.textContent = percentile === 100 ? `${clip} (the largest)` : `≥ ${clip} (percentile ${percentile})`;
  elements.clipText.textContent = String(percentile);
}

/** From what is on the page already, so that the slider need not wait for colours. */
export function paintOverlay({ label, picture }: Painting): void {
  const { alpha } = look();
  const percent = `${Math.round(alpha * 100)} %`;
  const { width, height } = Object.assign(elements.overlay, drawingOf(picture));
  const context = contextOf(elements.overlay);
  context.drawImage(elements.picture, 0, 0, width, height);
  context.globalAlpha = alpha;
  context.drawImage(elements.map, 0, 0, width, height);
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
  contextOf(canvas).putImageData(new ImageData(data, width, height), 0, 0);
}

function drawingOf({ width, height }: Pixels): { width: number; height: number } {
  const scale = Math.min(1, LONGEST / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

/** Its pixels come from this side, so the GPU need not hold them. */
function contextOf(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  return canvas.getContext('2d', { willReadFrequently: true })!;
}

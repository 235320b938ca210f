/** Draws maps, masks and pictures on canvases. */
import type { Heatmap, InputSpec } from '../../index';
import { type ColourMapName, colourMapNames, colourTable, isDiverging } from '../../image/colourMaps';
import type { Pixels } from '../../image/pixels';
import { placementOf, scaledPlacement } from '../../image/placement';
import { clipOf, renderMap } from '../../image/render';

export interface Extent {
  readonly width: number;
  readonly height: number;
}

export interface Look {
  readonly colours: ColourMapName;
  readonly percentile: number;
}

/** Pixels of a drawing's longer side: what a screen shows, rather than what a camera took. */
const LONGEST = 800;

/** For unsigned maps; those with a sign take {@link SIGNED_COLOURS}. */
export const colourChoices = colourMapNames.filter((name) => !isDiverging(name));
const SIGNED_COLOURS = colourMapNames.find(isDiverging)!;

export const coloursFor = ({ signed }: Pick<Heatmap, 'signed'>, chosen: ColourMapName): ColourMapName =>
  signed ? SIGNED_COLOURS : chosen;

/** The map, in the picture's extents; where the network does not see the picture it is transparent. */
export function drawMap(canvas: HTMLCanvasElement, map: Heatmap, picture: Extent, input: InputSpec, look: Look): void {
  drawPixels(canvas, rendered(map, drawingOf(picture), { picture, input, look }));
}

/** What a map is drawn over: a picture of these extents, as the network is shown it. */
interface Shown {
  readonly picture: Extent;
  readonly input: InputSpec;
  readonly look: Look;
}

function rendered(map: Heatmap, extent: Extent, { picture, input, look }: Shown, fading?: { alpha: number }) {
  return renderMap(map, {
    colours: coloursFor(map, look.colours),
    percentile: look.percentile,
    ...extent,
    placement: scaledPlacement(
      placementOf(picture, input),
      extent.width / picture.width,
      extent.height / picture.height,
    ),
    ...(fading ? { fading } : {}),
  });
}

/**
 * The map over the picture, whose pixels it covers by their values; the last colour is as opaque as `alpha` says.
 * `longest`: pixels of the drawing's longer side.
 */
export function drawOver(
  canvas: HTMLCanvasElement,
  below: CanvasImageSource,
  map: Heatmap,
  shown: Shown,
  { alpha, longest = LONGEST }: { readonly alpha: number; readonly longest?: number },
): void {
  const { width, height } = Object.assign(canvas, drawingOf(shown.picture, longest));
  const context = contextOf(canvas);
  context.drawImage(below, 0, 0, width, height);
  drawPixels(above, rendered(map, { width, height }, shown, { alpha }));
  context.drawImage(above, 0, 0, width, height);
}

const above = document.createElement('canvas');

/** The bar of a map's colours, and what its ends stand for. */
export function drawLegend(
  canvas: HTMLCanvasElement,
  map: Heatmap,
  { colours, percentile }: Look,
): { low: string; high: string } {
  const table = colourTable(coloursFor(map, colours), 256);
  const bar = new Uint8ClampedArray(256 * 4).map((_, i) => (i % 4 === 3 ? 255 : table[(i >> 2) * 3 + (i % 4)]!));
  drawPixels(canvas, { data: bar, width: 256, height: 1 });
  const clip = clipOf(map.data, percentile).toPrecision(3);
  const bound = percentile === 100 ? `${clip} (the largest)` : `${clip} (percentile ${percentile})`;
  return { low: map.signed ? `≤ −${clip}` : '0', high: `≥ ${bound}` };
}

export function drawPixels(canvas: HTMLCanvasElement, { data, width, height }: Pixels): void {
  const draw = (): void => {
    Object.assign(canvas, { width, height });
    contextOf(canvas).putImageData(new ImageData(data as Uint8ClampedArray<ArrayBuffer>, width, height), 0, 0);
  };
  drawings.set(canvas, draw);
  draw();
}

/** A crash of the browser's GPU process empties every canvas; what was drawn last is then drawn again. */
const drawings = new WeakMap<EventTarget, () => void>();
document.addEventListener('contextrestored', ({ target }) => drawings.get(target!)?.(), true); // it does not bubble

/** A colour to lay over a pixel, as opaque as `share` says; or nothing to be left of it. */
export type Tint =
  | { readonly colour: readonly [red: number, green: number, blue: number]; readonly share: number }
  | 'clear'
  | null;

/** The picture with a tint for each of its pixels. */
export function drawTinted(
  canvas: HTMLCanvasElement,
  image: CanvasImageSource,
  picture: Extent,
  tintOf: (pixel: number) => Tint,
): void {
  const { width, height } = Object.assign(canvas, drawingOf(picture));
  const context = contextOf(canvas);
  context.drawImage(image, 0, 0, width, height);
  const drawn = context.getImageData(0, 0, width, height);
  for (let y = 0; y < height; y++) {
    const row = Math.min(picture.height - 1, Math.floor(((y + 0.5) * picture.height) / height)) * picture.width;
    for (let x = 0; x < width; x++) {
      const tint = tintOf(row + Math.min(picture.width - 1, Math.floor(((x + 0.5) * picture.width) / width)));
      if (!tint) continue;
      const at = (y * width + x) * 4;
      if (tint === 'clear') drawn.data.fill(0, at, at + 4);
      else
        tint.colour.forEach((value, k) => {
          drawn.data[at + k] = drawn.data[at + k]! * (1 - tint.share) + value * tint.share;
        });
    }
  }
  context.putImageData(drawn, 0, 0);
}

/** A rectangle in pixels of the picture, on a canvas that shows it. */
export function drawBox(
  canvas: HTMLCanvasElement,
  [left, top, width, height]: readonly [number, number, number, number],
  picture: Extent,
  colour: string,
): void {
  const context = contextOf(canvas);
  const scale = canvas.width / picture.width;
  const line = Math.max(2, Math.round(Math.min(canvas.width, canvas.height) / 120));
  context.lineWidth = line;
  context.strokeStyle = colour;
  context.strokeRect(
    left * scale + line / 2,
    top * scale + line / 2,
    Math.max(1, width * scale - line),
    Math.max(1, height * scale - line),
  );
}

export function clear(canvas: HTMLCanvasElement, label: string): void {
  drawings.delete(canvas);
  canvas.width = canvas.height = 1;
  canvas.setAttribute('aria-label', label);
}

export function drawingOf({ width, height }: Extent, longest = LONGEST): { width: number; height: number } {
  const scale = Math.min(1, longest / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

/** Its pixels come from this side, so the GPU need not hold them. */
function contextOf(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  return canvas.getContext('2d', { willReadFrequently: true })!;
}

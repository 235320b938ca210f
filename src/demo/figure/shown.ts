/** What the page shows now, as a figure to hand on, and as a recipe for it. */
import type { ClassModelPreset, InputSpec, Neuron } from '../../index';
import { colourTable } from '../../image/colourMaps';
import { type Address, formatAddress } from '../address';
import { current } from '../current';
import { type Extent, coloursFor, drawBox, drawLegend, drawMap, drawOver, drawTinted, drawingOf } from '../draw/paint';
import { samples } from '../inputs/samples';
import { look } from '../maps';
import { networkInWords } from '../network';
import { element, make } from '../parts/elements';
import { chosenMethod, chosenValues } from '../parts/methodFields';
import { type ShownAscent, type ShownMap, type ShownSegmentation, state } from '../state';
import { BESIDE, BOX_COLOUR, recipe as cutPreset, segmentOptions } from '../tabs/segmentation';
import { score } from '../words';
import type { Figure, Panel } from '../../image/figure';
import type { Choice, NetChoice } from './recipe';

const picture = element('picture', HTMLImageElement);
const gallery = element('gallery', HTMLDivElement);

/** As opaque as the last colour lies over the picture. */
const ALPHA = 0.8;
/** Of a map's colours, so many. */
const STOPS = 24;

/** The figure of the shown tab; null while it shows nothing. */
export function shownFigure(address: Address): Figure | null {
  const { map, ascent, segmentation, tab } = state;
  const notes = [netNote()];
  const link = new URL(formatAddress(address), location.href).href;
  if (tab === 'saliency') return map && current.picture ? { ...mapFigure(map, notes), address: link } : null;
  if (tab === 'class-model') return ascent?.iteration ? { ...ascentFigure(ascent, notes), address: link } : null;
  return segmentation && current.picture ? { ...cutFigure(segmentation, notes), address: link } : null;
}

type WithoutAddress = Omit<Figure, 'address'>;

function mapFigure(map: ShownMap, notes: readonly string[]): WithoutAddress {
  const extent = drawnExtent();
  const input = state.network!.input!;
  const [alone, over] = [make('canvas'), make('canvas')];
  drawMap(alone, map, current.picture!, input, look());
  drawOver(over, picture, map, { picture: current.picture!, input, look: look() }, { alpha: ALPHA });
  const { low, high } = drawLegend(make('canvas'), map, look());
  const table = colourTable(coloursFor(map, look().colours), STOPS);
  const { title, source, year, meaning } = chosenMethod();
  const settings = settingsOf(map.meta);
  return {
    title: map.label,
    subtitle: said(map.class, map.score),
    panels: [
      { picture: photo(), ...extent, title: 'Picture' },
      { picture: over.toDataURL('image/jpeg', 0.92), ...extent, title: 'The map over it' },
      { picture: alone.toDataURL(), ...extent, title: 'The map' },
    ],
    scale: {
      colours: Array.from({ length: STOPS }, (_, k) => hex(table.subarray(k * 3, k * 3 + 3))),
      low,
      high,
      meaning,
    },
    notes: [`${title} (${source}, ${year})${settings}`, ...notes],
  };
}

function cutFigure(found: ShownSegmentation, notes: readonly string[]): WithoutAddress {
  const extent = drawnExtent();
  const [boxed, alone] = [make('canvas'), make('canvas')];
  drawTinted(boxed, picture, current.picture!, (pixel) => (found.mask[pixel] ? null : BESIDE));
  drawBox(boxed, found.box, current.picture!, BOX_COLOUR);
  drawTinted(alone, picture, current.picture!, (pixel) => (found.mask[pixel] ? null : 'clear'));
  const [left, top, width, height] = found.box;
  const share = found.mask.reduce((sum, value) => sum + value, 0) / found.mask.length;
  const classified = current.ranked.find(({ index }) => index === found.class);
  return {
    title: found.label,
    subtitle: classified ? said(classified.index, classified.score) : '',
    panels: [
      { picture: photo(), ...extent, title: 'Picture' },
      { picture: boxed.toDataURL('image/jpeg', 0.92), ...extent, title: 'Where it is' },
      { picture: alone.toDataURL(), ...extent, title: 'Cut out' },
    ],
    notes: [
      `Box ${width}×${height} at ${left}, ${top}; ${(share * 100).toFixed(1)} % of the picture`,
      `From the map of one class by one graph cut (Simonyan et al. 2013, §3.2), recipe ${cutPreset()}; ` +
        `map: ${chosenMethod().title}`,
      ...notes,
    ],
  };
}

function ascentFigure({ names, scores, iteration, meta }: ShownAscent, notes: readonly string[]): WithoutAddress {
  const canvases = [...gallery.querySelectorAll('canvas')];
  const panels = canvases.map(
    (canvas, item): Panel => ({
      picture: canvas.toDataURL(),
      width: canvas.width,
      height: canvas.height,
      title: names[item] ?? '',
      text: `score ${score(scores[item]?.at(-1) ?? 0)}`,
    }),
  );
  const [first] = names;
  const name = ({ preset, l2, step, jitter }: Readonly<Record<string, unknown>>): string =>
    `Class model (Simonyan et al. 2013, §2): ${iteration} steps up the score from a grey picture; ` +
    `recipe ${String(preset)}, λ ${String(l2)}, step ${String(step)}, jitter ${String(jitter)}`;
  return {
    title: names.length === 1 ? first! : `${names.length} class models`,
    subtitle: 'What it looks like to the network',
    panels,
    notes: [name(meta ?? {}), ...notes],
  };
}

/** How to make what is shown; null where nothing is, or no recipe can say it. */
export function shownChoice(): Choice | null {
  const { map, ascent, segmentation, network, tab } = state;
  if (!network) return null;
  const net = netChoice(network.input);
  const file = pictureFile();
  const made = { picture: file, method: chosenMethod().name, values: chosenValues() };
  const { colours, percentile } = look();
  if (tab === 'saliency') return map && { net, what: 'map', ...made, class: map.class, colours, percentile };
  if (tab === 'class-model') return ascent && ascentChoice(net, ascent);
  if (!segmentation) return null;
  const { preset, ...options } = segmentOptions();
  return { net, what: 'cut', ...made, class: segmentation.class, preset, options, mapWidth: network.inputShape[3] };
}

const ASCENT_OPTIONS = ['score', 'iterations', 'l2', 'step', 'totalVariation', 'momentum', 'jitter', 'blur', 'seed'];

function ascentChoice(net: NetChoice, { meta }: ShownAscent): Choice | null {
  const { target, class: made, preset, ...rest } = meta ?? {};
  const of = (target ?? made) as readonly number[] | Neuron | undefined;
  if (of === undefined || rest['start'] === true) return null;
  const options = Object.fromEntries(
    ASCENT_OPTIONS.filter((name) => rest[name] !== undefined).map((name) => [name, rest[name] as number | string]),
  );
  return { net, what: 'class model', target: of, preset: preset as ClassModelPreset, options };
}

const netChoice = (input: InputSpec | null): NetChoice => ({
  ...networkInWords(),
  cropsOrPads: input !== null && input.resize !== 'squash',
});

/** Where the picture lies: that of a sample as in a checkout. */
export function pictureFile(): string {
  const { picture: shown } = current;
  const sample = samples.find(({ name }) => name === shown?.sample);
  if (sample) return sample.file;
  return shown?.name ?? 'picture.jpg';
}

const drawnExtent = (): Extent => drawingOf(current.picture!);

function photo(): string {
  const canvas = make('canvas', drawnExtent());
  canvas.getContext('2d')!.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL('image/jpeg', 0.92);
}

function said(index: number, value: number): string {
  const probability = current.ranked.find((one) => one.index === index)?.probability;
  const share = probability === null || probability === undefined ? '' : `, ${(probability * 100).toFixed(1)} %`;
  return `score ${score(value)}${share}`;
}

/** What of a map's settings is not in its title. */
function settingsOf({ relu, channels, views }: ShownMap['meta']): string {
  const parts = [
    ...(typeof views === 'number' && views > 1 ? [`mean of ${views} views`] : []),
    ...(relu === 'guided' || relu === 'deconvnet' ? [`ReLUs: ${relu}`] : []),
    ...(channels === 'sum' || channels === 'sum-abs' ? [`channels: ${channels}`] : []),
  ];
  return parts.length > 0 ? `; ${parts.join('; ')}` : '';
}

const netNote = (): string => {
  const { name, classes } = state.network!;
  return `Network: ${name}, ${classes} classes. Exact gradients by gradlens, on WebGPU.`;
};

const hex = (rgb: Uint8Array): string => `#${[...rgb].map((value) => value.toString(16).padStart(2, '0')).join('')}`;

import { between, check, checkAll, from, oneOf, whole } from '../check';
import { GradlensError } from '../errors';
import { type ImageInput, type Pixels, isPrepared, toPixels } from '../image/pixels';
import { type Placement, scaledPlacement } from '../image/placement';
import type { RunOptions } from '../options';
import { hardened, pairCosts } from '../segmentation/colourGrid';
import { type Box, type Neighbours, largestComponent, tightBox } from '../segmentation/components';
import { type GaussianMixture, fitMixture, logDensities } from '../segmentation/gaussianMixture';
import { type Cut, type Grid, maxFlow } from '../segmentation/maxFlow';
import { type Colours, refined, shrunk } from '../segmentation/refine';
import { atCall } from './atCall';
import { centreBox } from './localisation';
import type { Heatmap } from './heatmap';
import { peakOf, salienceOf } from './salience';

/** Names of {@link SEGMENT_PRESETS}. */
export type SegmentPreset = 'paper' | 'boxes';

/** Options of {@link segment}. */
export interface SegmentOptions extends RunOptions {
  /** What the quantiles and the smoothing are if they are left out; default `paper`. See {@link SEGMENT_PRESETS}. */
  readonly preset?: SegmentPreset;
  /** Pixels above this quantile of the map show the object; in the paper 0.95. */
  readonly foreground?: number;
  /** Pixels below this quantile show what is not the object; in the paper 0.30. */
  readonly background?: number;
  /** Gaussians in each colour model; default 5. */
  readonly components?: number;
  /** Weight of neighbours with different labels against the colours' log likelihoods; default 50. */
  readonly lambda?: number;
  /** Default 8. The component of the object is connected in the same way. */
  readonly neighbours?: Neighbours;
  /** Whether the pixels that the colour models are fitted to keep their label; default false. */
  readonly hardSeeds?: boolean;
  /**
   * Standard deviation of a Gaussian that the map is blurred with, in pixels of the map; in the paper 0, not at all.
   */
  readonly smoothing?: number;
  /** Seed for drawing the colour models' first means; default 1. */
  readonly seed?: number;
  /**
   * A picture of more pixels is cut as a smaller copy, of about so many; the edges of the mask are then refined at full
   * size. Default 250 000, which take a second or two.
   */
  readonly cutPixels?: number;
  /**
   * What of the picture the map shows, where the network's input is a crop or has margins; default: the whole of it.
   */
  readonly placement?: Placement;
}

/**
 * `paper` has the paper's quantiles and the bare map. `boxes` was chosen on every fifth of 470 boxed photographs
 * (see the reproduction): more of a map that is blurred a little shows the object, so that boxes reach further.
 */
export const SEGMENT_PRESETS: Readonly<
  Record<
    SegmentPreset,
    (map: Pick<Heatmap, 'width'>) => Required<Pick<SegmentOptions, 'foreground' | 'background' | 'smoothing'>>
  >
> = {
  paper: () => ({ foreground: 0.95, background: 0.3, smoothing: 0 }),
  boxes: ({ width }) => ({ foreground: 0.85, background: 0.3, smoothing: (3 * width) / 227 }),
};

const RULES = {
  foreground: between(0, 1),
  background: between(0, 1),
  components: whole(1),
  lambda: from(0),
  neighbours: oneOf(4, 8),
  hardSeeds: oneOf(true, false),
  smoothing: from(0),
  seed: whole(),
  cutPixels: whole(1),
};

/** What a pixel's saliency says of it: surely the object, or surely not; 0: neither. */
export const SEEDS = {
  /** Surely the object. */
  OBJECT: 1,
  /** Surely not. */
  GROUND: 2,
} as const;

/** What {@link segment} finds. */
export interface Segmentation {
  /** `[height × width]` of the picture: 1 on the object, 0 elsewhere. */
  readonly mask: Uint8Array;
  /** Of the picture, in pixels. */
  readonly width: number;
  /** Likewise. */
  readonly height: number;
  /** Tight around the mask. */
  readonly box: Box;
  /** Of the smallest cut, which equals the largest flow; 0 where nothing was cut. */
  readonly energy: number;
  /** `[height × width]`: what the map says of each pixel, by {@link SEEDS}. */
  readonly seeds: Uint8Array;
  /** Where the map is largest, in pixels of the picture. */
  readonly peak: readonly [x: number, y: number];
  /** Why the mask is not the cut's, if it is not. */
  readonly fallback: Fallback | null;
  /** How it was made. */
  readonly meta: Readonly<Record<string, unknown>>;
}

/**
 * - `flat map`: all its values are equal. The mask is the centre box, 80 % of each side: the best guess about a
 *   photograph when the map says nothing. On ILSVRC's photographs it is right more often than the whole picture, which
 *   is too large for most objects.
 * - `flat picture`: it has one colour. The mask is the map's: the largest component above the foreground's quantile.
 * - `empty cut`: for no pixel its colour outweighs its border. The mask is the map's, too.
 */
export type Fallback = 'flat map' | 'flat picture' | 'empty cut';

/**
 * Weakly supervised segmentation (§3.2). Colour models, mixtures of Gaussians, are fitted to the pixels where the map
 * is above its 95 % and below its 30 % quantile; one graph cut spreads the labels along continuous colour; the object
 * is the largest component of the foreground. Unlike GrabCut it does not fit the models again.
 *
 *   E(l) = Σ_p −log p(I_p | l_p) + λ Σ_{p,q} [l_p ≠ l_q] · exp(−β‖I_p − I_q‖²) / ‖p − q‖,   β = 1 / (2⟨‖I_p − I_q‖²⟩)
 *
 * The map counts by its absolute values. Nothing here needs a GPU; between stages the event loop runs, and an abort is
 * noticed.
 *
 * @throws GradlensError `shape` for an image that is a prepared tensor, `validation` for a map that is not finite and
 *   for options
 * @example
 * ```ts
 * import { saliency, segment } from 'gradlens';
 *
 * const map = await saliency(model, picture);
 * const { mask, box, energy } = await segment(picture, map, { preset: 'boxes' });
 * ```
 */
export async function segment(image: ImageInput, map: Heatmap, options: SegmentOptions = {}): Promise<Segmentation> {
  const chosen = chosenOf(options, map);
  options.signal?.throwIfAborted();
  map = { ...map, data: map.data.slice() };
  [image, options] = await atCall(image, options);
  if (isPrepared(image))
    throw new GradlensError('shape', 'a segmentation goes by the colours of a picture; this is a prepared tensor');
  const picture = await toPixels(image);
  const stage = stages(5, options);
  await stage();
  const whole: Colours = { ...picture, data: coloursOf(picture) };
  const scale = Math.min(1, Math.sqrt(chosen.cutPixels / (picture.width * picture.height)));
  if (scale === 1) return cutOf(whole, map, chosen, { stage, placement: options.placement });

  const [width, height] = [picture.width, picture.height].map((extent) => Math.max(1, Math.round(extent * scale))) as [
    number,
    number,
  ];
  const [across, down] = [width / picture.width, height / picture.height];
  const placement = options.placement && scaledPlacement(options.placement, across, down);
  const small = shrunk(whole, width, height);
  return enlarged(await cutOf(small, map, chosen, { stage, placement }), small, whole);
}

/** The answer for a small copy, as one for the whole. */
function enlarged(found: Segmentation, small: Colours, { data, width, height }: Colours): Segmentation {
  const fine = found.fallback === null ? refined(found.mask, small, { data, width, height }) : null;
  const at = (pixel: number): number =>
    Math.floor((Math.floor(pixel / width) * small.height) / height) * small.width +
    Math.floor(((pixel % width) * small.width) / width);
  const alike = (labels: Uint8Array): Uint8Array =>
    new Uint8Array(width * height).map((_, pixel) => labels[at(pixel)]!);
  const mask = fine?.includes(1) ? fine : alike(found.mask);
  const [x, y] = found.peak;
  return {
    ...found,
    mask,
    width,
    height,
    box: tightBox(mask, width, height)!,
    seeds: alike(found.seeds),
    peak: [Math.floor(((x + 0.5) * width) / small.width), Math.floor(((y + 0.5) * height) / small.height)],
    meta: { ...found.meta, cutAt: [small.width, small.height] },
  };
}

interface Asked {
  /** Tells the progress, and notices an abort. */
  readonly stage: () => Promise<void>;
  readonly placement: Placement | undefined;
}

async function cutOf(
  picture: Colours,
  map: Heatmap,
  chosen: Chosen,
  { stage, placement }: Asked,
): Promise<Segmentation> {
  const { width, height, data: colours } = picture;
  const salience = salienceOf(map, picture, chosen.smoothing, placement);
  const peak = peakOf(salience);
  const seeds = seedsOf(salience, chosen.foreground, chosen.background);
  const { cutPixels: _, ...parameters } = chosen;
  const answer = (mask: Uint8Array, energy: number, fallback: Fallback | null): Segmentation => ({
    mask,
    width,
    height,
    box: tightBox(mask, width, height)!,
    energy,
    seeds: seeds ?? new Uint8Array(width * height),
    peak: [peak % width, Math.floor(peak / width)],
    fallback,
    meta: { method: 'segmentation', ...parameters, map: map.meta },
  });
  if (!seeds) return answer(maskOf(centreBox(width, height), width, height), 0, 'flat map');
  const largest = (mask: Uint8Array): Uint8Array | null => largestComponent(mask, width, height, chosen.neighbours);
  const ofMap = (): Uint8Array => largest(seeds.map((label) => (label === OBJECT ? 1 : 0)))!;
  if (isFlat(colours)) return answer(ofMap(), 0, 'flat picture');
  await stage();

  const model = (label: number): GaussianMixture => fitMixture(sampled(colours, seeds, label), chosen);
  const [object, ground] = [model(OBJECT), model(GROUND)];
  await stage();

  const grid: Grid = {
    width,
    height,
    // the price of the other label; a density of bytes is below 1, so none is negative
    source: logDensities(ground, colours).map((log) => -log),
    sink: logDensities(object, colours).map((log) => -log),
    pairs: pairCosts(colours, width, height, chosen.lambda, chosen.neighbours),
  };
  await stage();

  const { capacity, labels } = cut(grid, chosen.hardSeeds ? seeds : null);
  await stage();

  const mask = largest(labels);
  return mask ? answer(mask, capacity, null) : answer(ofMap(), capacity, 'empty cut');
}

type Chosen = Required<Omit<SegmentOptions, keyof RunOptions | 'placement' | 'preset'>>;

/** What the options say, else the preset, else the defaults. */
function chosenOf(options: SegmentOptions, map: Heatmap): Chosen {
  const { preset = 'paper', components = 5, lambda = 50, neighbours = 8, hardSeeds = false, seed = 1 } = options;
  const { cutPixels = 250_000 } = options;
  check('preset', preset, oneOf(...Object.keys(SEGMENT_PRESETS)));
  const byPreset = SEGMENT_PRESETS[preset](map);
  const { foreground = byPreset.foreground, background = byPreset.background } = options;
  const { smoothing = byPreset.smoothing } = options;
  const chosen = { foreground, background, components, lambda, neighbours, hardSeeds, smoothing, seed, cutPixels };
  checkAll(chosen, RULES);
  if (background > foreground)
    throw new GradlensError(
      'validation',
      `background is ${background}, above the foreground, ${foreground}; background ≤ foreground would be right`,
      { argument: 'background' },
    );
  return chosen;
}

/** The smallest cut; `hard`: seeds that keep their label. */
function cut(grid: Grid, hard: Uint8Array | null): Cut {
  const isSeed = (label: number) => (pixel: number) => hard![pixel] === label;
  const found = maxFlow(hard ? hardened(grid, isSeed(OBJECT), isSeed(GROUND)) : grid);
  const { flow, capacity } = found;
  if (!(Math.abs(flow - capacity) <= 1e-9 * Math.max(1, capacity)))
    throw new Error(`the largest flow is ${flow}, the smallest cut ${capacity}; they are equal in every graph`);
  return found;
}

const { OBJECT, GROUND } = SEEDS;

/** Lets the event loop run, then tells the progress. */
function stages(total: number, { signal, onProgress }: RunOptions): () => Promise<void> {
  let done = 0;
  return async () => {
    await new Promise((resolve) => setTimeout(resolve));
    signal?.throwIfAborted();
    onProgress?.({ phase: 'run', done: done++, total });
  };
}

// ——— the map ———

/**
 * Labels of the pixels that are surely object or ground, by quantiles of the map. Where too many values are equal for
 * any to lie beyond a quantile, those at the quantile count; null if the map's values are all the same.
 */
function seedsOf(salience: Float32Array, foreground: number, background: number): Uint8Array | null {
  const sorted = salience.filter((value) => !Number.isNaN(value)).sort();
  const [least, most] = [sorted[0], sorted[sorted.length - 1]];
  if (least === undefined || least === most) return null;
  const quantile = (share: number): number => {
    const at = share * (sorted.length - 1);
    const low = sorted[Math.floor(at)]!;
    return low + (sorted[Math.ceil(at)]! - low) * (at - Math.floor(at));
  };
  const high = quantile(foreground);
  const low = Math.min(quantile(background), high);
  return Uint8Array.from(salience, (value) => {
    if (value > high || (high === most && value === most)) return OBJECT;
    return value < low || (low === least && value === least) ? GROUND : 0;
  });
}

// ——— colours ———

/** `[n × 3]`, laid on white, as the network sees them. */
function coloursOf({ data, width, height }: Pixels): Uint8Array {
  const colours = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) {
    const opacity = data[4 * i + 3]! / 255;
    for (let c = 0; c < 3; c++) colours[3 * i + c] = Math.round(data[4 * i + c]! * opacity + 255 * (1 - opacity));
  }
  return colours;
}

const isFlat = (colours: Uint8Array): boolean => colours.every((value, i) => value === colours[i % 3]);

/** More than these, evenly drawn, hardly change a colour model. */
const MOST_SAMPLES = 8192;

/** Colours of the pixels with a label. */
function sampled(colours: Uint8Array, seeds: Uint8Array, label: number): Uint8Array {
  const pixels: number[] = [];
  seeds.forEach((found, i) => found === label && pixels.push(i));
  const every = Math.max(1, pixels.length / MOST_SAMPLES);
  const samples = new Uint8Array(Math.floor(pixels.length / every) * 3);
  for (let i = 0; i < samples.length; i++)
    samples[i] = colours[pixels[Math.floor(Math.floor(i / 3) * every)]! * 3 + (i % 3)]!;
  return samples;
}

function maskOf([left, top, boxWidth, boxHeight]: Box, width: number, height: number): Uint8Array {
  const mask = new Uint8Array(width * height);
  for (let y = top; y < top + boxHeight; y++) mask.fill(1, y * width + left, y * width + left + boxWidth);
  return mask;
}

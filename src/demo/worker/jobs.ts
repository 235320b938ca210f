/** What the worker can do. Pictures are named by the number that `decode` gave them. */
import type {
  CheckReport,
  Classification,
  Environment,
  ExpectedFile,
  Head,
  HeadKind,
  Heatmap,
  InputSpec,
  LoadOptions,
  MethodName,
  MethodValues,
  Neuron,
  PresetName,
  RunOptions,
  SegmentOptions,
  Segmentation,
} from '../../index';
import { GradlensError, type PerturbationCurves } from '../../index';
import type { Pixels } from '../../image/pixels';
import { toPixels } from '../../image/pixels';
import { placementOf } from '../../image/placement';
import { unprepared } from '../../image/unprepared';
import { overChannels } from '../../methods/heatmap';
import { topClasses } from '../../scores';
import { SAMPLES_AT_ONCE } from '../../methods/method';
import type { Doubt } from '../doubtful';
import { mapMaker } from './methods';
import type { Advance, AscentRequest } from './ascents';
import type { AttackRequest, Attacked } from './attack';
import type { AlbumEntry, AlbumRequest } from './album';
import type { Activations, Inside, Steps, UnitMap } from './inside';
import { loadNetwork, onTheGpu, restored, theEngine, theModel, withFile } from './session';

/** What the first map does not need is fetched when it is asked for. */
const sanity = () => import('../../methods/sanity');
const ascents = () => import('./ascents');
const inside = () => import('./inside');
const album = () => import('./album');
const attack = () => import('./attack');

export interface NetworkInfo {
  readonly name: string;
  readonly classes: number;
  /** Empty where they are not known. */
  readonly labels: readonly string[];
  readonly inputShape: readonly [N: number, C: number, H: number, W: number];
  readonly input: InputSpec | null;
  /** When its answers are doubtful; null if nobody measured it. */
  readonly doubt: Doubt | null;
  /** How pictures are prepared, and who says so. */
  readonly preparation: { readonly by: string; readonly prep?: PresetName; readonly reason?: string } | null;
  /** What makes probabilities of the scores, and why. */
  readonly head: Head;
  /** What was supposed where the file leaves something open, each a sentence. */
  readonly notes: readonly string[];
  readonly format: unknown;
  readonly tensors: readonly string[];
  readonly gpuBytes: number;
}

export interface NetworkRequest {
  readonly source: string | readonly File[];
  /** `file`: as the file says, or a guess where it does not. */
  readonly prep: PresetName | 'file';
  readonly labels?: readonly string[];
  readonly expected?: ExpectedFile;
  readonly size?: readonly [height: number, width: number];
  readonly output?: string;
  readonly head?: HeadKind;
}

export interface MapRequest {
  readonly picture: number;
  readonly class: number;
  readonly method: MethodName;
  readonly values: MethodValues;
}

/** As {@link MapRequest}, of a camera's frame. */
export interface FrameRequest extends Pick<MapRequest, 'method' | 'values'> {
  readonly frame: VideoFrame;
  readonly chosen: number | 'top1';
}

export interface Randomised {
  /** How many of the last layers were drawn anew. */
  readonly layers: number;
  readonly map: Heatmap;
  /** Spearman's, with the map of the net as it was trained. */
  readonly correlation: number;
}

const pictures = new Map<number, Pixels>();
let lastPicture = 0;

export const jobs = {
  /** The device, and what it is. */
  async start(): Promise<Environment> {
    return (await theEngine()).environment;
  },

  async check(): Promise<CheckReport> {
    return (await theEngine()).check();
  },

  async load({ source, prep, ...given }: NetworkRequest, run: RunOptions): Promise<NetworkInfo> {
    // what the file says of it counts before a guess
    const options: LoadOptions = { ...run, ...given, prep: prep === 'file' ? 'guess' : prep };
    const model = await loadNetwork(typeof source === 'string' ? new URL(source) : source, options);
    const { name, classes, inputShape, input, preparation, memory, provenance } = model;
    return {
      name,
      classes,
      labels: model.labels,
      inputShape,
      input,
      preparation,
      head: model.head,
      notes: model.notes,
      doubt: (provenance['doubt'] as Doubt | undefined) ?? null,
      format: provenance['format'],
      tensors: model.file.graph.nodes.map(({ name }) => name),
      gpuBytes: memory.weights + memory.activations + memory.saved + memory.scratch,
    };
  },

  /** @throws GradlensError `model-format` if it cannot be decoded */
  async decode(
    file: Blob | ImageBitmap,
  ): Promise<{ readonly id: number; readonly width: number; readonly height: number }> {
    const pixels = await toPixels(file);
    pictures.set(++lastPicture, pixels);
    return { id: lastPicture, width: pixels.width, height: pixels.height };
  },

  async forget(picture: number): Promise<void> {
    pictures.delete(picture);
  },

  /** All classes, best first. */
  async classify(picture: number, options: RunOptions): Promise<Classification[]> {
    const model = await theModel();
    return model.classify(pictureOf(picture), model.classes, options);
  },

  /** The picture as it is prepared: what the network sees. */
  async seen(picture: number, options: RunOptions): Promise<Pixels> {
    const model = await theModel();
    return unprepared(await model.prepared(pictureOf(picture), options), model.input!);
  },

  async map({ picture, method, class: chosen, values }: MapRequest, run: RunOptions): Promise<Heatmap> {
    const { batch, make } = await mapMaker(method, values);
    return make(await theModel(batch, run), pictureOf(picture), chosen, run);
  },

  /** The map of one of many pictures. */
  async albumEntry(request: AlbumRequest, { signal }: RunOptions): Promise<AlbumEntry> {
    const { albumEntry } = await album();
    return albumEntry(request, await theModel(), signal!);
  },

  /** The picture, changed until the network says something else. */
  async attack(
    { picture, ...request }: AttackRequest & { readonly picture: number },
    run: RunOptions,
  ): Promise<Attacked> {
    const { attacked } = await attack();
    return attacked(await theModel(), pictureOf(picture), { ...request, ...run });
  },

  /** The same kind of map from nets of which more and more layers, from the last on, have weights drawn anew. */
  async randomise(
    {
      picture,
      method,
      values,
      map,
      layers,
    }: MapRequest & { readonly map: Heatmap; readonly layers: readonly number[] },
    run: RunOptions,
  ): Promise<Randomised[]> {
    const { randomised, rankCorrelation } = await sanity();
    const { make } = await mapMaker(method, values);
    const made: Randomised[] = [];
    for (const count of layers) {
      const other = await withFile(
        (file) => randomised(file, count),
        (model) => make(model, pictureOf(picture), map.class, run),
        run,
      );
      made.push({ layers: count, map: other, correlation: rankCorrelation(map, other) });
    }
    return made;
  },

  async curves(
    { picture, map, ...steps }: { readonly picture: number; readonly map: Heatmap; readonly steps?: number },
    run: RunOptions,
  ): Promise<PerturbationCurves> {
    const { perturbationCurves } = await sanity();
    return perturbationCurves(await theModel(SAMPLES_AT_ONCE, run), pictureOf(picture), map, { ...steps, ...run });
  },

  async segment(
    { picture, map, options }: { readonly picture: number; readonly map: Heatmap; readonly options: SegmentOptions },
    run: RunOptions,
  ): Promise<Segmentation> {
    const { segment } = await import('../../methods/segmentation');
    const { input } = await theModel();
    const pixels = pictureOf(picture);
    return segment(pixels, map, { ...options, ...(input ? { placement: placementOf(pixels, input) } : {}), ...run });
  },

  /** The net, stage by stage. */
  async inside(): Promise<Inside> {
    const { insideOf } = await inside();
    return insideOf(await theModel());
  },

  /** What each stage makes of the picture. */
  async activations(picture: number, run: RunOptions): Promise<Activations[]> {
    const { activationsOf } = await inside();
    return activationsOf(await theModel(), pictureOf(picture), run);
  },

  /** Which pixels a channel or a neuron hangs on. */
  async unitMap(
    { picture, unit }: { readonly picture: number; readonly unit: Neuron },
    run: RunOptions,
  ): Promise<UnitMap> {
    const { unitMap } = await inside();
    return unitMap(await theModel(), pictureOf(picture), unit, run);
  },

  /** The steps of a gradient, with their kernels and times. */
  async steps(
    { picture, class: index }: { readonly picture: number; readonly class: number },
    run: RunOptions,
  ): Promise<Steps> {
    const { stepsOf } = await inside();
    return stepsOf(await theModel(), pictureOf(picture), index, run);
  },

  /** A picture as the network takes it: where a class model may begin. */
  async preparedOf(file: Blob, run: RunOptions): Promise<Float32Array> {
    return (await theModel()).prepared(await toPixels(file), run);
  },

  /** Begins a class model; its number. */
  async ascend(request: AscentRequest, run: RunOptions): Promise<number> {
    const { ascend } = await ascents();
    return ascend(await theModel('tensor' in request.target ? 1 : request.target.length, run), request);
  },

  /** Some more iterations of it. */
  async advance(
    { ascent, milliseconds }: { readonly ascent: number; readonly milliseconds: number },
    { signal }: RunOptions,
  ): Promise<Advance> {
    const { advance } = await ascents();
    return advance(ascent, milliseconds, theModel, signal!);
  },

  async endAscent(ascent: number): Promise<void> {
    const { endAscent } = await ascents();
    await endAscent(ascent);
  },

  /**
   * The map of a camera's frame by that method, of that class or the best one, straight from the frame, which is closed
   * then. Null if the GPU was lost in the middle: when it is back, the next frame is worth more.
   */
  async frame(
    { frame, ...request }: FrameRequest,
    options: RunOptions,
  ): Promise<{ readonly map: Heatmap; readonly best: readonly Classification[] } | null> {
    try {
      return await onTheGpu(() => frameMap({ frame, ...request }, options));
    } catch (error) {
      if (!(error instanceof GradlensError && error.code === 'device-lost')) throw error;
      await restored();
      return null;
    } finally {
      frame.close();
    }
  },
};

export type Jobs = typeof jobs;

async function frameMap(
  { frame, chosen, method, values }: FrameRequest,
  options: RunOptions,
): Promise<{ readonly map: Heatmap; readonly best: readonly Classification[] }> {
  const model = await theModel();
  if (method !== 'saliency' || values.views !== 1) {
    const pixels = await toPixels(frame);
    const { batch, make } = await mapMaker(method, values);
    const map = await make(await theModel(batch, options), pixels, chosen, options);
    return { map, best: await model.classify(pixels, 5, options) };
  }
  // the commonest, by one pass for both
  const [, C, height, width] = model.inputShape;
  const { relu = 'gradient', channels = 'max-abs' } = values;
  const {
    scores,
    gradient,
    classes: [index],
  } = await model.inputGradient(frame, { class: chosen, relu, ...options });
  const map = {
    data: overChannels(gradient, C, channels),
    width,
    height,
    class: index!,
    score: scores[index!]!,
    signed: channels === 'sum',
    meta: { method: 'saliency', relu, channels, views: 1, model: model.name },
  };
  return { map, best: topClasses(scores, 5, { head: model.head.kind, labelOf: (at) => model.labelOf(at) }) };
}

function pictureOf(id: number): Pixels {
  const pixels = pictures.get(id);
  if (!pixels) throw new Error(`there is no picture ${id}`);
  return pixels;
}

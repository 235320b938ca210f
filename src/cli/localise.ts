import { statSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { placementOf } from '../image/placement';
import type { Pixels } from '../image/pixels';
import {
  type Box,
  type Heatmap,
  type LocalisationMeasures,
  type Localised,
  type MapBox,
  type Model,
  centreBox,
  controlOf,
  localisationMeasures,
  mapBox,
  segment,
  wholeImage,
} from '../index';
import { bestIou } from '../methods/localisation';
import { readImage } from '../node/index';
import { common, command, numberOption } from './args';
import { EXIT, UsageError, isFatal } from './failure';
import type { Files } from './files';
import { classOf, modelOption, preparationOf, prepOption, readModel } from './models';
import { mapMakerOf, methodOptions } from './methods';
import { boxRuleOf, isOfLayers, mapBoxOptionsOf, segmentationOf, segmentationOptions } from './segment';
import { readEntry, tarEntries } from './tar';

export const localise = command({
  name: 'localise',
  description:
    'how well the boxes of segment fit given ones: the localisation error of ILSVRC and related measures, beside two ' +
    'controls that do not look at the picture',
  examples: [['photos.tar --boxes boxes.json', 'the localisation error, beside controls']],
  args: {
    image: { type: 'positional', required: true, description: 'pictures, or an uncompressed .tar of them' },
    boxes: {
      type: 'string',
      valueHint: 'gt.json',
      required: true,
      description:
        'the true boxes: {"images": [{"file": "a.jpg", "label": "tench", "imagenet_index": 0, ' +
        '"original_size": [500, 375], "boxes_original": [[x0, y0, x1, y1], …]}, …]}. Corners are pixels that ' +
        'belong to ' +
        'the box, in a picture of original_size (default: the size that it has). The class is the label where the ' +
        'model names its classes, else imagenet_index. Shorter names are accepted: class, size, boxes',
    },
    ...modelOption,
    ...prepOption,
    ...methodOptions,
    part: {
      type: 'string',
      valueHint: 'I/N',
      description:
        'only every N-th picture of the box file, from number I on (0 to N-1); several parts with commas between them',
    },
    'all-but': { type: 'string', valueHint: 'I/N', description: 'all but these pictures' },
    ...segmentationOptions,
    ...common,
  },
  async run(args, session) {
    const { signal, onProgress } = session;
    const maker = mapMakerOf(args, isOfLayers(args.preset) ? 'layers' : 'saliency');
    const rule = boxRuleOf(args);
    const boxOptions = mapBoxOptionsOf(args);
    const truths = partOf(readTruths(args.boxes, session.files), args.part, args['all-but']);
    const sources = args._.flatMap(sourcesOf);
    const file = await readModel(args, session);
    const options = segmentationOf(args, file.graph.input.extents.W);
    const input = preparationOf(file, args.prep, session);
    const wanted = sources.flatMap((source) => {
      const truth = truths.get(source.file) ?? truths.get(basename(source.file));
      return truth ? [{ ...source, truth, class: classIn(truth, file.labels, args.boxes) }] : [];
    });
    const part = args.part === undefined ? '' : `, part ${args.part}`;
    if (wanted.length === 0) throw new UsageError(`none of the ${sources.length} pictures is in ${args.boxes}${part}`);

    const engine = await session.openEngine(args.driver);
    const model = await engine.load(file, { input, batch: maker.batch, signal, onProgress });
    const { adapter } = engine.environment;
    const boxOf = (map: Heatmap, picture: Pixels): MapBox | Promise<MapBox> => {
      const placement = placementOf(picture, input);
      if (rule === 'map') return mapBox(map, picture, { ...boxOptions, placement });
      return segment(picture, map, { ...options, placement, signal });
    };
    const localised: Found[] = [];
    let failures = 0;
    for (const [i, { file: name, read, truth, class: trueClass }] of wanted.entries()) {
      onProgress({ phase: 'run', done: i + 1, total: wanted.length });
      try {
        const picture = await read();
        const maps = await maker.best(model, picture, GUESSES, trueClass, { signal });
        const boxes = new Map<number, MapBox>();
        for (const map of maps) boxes.set(map.class, await boxOf(map, picture));
        const best = maps.slice(0, Math.min(GUESSES, model.classes)).map((map) => map.class);
        const found = foundIn(picture, truth, trueClass, { boxes, best });
        localised.push(found);
        if (args.json) session.print(true, recordOf(name, found, model), '');
      } catch (error) {
        if (signal.aborted || isFatal(error)) throw error;
        session.complain(error);
        failures++;
      }
    }
    if (localised.length > 0) {
      const results = {
        segmentation: localisationMeasures(localised),
        centreBox: localisationMeasures(controlOf(localised, centreBox)),
        wholeImage: localisationMeasures(controlOf(localised, wholeImage)),
      };
      const parameters = {
        model: model.name,
        ...maker.parameters,
        box: rule,
        ...(rule === 'map' ? boxOptions : options),
        part: args.part ?? null,
        allBut: args['all-but'] ?? null,
        precision: 'f32',
      };
      session.print(
        args.json,
        { boxes: basename(args.boxes), ...results, parameters, adapter },
        tableOf(results, model.name),
      );
    }
    return failures > 0 ? EXIT.usage : EXIT.ok;
  },
});

/** As in ILSVRC. */
const GUESSES = 5;

type Extents = Pick<Pixels, 'width' | 'height'>;

// ——— one picture ———

/** What is known of a picture, and what was found in it. */
type Found = Localised & Extents & Pick<MapBox, 'fallback'>;

/** `boxes` by class; `best`: the classes with the highest scores. */
function foundIn(
  { width, height }: Extents,
  truth: Truth,
  trueClass: number,
  { boxes, best }: { readonly boxes: ReadonlyMap<number, MapBox>; readonly best: readonly number[] },
): Found {
  const { box: known, peak, fallback } = boxes.get(trueClass)!;
  return {
    class: trueClass,
    boxes: boxesIn(truth, { width, height }),
    guesses: best.map((index) => ({ class: index, box: boxes.get(index)!.box })),
    known,
    peak,
    fallback,
    width,
    height,
  };
}

/** As it is printed with --json. */
function recordOf(image: string, found: Found, model: Model): object {
  const { width, height, class: trueClass, boxes, known, peak, fallback, guesses } = found;
  return {
    image,
    width,
    height,
    class: trueClass,
    label: model.labelOf(trueClass),
    boxes,
    known,
    iou: bestIou(known, boxes),
    peak,
    fallback,
    guesses: guesses.map((guess) => ({
      ...guess,
      label: model.labelOf(guess.class),
      iou: bestIou(guess.box, boxes),
    })),
  };
}

// ——— true boxes ———

export interface Truth {
  readonly file: string;
  readonly label: string | undefined;
  readonly index: number | undefined;
  readonly size: readonly [number, number] | undefined;
  /** Corners, inclusive. */
  readonly boxes: readonly (readonly [x0: number, y0: number, x1: number, y1: number])[];
}

/** By their files' names, with and without folders, in the file's order. */
export type Truths = ReadonlyMap<string, Truth>;

export function readTruths(path: string, files: Files): readonly Truth[] {
  const images = (files.json(path) as { images?: unknown } | null)?.images;
  if (!Array.isArray(images))
    throw new UsageError(`${path} has no "images", a list of objects with file, label or class, and boxes`);
  const numbers = (value: unknown, length: number): boolean =>
    Array.isArray(value) && value.length === length && value.every((part) => Number.isFinite(part));
  return images.map((image: Readonly<Record<string, unknown>> | null, i): Truth => {
    const refuse = (what: string): never => {
      throw new UsageError(`${path}: images[${i}]${what}`);
    };
    const {
      file,
      label,
      class: index = image?.['imagenet_index'],
      size = image?.['original_size'],
      boxes = image?.['boxes_original'],
    } = image ?? {};
    if (typeof file !== 'string') return refuse('.file is no text');
    if (label !== undefined && typeof label !== 'string') return refuse('.label is no text');
    if (index !== undefined && !(Number.isInteger(index) && (index as number) >= 0))
      return refuse('.class is no whole number from 0');
    if (label === undefined && index === undefined) return refuse(' has neither a label nor a class');
    if (size !== undefined && !(numbers(size, 2) && (size as number[]).every((extent) => extent > 0)))
      return refuse('.size is not [width, height]');
    const isBox = (box: unknown): boolean =>
      numbers(box, 4) &&
      (box as number[])[2]! >= (box as number[])[0]! &&
      (box as number[])[3]! >= (box as number[])[1]!;
    if (!Array.isArray(boxes) || boxes.length === 0 || !boxes.every(isBox))
      return refuse('.boxes is no list of [x0, y0, x1, y1]');
    return {
      file,
      label: label,
      index: index as number | undefined,
      size: size as Truth['size'],
      boxes: boxes,
    };
  });
}

export function partOf(truths: readonly Truth[], part: string | undefined, allBut: string | undefined): Truths {
  const [inPart, inRest] = [chosenBy('part', part), chosenBy('all-but', allBut)];
  return new Map(
    truths
      .filter((_, i) => (part === undefined || inPart(i)) && (allBut === undefined || !inRest(i)))
      .flatMap((truth) => [
        [basename(truth.file), truth],
        [truth.file, truth],
      ]),
  );
}

/** I/N: every N-th from number I on; I/N,J/M: these too. */
function chosenBy(option: string, parts: string | undefined): (i: number) => boolean {
  const chosen = (parts ?? '0/1').split(',').map((part) => {
    const [, from, every] = /^(\d+)\/(\d+)$/.exec(part) ?? [];
    if (from === undefined || every === undefined)
      throw new UsageError(`--${option} is '${parts}'; it can be like 0/5, or 0/5,2/5`);
    const count = numberOption(option, every, 1, Infinity, true);
    return { count, first: numberOption(option, from, 0, count - 1, true) };
  });
  return (i) => chosen.some(({ count, first }) => i % count === first);
}

/** @throws UsageError if the model has no such class */
export function classIn({ file, label, index }: Truth, labels: readonly string[], path: string): number {
  try {
    const found = classOf(
      label !== undefined && (labels.length > 0 || index === undefined) ? label : String(index),
      labels,
    );
    if (found !== 'top1') return found;
    throw new UsageError("'top1' is no class to be found");
  } catch (error) {
    throw error instanceof UsageError ? new UsageError(`${path}: ${file}: ${error.message}`) : error;
  }
}

/** The boxes in a picture of these extents. */
export function boxesIn({ size, boxes }: Truth, { width, height }: Extents): Box[] {
  const [across, down] = [width / (size?.[0] ?? width), height / (size?.[1] ?? height)];
  return boxes.map(([x0, y0, x1, y1]) => [x0 * across, y0 * down, (x1 - x0 + 1) * across, (y1 - y0 + 1) * down]);
}

// ——— pictures ———

interface Source {
  readonly file: string;
  readonly read: () => Promise<Pixels>;
}

function sourcesOf(path: string): Source[] {
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) throw new UsageError(`${path}: there is no such file`);
  if (extname(path) !== '.tar') return [{ file: path, read: () => readImage(path) }];
  return tarEntries(path).map((entry) => ({ file: entry.name, read: () => readImage(readEntry(path, entry)) }));
}

// ——— the table ———

const ROWS: readonly (readonly [name: string, key: keyof LocalisationMeasures])[] = [
  ['localisation error, top-1', 'top1Error'],
  ['localisation error, top-5', 'top5Error'],
  ['true class: IoU > 0.5', 'knownAccuracy'],
  ['true class: mean IoU', 'meanIou'],
  ['true class: pointing game', 'pointing'],
];

function tableOf(
  results: Readonly<Record<'segmentation' | 'centreBox' | 'wholeImage', LocalisationMeasures>>,
  model: string,
): string[] {
  const { pictures, top1ClassError, top5ClassError } = results.segmentation;
  const cell = (text: string): string => text.padStart(14);
  const value = (key: keyof LocalisationMeasures, measures: LocalisationMeasures): string =>
    key === 'meanIou' ? measures[key].toFixed(3) : `${(100 * measures[key]).toFixed(1)} %`;
  return [
    `${model}, ${pictures} picture${pictures === 1 ? '' : 's'}; classification error ` +
      `${(100 * top1ClassError).toFixed(1)} % top-1, ${(100 * top5ClassError).toFixed(1)} % top-5`,
    `${' '.repeat(27)}${['segmentation', 'centre box 80%', 'whole image'].map(cell).join('  ')}`,
    ...ROWS.map(
      ([name, key]) =>
        `${name.padEnd(27)}${Object.values(results)
          .map((measures) => cell(value(key, measures)))
          .join('  ')}`,
    ),
  ];
}

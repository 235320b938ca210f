import { basename } from 'node:path';
import { placementOf } from '../image/placement';
import { type Pixels, isPrepared } from '../image/pixels';
import {
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
import { common, command } from './args';
import { UsageError } from './failure';
import type { Line } from './many/index';
import { manyOptions, picturesArgument } from './many/options';
import { overPictures } from './many/run';
import { modelOption, preparationOf, prepOption, readModel } from './models';
import { mapMakerOf, methodOptions } from './methods';
import { named } from './output';
import { boxRuleOf, mapBoxOptionsOf, presetOf, segmentationOf, segmentationOptions } from './segment';
import { type Truth, boxesIn, classIn, readTruths, truthsBy } from './truths';

export const localise = command({
  name: 'localise',
  description:
    'how well the boxes of segment fit given ones: the localisation error of ILSVRC and related measures, beside two ' +
    'controls that do not look at the picture',
  examples: [
    ['photos.tar --boxes boxes.json', 'the localisation error, beside controls'],
    ['photos/ --boxes boxes.json --preset layers --resume', 'of a folder; what is done stays done'],
  ],
  args: {
    ...picturesArgument,
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
    ...manyOptions,
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
    const { signal } = session;
    const maker = mapMakerOf(args, presetOf(args).method);
    const rule = boxRuleOf(args);
    const boxOptions = mapBoxOptionsOf(args);
    const truthOf = truthsBy(readTruths(args.boxes, session.files), args.part, args['all-but']);
    const file = await readModel(args, session);
    const options = segmentationOf(args, file.graph.input.extents.W);
    const input = preparationOf(file, args.prep, session);
    const boxOf = (map: Heatmap, picture: Pixels): MapBox | Promise<MapBox> => {
      const placement = placementOf(picture, input);
      if (rule === 'map') return mapBox(map, picture, { ...boxOptions, placement });
      return segment(picture, map, { ...options, placement, signal });
    };
    const parameters = {
      ...maker.parameters,
      box: rule,
      ...(rule === 'map' ? boxOptions : options),
      part: args.part ?? null,
      allBut: args['all-but'] ?? null,
    };
    const boxes = basename(args.boxes);

    return overPictures(args, session, {
      command: 'localise',
      file,
      input,
      parameters: { ...parameters, boxes },
      batch: maker.batch,
      folder: 'out',
      needsPicture: true,
      wanted: {
        has: (picture) => truthOf(picture) !== undefined,
        by: `${args.boxes}${args.part === undefined ? '' : `, part ${args.part}`}`,
      },
      summary(lines, adapter) {
        const localised = lines.flatMap((line) => ('guesses' in line ? [line as Line & Found] : []));
        if (localised.length === 0) return null;
        const results = {
          segmentation: localisationMeasures(localised),
          centreBox: localisationMeasures(controlOf(localised, centreBox)),
          wholeImage: localisationMeasures(controlOf(localised, wholeImage)),
        };
        const model = file.graph.name;
        return {
          json: { boxes, ...results, parameters: { model, ...parameters, precision: 'f32' }, adapter },
          text: tableOf(results, model),
        };
      },
      open: async ({ model }) => ({
        async make(lane, pictures, items) {
          const made = pictures.map(async (picture, k): Promise<Sought> => {
            const { picture: name } = items[k]!;
            const truth = truthOf(name)!;
            if (isPrepared(picture)) throw new UsageError(`${name}: boxes are of pictures, and these are numbers`);
            const trueClass = classIn(truth, file.labels, args.boxes);
            return { truth, trueClass, maps: await maker.best(lane, picture, GUESSES, trueClass, { signal }) };
          });
          return Promise.all(made);
        },
        async finish({ item: { picture: image, shard }, picture, result: { truth, trueClass, maps } }) {
          const boxes = new Map<number, MapBox>();
          for (const map of maps) boxes.set(map.class, await boxOf(map, picture!));
          const best = maps.slice(0, Math.min(GUESSES, model.classes)).map((map) => map.class);
          const found = recordOf(foundIn(picture!, truth, trueClass, { boxes, best }), model);
          return {
            line: { ...found, score: maps.find((map) => map.class === trueClass)!.score },
            json: { image, ...(shard !== null && { shard }), ...found },
            text: `${image}: ${named(trueClass, found.label)}, IoU ${found.iou.toFixed(3)}`,
          };
        },
      }),
    });
  },
});

/** As in ILSVRC. */
const GUESSES = 5;

type Extents = Pick<Pixels, 'width' | 'height'>;

// ——— one picture ———

/** Maps of the best classes and the true one. */
interface Sought {
  readonly truth: Truth;
  readonly trueClass: number;
  readonly maps: readonly Heatmap[];
}

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

/** With what can be seen from it: as it is printed, and as the index has it. */
function recordOf(found: Found, model: Model) {
  const { width, height, class: trueClass, boxes, known, peak, fallback, guesses } = found;
  return {
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

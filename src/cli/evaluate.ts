/** The table of measures that papers print: methods beside controls, over many pictures. */
import { basename } from 'node:path';
import { isPrepared } from '../image/pixels';
import { METHODS, type MethodName, type Model, batchFor, controlMap, mapBy } from '../index';
import { common, command, numberOption } from './args';
import { MEASURES, type Measures, type Subject, measuresOf } from './evaluation/measures';
import { printed, tableOf } from './evaluation/table';
import { UsageError } from './failure';
import type { Item } from './many/items';
import { manyOptions, picturesArgument } from './many/options';
import { overPictures } from './many/run';
import type { Decoded } from './many/work';
import { modelOption, preparationOf, prepOption, readModel } from './models';
import { boxesIn, classIn, readTruths, truthsBy } from './truths';

interface Found {
  readonly class: number;
  readonly score: number;
  readonly measures: Measures;
}

/** Maps that do not look at the network: what a method has to be better than. */
const CONTROLS = { 'random map': 'random', 'centre map': 'centre' } as const;

export const evaluate = command({
  name: 'evaluate',
  description:
    'measures of maps over many pictures: deletion, insertion, ROAD, infidelity, max-sensitivity, average drop and ' +
    'increase, sparseness, and with --boxes the pointing game, mass and rank in the boxes and MaxBoxAccV2, beside ' +
    'two controls',
  examples: [
    ['photos/ --methods saliency,grad-cam', 'two methods over a folder'],
    ["'val-*.tar' --methods all --boxes boxes.json --resume", 'all of them, with true boxes'],
  ],
  args: {
    ...picturesArgument,
    methods: {
      type: 'string',
      valueHint: 'A,B',
      default: 'saliency,grad-cam',
      description: `which methods: all, or some of ${METHODS.map(({ name }) => name).join(', ')}`,
    },
    measures: {
      type: 'string',
      valueHint: 'A,B',
      default: 'all',
      description: `which measures: all, or some of ${MEASURES.join(', ')}`,
    },
    boxes: {
      type: 'string',
      valueHint: 'gt.json',
      description: 'true boxes and classes, as for localise; only pictures in it count (default: the best class)',
    },
    steps: { type: 'string', valueHint: 'N', default: '32', description: 'of the curves of deletion and insertion' },
    samples: { type: 'string', valueHint: 'N', default: '32', description: 'squares of infidelity' },
    tolerance: { type: 'string', valueHint: 'N', default: '15', description: 'of the pointing game, in pixels' },
    near: { type: 'string', valueHint: 'N', default: '4', description: 'inputs nearby, for max-sensitivity; 0: none' },
    ...manyOptions,
    ...modelOption,
    ...prepOption,
    ...common,
  },
  async run(args, session) {
    const { signal } = session;
    const methods = chosenOf(
      'methods',
      args.methods,
      METHODS.map(({ name }) => name),
    );
    const measures = chosenOf('measures', args.measures, MEASURES);
    const counts = {
      steps: numberOption('steps', args.steps, 1, 1e4, true),
      samples: numberOption('samples', args.samples, 1, 1e5, true),
      near: numberOption('near', args.near, 0, 1e4, true),
    };
    const tolerance = numberOption('tolerance', args.tolerance, 0, 1e6);
    const truthOf = args.boxes === undefined ? null : truthsBy(readTruths(args.boxes, session.files));
    const file = await readModel(args, session);
    const input = preparationOf(file, args.prep, session);
    const parameters = { methods, measures, ...counts, tolerance, boxes: truthOf && basename(args.boxes!) };

    return overPictures(args, session, {
      command: 'evaluate',
      file,
      input,
      parameters,
      batch: 8, // samples of a picture
      folder: 'out',
      needsPicture: false,
      ...(truthOf && { wanted: { has: (picture: string) => truthOf(picture) !== undefined, by: args.boxes! } }),
      summary(lines, adapter) {
        const table = tableOf(lines);
        return {
          json: { table, parameters: { model: file.graph.name, ...parameters }, adapter },
          text: printed(table),
        };
      },
      open: async ({ model, adapter }) => {
        const single = await model.withBatch(1); // for methods that have no samples
        const laneOf = (method: MethodName, lane: Model): Model => (batchFor(method) === 1 ? single : lane);
        const measured = async (lane: Model, picture: Decoded, { picture: name, at }: Item): Promise<Found> => {
          const truth = truthOf?.(name);
          let chosen: number | 'top1' = truth ? classIn(truth, file.labels, args.boxes!) : 'top1';
          let score = 0;
          const subjects: Record<string, Subject> = {};
          for (const method of methods) {
            const map = await mapBy(method, laneOf(method, lane), picture, { class: chosen, signal });
            ({ class: chosen, score } = map);
            const again = async (data: Float32Array): Promise<Float32Array> => {
              const near = { data, shape: [1, ...lane.inputShape.slice(1)] };
              return (await mapBy(method, laneOf(method, lane), near, { class: map.class, signal })).data;
            };
            subjects[method] = { map, again };
          }
          const [{ map: first }] = Object.values(subjects) as [Subject];
          const seed = 1 + at[0] + 2 ** 20 * at[1]; // no two pictures have the same random map
          for (const [name, kind] of Object.entries(CONTROLS))
            subjects[name] = { map: controlMap(first, kind, seed), again: null };
          const boxes = truth && !isPrepared(picture) ? boxesIn(truth, picture) : null;
          const options = { measures, ...counts, tolerance, signal };
          return { class: first.class, score, measures: await measuresOf(lane, picture, subjects, boxes, options) };
        };
        return {
          async make(lane, pictures, items) {
            const found: Found[] = [];
            for (const [k, picture] of pictures.entries()) found.push(await measured(lane, picture, items[k]!));
            return found;
          },
          async finish({ item: { picture, shard }, result: { class: index, score, measures } }) {
            const label = model.labelOf(index);
            const result = { class: index, label, score, measures };
            return {
              line: result,
              json: { image: picture, ...(shard !== null && { shard }), ...result, adapter },
              text: `${picture}: ${label}`,
            };
          },
        };
      },
    });
  },
});

/** @throws UsageError */
function chosenOf<T extends string>(option: string, text: string, names: readonly T[]): readonly T[] {
  if (text === 'all') return names;
  return text.split(',').map((name) => {
    const found = names.find((known) => known === name);
    if (found === undefined) throw new UsageError(`--${option} has '${name}'; there are all, ${names.join(', ')}`);
    return found;
  });
}

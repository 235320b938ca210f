/** The table of measures that papers print: methods beside controls, over many pictures. */
import { basename } from 'node:path';
import { placementOf } from '../image/placement';
import { type Pixels, isPrepared } from '../image/pixels';
import {
  type Heatmap,
  METHODS,
  type MethodName,
  type Model,
  areasOf,
  batchFor,
  controlMap,
  mapBy,
  perturbationCurves,
} from '../index';
import { averageDrop } from '../methods/metrics/averageDrop';
import { infidelity } from '../methods/metrics/infidelity';
import { type BoxHits, boxHits, maxBoxAccuracy } from '../methods/metrics/maxBoxAccuracy';
import { maxSensitivity } from '../methods/metrics/maxSensitivity';
import { pointingGame } from '../methods/metrics/pointingGame';
import { road } from '../methods/metrics/road';
import { sparseness } from '../methods/metrics/sparseness';
import { scoresBy } from '../methods/metrics/subject';
import { peakOf, salienceOf } from '../methods/salience';
import { common, command, numberOption } from './args';
import { UsageError } from './failure';
import { type Truth, boxesIn, classIn, partOf, readTruths } from './localise';
import type { Line } from './many/index';
import { manyOptions, picturesArgument } from './many/options';
import { type Decoded, overPictures } from './many/run';
import { modelOption, preparationOf, prepOption, readModel } from './models';

/** Numbers of one picture's map, by the measures' names. */
type Numbers = Readonly<Record<string, number>>;

interface Measured {
  readonly numbers: Numbers;
  /** For MaxBoxAccV2, whose threshold is chosen over all pictures: a row of 0 and 1 for each demand. */
  readonly hits?: readonly string[];
}

interface Found {
  readonly class: number;
  readonly score: number;
  readonly measures: Readonly<Record<string, Measured>>;
}

/** Maps that do not look at the network: what a method has to be better than. */
const CONTROLS = { 'random map': 'random', 'centre map': 'centre' } as const;

export const evaluate = command({
  name: 'evaluate',
  description:
    'measures of maps over many pictures: deletion, insertion, ROAD, infidelity, max-sensitivity, average drop and ' +
    'increase, sparseness, and with --boxes the pointing game and MaxBoxAccV2, beside two controls',
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
    boxes: {
      type: 'string',
      valueHint: 'gt.json',
      description: 'true boxes and classes, as for localise; only pictures in it count (default: the best class)',
    },
    steps: { type: 'string', valueHint: 'N', default: '32', description: 'of the curves of deletion and insertion' },
    samples: { type: 'string', valueHint: 'N', default: '32', description: 'squares of infidelity' },
    near: { type: 'string', valueHint: 'N', default: '4', description: 'inputs nearby, for max-sensitivity; 0: none' },
    ...manyOptions,
    ...modelOption,
    ...prepOption,
    ...common,
  },
  async run(args, session) {
    const { signal } = session;
    const methods = methodsOf(args.methods);
    const steps = numberOption('steps', args.steps, 1, 1e4, true);
    const samples = numberOption('samples', args.samples, 1, 1e5, true);
    const near = numberOption('near', args.near, 0, 1e4, true);
    const truths =
      args.boxes === undefined ? null : partOf(readTruths(args.boxes, session.files), undefined, undefined);
    const file = await readModel(args, session);
    const input = preparationOf(file, args.prep, session);
    const parameters = { methods, steps, samples, near, boxes: truths && basename(args.boxes!) };

    return overPictures(args, session, {
      command: 'evaluate',
      file,
      input,
      parameters,
      batch: 8, // samples of a picture
      folder: 'out',
      needsPicture: false,
      summary(lines) {
        const table = tableOf(lines);
        return { json: { table, parameters: { ...parameters, model: file.graph.name } }, text: printed(table) };
      },
      open: async ({ model, adapter }) => {
        const single = await model.withBatch(1); // for methods that have no samples
        const laneOf = (method: MethodName, lane: Model): Model => (batchFor(method) === 1 ? single : lane);
        const againBy = async (method: MethodName, data: Float32Array, index: number): Promise<Float32Array> => {
          const input = { data, shape: [1, ...model.inputShape.slice(1)] };
          return (await mapBy(method, laneOf(method, model), input, { class: index, signal })).data;
        };
        const measured = async (lane: Model, picture: Decoded, name: string): Promise<Found> => {
          const truth = truths?.get(name) ?? truths?.get(basename(name));
          if (truths && !truth) throw new UsageError(`${name} is not in ${args.boxes}`);
          const chosen = truth ? classIn(truth, file.labels, args.boxes!) : 'top1';
          const maps: Record<string, Heatmap> = {};
          let known: number | 'top1' = chosen;
          for (const method of methods) {
            maps[method] = await mapBy(method, laneOf(method, lane), picture, { class: known, signal });
            known = maps[method].class;
          }
          const [first] = Object.values(maps) as [Heatmap];
          for (const [name, kind] of Object.entries(CONTROLS)) maps[name] = controlMap(first, kind);
          const measures: Record<string, Measured> = {};
          for (const [method, map] of Object.entries(maps)) {
            const isMethod = (methods as readonly string[]).includes(method);
            const measuring = { lane, picture, map, steps, samples, near, signal, truth };
            const again = (data: Float32Array): Promise<Float32Array> => againBy(method as MethodName, data, map.class);
            measures[method] = await measuresOf(measuring, isMethod ? again : null);
          }
          return { class: first.class, score: first.score, measures };
        };
        return {
          async make(lane, pictures, items) {
            const found: Found[] = [];
            for (const [k, picture] of pictures.entries()) found.push(await measured(lane, picture, items[k]!.picture));
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
function methodsOf(text: string): readonly MethodName[] {
  const names = METHODS.map(({ name }) => name);
  if (text === 'all') return names;
  return text.split(',').map((name) => {
    const found = names.find((known) => known === name);
    if (!found) throw new UsageError(`--methods has '${name}'; there are all, ${names.join(', ')}`);
    return found;
  });
}

interface Measuring {
  readonly lane: Model;
  readonly picture: Decoded;
  readonly map: Heatmap;
  readonly steps: number;
  readonly samples: number;
  readonly near: number;
  readonly signal: AbortSignal;
  readonly truth: Truth | undefined;
}

/** Radius of max-sensitivity: of the input's range, as the paper's 0.2 of a range of 10. */
const RADIUS = 0.02;

/** @param again the map of another input, for maps that look at it */
async function measuresOf(
  { lane, picture, map, steps, samples, near, signal, truth }: Measuring,
  again: ((input: Float32Array) => Promise<Float32Array>) | null,
): Promise<Measured> {
  const [, C, H, W] = lane.inputShape;
  const extents = { C, H, W };
  const prepared = await lane.prepared(picture, { signal });
  const scores = scoresBy(lane, map.class, { signal });
  const { deletion, insertion } = areasOf(await perturbationCurves(lane, picture, map, { steps, signal }));
  const numbers: Record<string, number> = {
    deletion,
    insertion,
    ROAD: (await road(prepared, map.data, scores, extents)).combined,
    infidelity: await infidelity(prepared, map.data, scores, { ...extents, samples }),
    sparseness: sparseness(map.data),
  };
  const { drop, increase } = await averageDrop(
    prepared,
    map.data,
    scoresBy(lane, map.class, { probability: true, signal }),
    extents,
  );
  numbers['average drop'] = drop;
  numbers['increase'] = increase;
  if (again && near > 0) {
    const [least, most] = [Math.min, Math.max].map((pick) => prepared.reduce((a, b) => pick(a, b)));
    const radius = RADIUS * (most! - least!);
    numbers['max-sensitivity'] = await maxSensitivity(prepared, again, { radius, samples: near });
  }
  if (!truth || isPrepared(picture)) return { numbers };
  return {
    numbers: { ...numbers, 'pointing game': pointed(map, picture, truth, lane) },
    hits: hitsOf(map, picture, truth, lane),
  };
}

/** The map in the picture's extents; what it does not show is 0. */
const inPicture = (map: Heatmap, picture: Pixels, lane: Model): Float32Array =>
  salienceOf(map, picture, 0, lane.input ? placementOf(picture, lane.input) : undefined);

function pointed(map: Heatmap, picture: Pixels, truth: Truth, lane: Model): 0 | 1 {
  const peak = peakOf(inPicture(map, picture, lane));
  return pointingGame([peak % picture.width, Math.floor(peak / picture.width)], boxesIn(truth, picture));
}

function hitsOf(map: Heatmap, picture: Pixels, truth: Truth, lane: Model): readonly string[] {
  const { width, height } = picture;
  const data = inPicture(map, picture, lane).map((value) => (Number.isNaN(value) ? 0 : value));
  const hits = boxHits({ data, width, height }, boxesIn(truth, picture));
  return hits.map((row) => row.map((hit) => (hit ? '1' : '0')).join(''));
}

// ——— the table ———

interface Cell {
  readonly mean: number;
  /** Of the mean, over pictures; null where there is one picture, or the number is of all of them. */
  readonly standardError: number | null;
  readonly pictures: number;
}

type Table = Readonly<Record<string, Readonly<Record<string, Cell>>>>;

/** By method, then by measure. Of numbers that are infinite there is no mean: those pictures are left out. */
export function tableOf(lines: readonly Line[]): Table {
  const all = lines.flatMap((line) => ('measures' in line ? [line.measures as Found['measures']] : []));
  const names = [...new Set(all.flatMap((measures) => Object.keys(measures)))];
  return Object.fromEntries(
    names.map((method) => {
      const own = all.flatMap((measures) => measures[method] ?? []);
      const measures = [...new Set(own.flatMap(({ numbers }) => Object.keys(numbers)))];
      const cells = measures.map((measure): readonly [string, Cell] => [
        measure,
        cellOf(own.map(({ numbers }) => numbers[measure] ?? NaN).filter(Number.isFinite)),
      ]);
      const hits = own.flatMap((one) => one.hits ?? []).length > 0 ? own.map((one) => rowsOf(one.hits ?? [])) : [];
      const box = { mean: maxBoxAccuracy(hits), standardError: null, pictures: hits.length };
      return [method, Object.fromEntries([...cells, ...(hits.length > 0 ? [['MaxBoxAccV2', box] as const] : [])])];
    }),
  );
}

const rowsOf = (rows: readonly string[]): BoxHits => rows.map((row) => row.split('').map((hit) => hit === '1'));

function cellOf(values: readonly number[]): Cell {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
  return { mean, standardError: n > 1 ? Math.sqrt(variance / n) : null, pictures: n };
}

/** As Markdown: a method a row. */
function printed(table: Table): readonly string[] {
  const measures = [...new Set(Object.values(table).flatMap((row) => Object.keys(row)))];
  const cell = (found: Cell | undefined): string => {
    if (!found) return '';
    return found.standardError === null
      ? found.mean.toFixed(3)
      : `${found.mean.toFixed(3)} ± ${found.standardError.toFixed(3)}`;
  };
  const rows = [
    ['', ...measures],
    ...Object.entries(table).map(([method, row]) => [method, ...measures.map((measure) => cell(row[measure]))]),
  ];
  const widths = rows[0]!.map((_, k) => Math.max(...rows.map((row) => row[k]!.length)));
  const lined = rows.map((row) => `| ${row.map((text, k) => text.padEnd(widths[k]!)).join(' | ')} |`);
  return [lined[0]!, `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...lined.slice(1)];
}

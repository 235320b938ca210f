import { type Model, areasOf, perturbationCurves, randomised, rankCorrelation } from '../index';
import { command, common, numberOption } from './args';
import { UsageError } from './failure';
import { mapMakerOf, methodOptions } from './methods';
import { manyOptions, picturesArgument } from './many/options';
import { overPictures } from './many/run';
import type { Decoded } from './many/work';
import { classOf, classOption, modelOption, preparationOf, prepOption, readModel } from './models';

export const sanity = command({
  name: 'sanity',
  description:
    'whether a map shows what the network goes by: deletion and insertion, and how much of the map remains when ' +
    'weights are shuffled',
  examples: [
    ['photo.jpg --method grad-cam', 'of the map of one picture'],
    ['photos/ --index sanity.jsonl', 'of every picture below a folder'],
  ],
  args: {
    ...picturesArgument,
    ...manyOptions,
    ...modelOption,
    ...prepOption,
    ...classOption,
    ...methodOptions,
    steps: { type: 'string', valueHint: 'N', default: '32', description: 'of the curves of deletion and insertion' },
    shuffle: {
      type: 'string',
      valueHint: 'N,N…',
      default: '1,all',
      description: 'how many layers, counted from the last, have their weights shuffled; each is a network of its own',
    },
    ...common,
  },
  async run(args, session) {
    const { signal } = session;
    const steps = numberOption('steps', args.steps, 1, 1e4, true);
    const depths = args.shuffle
      .split(',')
      .map((depth) => (depth === 'all' ? Infinity : numberOption('shuffle', depth, 1, 1e4, true)));
    const maker = mapMakerOf(args);
    const file = await readModel(args, session);
    const input = preparationOf(file, args.prep, session);
    const chosen = classOf(args.class, file.labels);

    return overPictures(args, session, {
      command: 'sanity',
      file,
      input,
      parameters: { ...maker.parameters, class: chosen, steps, shuffle: args.shuffle },
      batch: maker.batch,
      folder: 'out',
      needsPicture: false,
      open: async ({ adapter, model, load }) => {
        const others: { readonly depth: number; readonly other: Model }[] = [];
        for (const depth of depths) others.push({ depth, other: await load(randomised(file, depth)) });
        const checked = async (lane: Model, picture: Decoded) => {
          const map = await maker.make(lane, picture, chosen, { signal });
          if (map.flat)
            throw new UsageError(
              `the map is ${map.flat.value} everywhere, and ranks no pixel above another: ${map.flat.message}`,
            );
          const curves = await perturbationCurves(lane, picture, map, { steps, signal });
          const left: { layers: number | 'all'; correlation: number }[] = [];
          for (const { depth, other } of others) {
            const again = await maker.make(other, picture, map.class, { signal });
            left.push({ layers: depth === Infinity ? 'all' : depth, correlation: rankCorrelation(map, again) });
          }
          return { map, curves, left };
        };
        return {
          make: (lane, pictures) => Promise.all(pictures.map((picture) => checked(lane, picture))),
          async finish({ item: { picture, shard }, result: { map, curves, left } }) {
            const label = model.labelOf(map.class);
            const { deletion, insertion } = areasOf(curves);
            const found = { class: map.class, label, score: map.score };
            return {
              line: { ...found, deletion, insertion, shuffled: left },
              json: {
                image: picture,
                ...(shard !== null && { shard }),
                ...found,
                deletion,
                insertion,
                curves: { deletion: [...curves.deletion], insertion: [...curves.insertion] },
                shuffled: left,
                parameters: { ...map.meta, steps },
                adapter,
              },
              text:
                `${picture}: ${label}${label === String(map.class) ? '' : ` (${map.class})`}, ` +
                `deletion ${deletion.toFixed(3)}, insertion ${insertion.toFixed(3)}; of its ranks are left ` +
                left
                  .map(({ layers, correlation }) => `${correlation.toFixed(3)} with ${inWords(layers)} shuffled`)
                  .join(', '),
            };
          },
        };
      },
    });
  },
});

function inWords(layers: number | 'all'): string {
  if (layers === 'all') return 'all layers';
  return layers === 1 ? 'the last layer' : `the last ${layers} layers`;
}

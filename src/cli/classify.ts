import { filled } from '../filled';
import { topClasses } from '../scores';
import { common, command, numberOption } from './args';
import { manyOptions, picturesArgument } from './many/options';
import { overPictures } from './many/run';
import { modelOption, preparationOf, prepOption, readModel } from './models';
import { named } from './output';

export const classify = command({
  name: 'classify',
  description: 'the best classes of pictures',
  examples: [
    ['photo.jpg', 'its five best classes'],
    ['photos/ --top 1 --json', 'a line of JSON for every picture below a folder'],
  ],
  args: {
    ...picturesArgument,
    top: { type: 'string', valueHint: 'N', default: '5', description: 'how many classes' },
    ...manyOptions,
    ...modelOption,
    ...prepOption,
    ...common,
  },
  async run(args, session) {
    const { signal } = session;
    const top = numberOption('top', args.top, 1, Infinity, true);
    const file = await readModel(args, session);
    const input = preparationOf(file, args.prep, session);
    return overPictures(args, session, {
      command: 'classify',
      file,
      input,
      parameters: { top },
      batch: null,
      folder: 'out',
      needsPicture: false,
      open: async ({ model: { name, head, labels, classes }, adapter }) => ({
        async make(lane, pictures) {
          const [N] = lane.inputShape;
          const batch = filled(pictures, N);
          const scores = await lane.scores(batch, { signal });
          const labelOf = (index: number): string => labels[index] ?? String(index);
          return pictures.map((_, n) =>
            topClasses(scores.subarray(n * classes, (n + 1) * classes), top, { head: head.kind, labelOf }),
          );
        },
        async finish({ item: { picture, shard }, result }) {
          const lines = result.map(
            ({ index, label, score, probability }) =>
              `${percent(probability)}  ${named(index, label)}  score ${score.toPrecision(6)}`,
          );
          const { index, label, score } = result[0]!;
          return {
            line: { class: index, label, score, classes: result },
            json: { image: picture, ...(shard !== null && { shard }), model: name, head, classes: result, adapter },
            text: [picture, ...lines],
          };
        },
      }),
    });
  },
});

/** Blank for a model without a head. */
const percent = (probability: number | null): string =>
  probability === null ? '' : `  ${(probability * 100).toFixed(1).padStart(5)} %`;

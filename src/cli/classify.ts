import { common, command, numberOption } from './args';
import { modelOption, preparationOf, prepOption, readModel } from './models';
import { named } from './output';
import { eachPicture, imagesArgument } from './pictures';

export const classify = command({
  name: 'classify',
  description: 'the best classes of pictures',
  args: {
    ...imagesArgument,
    ...modelOption,
    ...prepOption,
    top: { type: 'string', valueHint: 'N', default: '5', description: 'how many classes' },
    ...common,
  },
  async run(args, session) {
    const { signal, onProgress } = session;
    const top = numberOption('top', args.top, 1, Infinity, true);
    const file = await readModel(args, session);
    const input = preparationOf(file, args.prep, session);
    return eachPicture(args._, session, async () => {
      const engine = await session.openEngine(args.driver);
      const model = await engine.load(file, { input, signal, onProgress });
      return async (path, picture) => {
        const classes = await model.classify(picture, top, { signal });
        const lines = classes.map(
          ({ index, label, score, probability }) =>
            `${percent(probability)}  ${named(index, label)}  score ${score.toPrecision(6)}`,
        );
        const { name, head } = model;
        session.print(args.json, { image: path, model: name, head, classes, adapter: engine.environment.adapter }, [
          path,
          ...lines,
        ]);
      };
    });
  },
});

/** Blank for a model without a head. */
const percent = (probability: number | null): string =>
  probability === null ? '' : `  ${(probability * 100).toFixed(1).padStart(5)} %`;

import { filled } from '../filled';
import { writeNpy } from '../formats/npy';
import type { GradientOptions, ImageInput, Model } from '../index';
import { common, command } from './args';
import { UsageError } from './failure';
import { gradientOfArray } from './gradientOfArray';
import type { Names } from './many/items';
import { manyOptions, picturesArgument } from './many/options';
import { overPictures } from './many/run';
import { classOf, modelOption, preparationOf, prepOption, readModel } from './models';
import { checkPattern, endingOf, fillPattern, folderOf, labelBefore, named } from './output';

export const gradient = command({
  name: 'gradient',
  description: 'the bare engine: the gradient of class scores with respect to prepared pictures, as numbers',
  examples: [
    ["photos/ --out 'gradients/{dir}/{stem}.npz'", 'of all pictures below a folder, with their scores'],
    ['--model net.onnx --input x.npy --class 292 --out g.npy', 'of a prepared array, as one array'],
  ],
  args: {
    ...picturesArgument,
    input: {
      type: 'string',
      valueHint: 'x.npy',
      description: 'instead of pictures: prepared inputs, [C, H, W] or [N, C, H, W], whose gradients become one array',
    },
    out: {
      type: 'string',
      valueHint: 'pattern',
      required: true,
      description:
        'where to: .npy, [C, H, W] or for K classes [K, C, H, W]; .npz with gradient, scores and classes; or a .tar ' +
        'for each shard; with {dir}, {stem}, {shard} and {class}. With --input one .npy, shaped like it',
    },
    class: {
      type: 'string',
      valueHint: 'K[,K…]',
      default: 'top1',
      description: 'one class or several of each picture; with --input of several also one for each',
    },
    relu: {
      type: 'enum',
      options: ['gradient', 'deconvnet', 'guided'],
      default: 'gradient',
      description: 'how ReLUs pass the gradient back',
    },
    score: {
      type: 'enum',
      options: ['logit', 'probability'],
      default: 'logit',
      description: 'what is differentiated: before or after soft-max',
    },
    scores: {
      type: 'string',
      valueHint: 's.npy',
      description: 'with --input: also write the scores before soft-max, [N, classes]',
    },
    ...manyOptions,
    ...modelOption,
    ...prepOption,
    ...common,
  },
  async run(args, session) {
    const { signal } = session;
    if ((args.input === undefined) === (args._.length === 0 && args.list === undefined))
      throw new UsageError('give pictures, or a prepared array by --input, and not both');
    if (args.input === undefined) checkPattern(args.out, ['npy', 'npz', 'tar']);
    if (args.input === undefined && args.scores !== undefined)
      throw new UsageError('--scores goes with --input; of pictures .npz files hold the scores');
    const file = await readModel(args, session);
    const classes = classesOf(args.class, file.labels);
    const rules = { relu: args.relu, score: args.score } as Required<Pick<GradientOptions, 'relu' | 'score'>>;
    if (args.input !== undefined) {
      const { input, out, scores, driver, json } = args;
      return gradientOfArray(file, { input, out, scores, driver, json, classes, rules }, session);
    }

    const kind = endingOf(args.out);
    const isTar = kind === 'tar';
    const nameOf = (names: Names, label: string): string =>
      fillPattern(isTar ? '{dir}/{stem}.npy' : args.out, { ...names, class: label, method: 'gradient' });
    const [first, ...others] = classes as [number | 'top1', ...number[]];
    const isOne = others.length === 0;
    return overPictures(args, session, {
      command: 'gradient',
      file,
      input: preparationOf(file, args.prep, session),
      parameters: { class: isOne ? first : classes, ...rules, kind },
      batch: isOne ? null : 1,
      folder: folderOf(args.out),
      needsPicture: false,
      filesOf: (names, label) => [nameOf(names, label)],
      known: labelBefore(args.out, first, file.labels),
      ...(isTar && {
        tarOf: (names: Names) => fillPattern(args.out, { ...names, class: '', method: 'gradient' }),
      }),
      open: async ({ model, pool, adapter }) => ({
        make: (lane, pictures) =>
          gradientsOf(lane, pictures, { ...rules, signal, class: isOne ? first : (classes as number[]) }),
        labelOf: (result) => model.labelOf(result.classes[0]!),
        async finish({ item: { picture, shard }, result, files: [out] }) {
          const [, C, H, W] = model.inputShape;
          const shape = isOne ? [C, H, W] : [classes.length, C, H, W];
          const array = { shape, data: result.gradient };
          const arrays = {
            gradient: array,
            scores: { shape: [model.classes], data: result.scores },
            classes: { shape: [classes.length], data: Float32Array.from(result.classes) },
          };
          const results = result.classes.map((index) => ({
            class: index,
            label: model.labelOf(index),
            score: result.scores[index]!,
          }));
          return {
            contents: [kind === 'npz' ? await pool.run('npz', arrays) : writeNpy(shape, array.data)],
            line: { ...results[0]!, ...(!isOne && { classes: results }) },
            json: {
              image: picture,
              ...(shard !== null && { shard }),
              out,
              shape,
              results,
              parameters: { model: model.name, ...rules, precision: model.precision },
              adapter,
            },
            text: results.map(
              ({ class: index, label, score }) => `${out}: ${named(index, label)}, score ${score.toPrecision(6)}`,
            ),
          };
        },
      }),
    });
  },
});

/** Of one picture. */
interface Gradients {
  /** `[C, H, W]`, or of several classes `[K, C, H, W]`. */
  readonly gradient: Float32Array;
  readonly scores: Float32Array;
  readonly classes: readonly number[];
}

/** Of up to as many pictures as the model's batch, whose rest is filled up; or of several classes of one. */
async function gradientsOf(
  model: Model,
  pictures: readonly ImageInput[],
  options: Parameters<Model['inputGradient']>[1] & { readonly class: number | 'top1' | readonly number[] },
): Promise<readonly Gradients[]> {
  const [N] = model.inputShape;
  const batch = filled(pictures, N);
  const { gradient, scores, classes } = await model.inputGradient(batch, options);
  if (Array.isArray(options.class)) return [{ gradient, scores, classes }];
  const item = <T extends Float32Array | readonly number[]>(all: T, n: number): T =>
    all.slice((n * all.length) / N, ((n + 1) * all.length) / N) as T;
  return pictures.map((_, n) => ({ gradient: item(gradient, n), scores: item(scores, n), classes: item(classes, n) }));
}

/** `top1` stands alone: a list is of classes by name or number. */
function classesOf(text: string, labels: readonly string[]): readonly (number | 'top1')[] {
  if (!/^\d+(,\d+)*$/.test(text)) return [classOf(text, labels)];
  return text.split(',').map((part) => classOf(part, labels));
}

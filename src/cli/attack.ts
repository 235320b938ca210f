import { basename } from 'node:path';
import { type Attack, type AttackOptions, attackBatch } from '../index';
import { command, common, fractionOption, numberOption } from './args';
import { type Told, figureOf, inWords, shownBy } from './attackFigure';
import { UsageError } from './failure';
import type { Line } from './many/index';
import type { Names } from './many/items';
import { manyOptions, picturesArgument } from './many/options';
import { overPictures } from './many/run';
import { classOf, classOption, modelOption, preparationOf, prepOption, readModel } from './models';
import { checkPattern, fillPattern, folderOf } from './output';
import { classIn, readTruths, truthsBy } from './truths';

const NORMS = { linf: 'max', l2: 'l2' } as const;

export const attack = command({
  name: 'attack',
  description:
    'pictures changed by so little that hardly anybody sees it, and taken for something else (FGSM, PGD): each ' +
    'beside its change and the saliency maps before and after; of several, the share that changed its class, and ' +
    'with --truths the robust accuracy',
  examples: [
    ['photo.jpg --epsilon 2/255 --out attacked.png', 'the picture, its change ten times as large, and both maps'],
    ['photo.jpg --target goldfish --steps 40', 'to a class of your choice'],
    ['photos/ --truths truths.json --save none', 'the robust accuracy over a folder'],
  ],
  args: {
    ...picturesArgument,
    norm: {
      type: 'enum',
      options: Object.keys(NORMS),
      default: 'linf',
      description: 'what ε bounds: the largest change of a channel of a pixel, or the root of the sum of all squared',
    },
    epsilon: {
      type: 'string',
      valueHint: 'X',
      description: 'ε, in pixels of 0 to 1, such as 2/255 (default: 4/255; for l2 1)',
    },
    steps: {
      type: 'string',
      valueHint: 'N',
      default: '10',
      description: 'one is FGSM (with ε as its step), more are PGD',
    },
    step: { type: 'string', valueHint: 'X', description: 'how long a step is (default: 2.5 ε / steps; of one, ε)' },
    random: { type: 'boolean', description: 'begin anywhere within ε, not at the picture' },
    seed: { type: 'string', valueHint: 'N', default: '1', description: 'of the random beginning' },
    target: { type: 'string', valueHint: 'ID|NAME', description: 'the class to lead to (default: any other)' },
    class: { ...classOption.class, description: 'the class to lead away from: the best, or by number, or by name' },
    truths: {
      type: 'string',
      valueHint: 'gt.json',
      description:
        'true classes to lead away from, {"images": [{"file": "a.jpg", "class": 3}, …]}: class or label, as in ' +
        'localise --boxes, whose files do; only pictures in it count',
    },
    save: {
      type: 'enum',
      options: ['figure', 'picture', 'both', 'none'],
      default: 'figure',
      description:
        'what is written: the figure, the changed picture as the net sees it, in whole grey levels, or both, the ' +
        'picture as NAME-attacked.png',
    },
    out: {
      type: 'string',
      valueHint: 'pattern',
      default: 'out/{stem}.png',
      description: 'where to; with {dir} (below the folder that was named), {stem} and {shard}',
    },
    ...manyOptions,
    ...modelOption,
    ...prepOption,
    ...common,
  },
  async run(args, session) {
    const { signal } = session;
    checkPattern(args.out);
    const options = optionsOf(args);
    if (args.truths !== undefined && args.class !== 'top1')
      throw new UsageError('--truths says which class each picture is led away from, so --class does not go with it');
    const truthOf = args.truths === undefined ? null : truthsBy(readTruths(args.truths, session.files, 'classes'));
    const file = await readModel(args, session);
    const input = preparationOf(file, args.prep, session);
    const chosen = classOf(args.class, file.labels);
    const target = args.target === undefined ? undefined : classOf(args.target, file.labels);
    if (target === 'top1') throw new UsageError("--target is 'top1'; it can be a class by number or name");

    const hasFigure = args.save === 'figure' || args.save === 'both';
    const hasPicture = args.save === 'picture' || args.save === 'both';
    const filesOf = (names: Names): readonly string[] => {
      const out = fillPattern(args.out, { ...names, class: '', method: 'attack' });
      return [...(hasFigure ? [out] : []), ...(hasPicture ? [hasFigure ? pictureBeside(out) : out] : [])];
    };
    const parameters = { ...options, class: chosen, target: target ?? null, save: args.save };
    const truths = args.truths === undefined ? null : basename(args.truths);

    return overPictures(args, session, {
      command: 'attack',
      file,
      input,
      parameters: { ...parameters, truths },
      batch: null,
      folder: folderOf(args.out),
      needsPicture: false,
      ...(args.save === 'none' ? {} : { filesOf, known: '' }),
      ...(truthOf && { wanted: { has: (picture: string) => truthOf(picture) !== undefined, by: args.truths! } }),
      summary(lines, adapter) {
        const told = lines.filter((line): line is AttackedLine => 'after' in line);
        if (told.length < 2) return null;
        const shares = sharesOf(told, target);
        return {
          json: { ...shares, truths, parameters: { model: file.graph.name, ...parameters }, adapter },
          text: printed(shares),
        };
      },
      open: async ({ model, pool, adapter }) => ({
        async make(lane, pictures, items) {
          const truths = truthOf && items.map(({ picture }) => classIn(truthOf(picture)!, file.labels, args.truths!));
          const found = await attackBatch(lane, pictures, {
            ...options,
            class: truths ?? chosen,
            ...(target !== undefined && { target }),
            signal,
          });
          const shown = hasFigure ? await shownBy(lane, pictures, found, signal) : null;
          return found.map((one, n) => ({ found: one, truth: truths?.[n] ?? null, shown: shown?.[n] ?? null }));
        },
        async finish({ item: { picture: image, shard }, result: { found, truth, shown }, files }) {
          const [before, after] = [found.before, found.after].map(({ class: index, ...numbers }) => ({
            ...{ class: index, label: model.labelOf(index) },
            ...numbers,
          })) as [Told, Told];
          const { length, succeeded, meta } = found;
          const result = { after, truth, succeeded, length };
          const text = { image: basename(image), before, ...result, parameters: meta, adapter };
          const contents = await Promise.all([
            ...(shown ? [pool.run('figure', { ...figureOf(shown, found, { before, after }, input), text })] : []),
            ...(hasPicture ? [pool.run('encode', { picture: found.picture(), text })] : []),
          ]);
          return {
            contents,
            line: { ...before, ...result },
            json: { image, ...(shard !== null && { shard }), files, before, ...result, parameters: meta, adapter },
            text: `${files.join(', ') || image}: ${inWords(before)} → ${inWords(after)}`,
          };
        },
      }),
    });
  },
});

/** What the library takes. @throws UsageError for what is no number, or out of range */
function optionsOf(args: {
  readonly norm: string;
  readonly epsilon?: string | undefined;
  readonly steps: string;
  readonly step?: string | undefined;
  readonly random?: boolean | undefined;
  readonly seed: string;
}): Omit<AttackOptions, 'class' | 'target'> {
  const norm = NORMS[args.norm as keyof typeof NORMS];
  const most = norm === 'max' ? 1 : Infinity;
  return {
    norm,
    ...(args.epsilon !== undefined && { epsilon: fractionOption('epsilon', args.epsilon, 0, most) }),
    steps: numberOption('steps', args.steps, 1, 1e6, true),
    ...(args.step !== undefined && { step: fractionOption('step', args.step, 0, Infinity) }),
    random: args.random === true,
    seed: numberOption('seed', args.seed, 0, 2 ** 32 - 1, true),
  };
}

const pictureBeside = (figure: string): string => `${figure.slice(0, -'.png'.length)}-attacked.png`;

// ——— over many pictures ———

interface Outcome extends Pick<Attack, 'succeeded' | 'length'> {
  readonly after: Told;
  readonly truth: number | null;
}

export type AttackedLine = Line & Outcome;

/** Shares of the pictures, 0 to 1; null where nobody said what is true, or where to lead to. */
interface Shares {
  readonly pictures: number;
  /** Of the true class. */
  readonly accuracy: number | null;
  /** Of the true class as they are, and when changed. */
  readonly robustAccuracy: number | null;
  /** Of another class when changed. */
  readonly changed: number;
  /** Of the target when changed. */
  readonly reached: number | null;
}

export function sharesOf(lines: readonly AttackedLine[], target: number | undefined): Shares {
  const share = (holds: (line: AttackedLine) => boolean): number => lines.filter(holds).length / lines.length;
  const isKnown = lines.every(({ truth }) => truth !== null);
  return {
    pictures: lines.length,
    accuracy: isKnown ? share((line) => line.class === line.truth) : null,
    robustAccuracy: isKnown ? share((line) => line.class === line.truth && line.after.class === line.truth) : null,
    changed: share((line) => line.after.class !== line.class),
    reached: target === undefined ? null : share((line) => line.after.class === target),
  };
}

const TITLES = {
  accuracy: 'accuracy',
  robustAccuracy: 'robust accuracy',
  changed: 'class changed',
  reached: 'target reached',
} as const;

function printed(shares: Shares): string[] {
  const rows = (Object.keys(TITLES) as (keyof typeof TITLES)[]).flatMap((key) => {
    const value = shares[key];
    return value === null ? [] : [`${TITLES[key].padEnd(16)}${(100 * value).toFixed(1).padStart(6)} %`];
  });
  return [`${shares.pictures} pictures`, ...rows];
}

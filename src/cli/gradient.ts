import { readFile } from 'node:fs/promises';
import { notFinite } from '../finite';
import { type NpyArray, readNpy, writeNpy } from '../formats/npy';
import { type GradientOptions, GradlensError } from '../index';
import { common, command } from './args';
import { EXIT, UsageError } from './failure';
import { cannot } from './files';
import { classOf, modelOption, readModel } from './models';

export const gradient = command({
  name: 'gradient',
  description: 'the bare engine: the gradient of class scores with respect to an array',
  examples: [['--model net.onnx --input x.npy --class 292 --out g.npy', 'of a prepared array']],
  args: {
    ...modelOption,
    model: {
      ...modelOption.model,
      required: true,
      description: 'an .onnx file, a model.json, their address, or a name in weights/',
    },
    input: {
      type: 'string',
      valueHint: 'x.npy',
      required: true,
      description: 'prepared inputs, [C, H, W] or [N, C, H, W]',
    },
    class: {
      type: 'string',
      valueHint: 'K[,K…]',
      default: 'top1',
      description: 'one class, one per input, or several of a single input',
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
    out: {
      type: 'string',
      valueHint: 'g.npy',
      required: true,
      description: 'the gradient: like the input, or [K, C, H, W] for K classes',
    },
    scores: { type: 'string', valueHint: 's.npy', description: 'also write the scores before soft-max, [N, classes]' },
    ...common,
  },
  async run(args, session) {
    const { signal, onProgress } = session;
    session.files.reads(args.input);
    const x = await readArray(args.input);
    const file = await readModel(args, session);
    const { C, H, W } = file.graph.input.extents;
    const [N, ...item] = x.shape.length === 4 ? x.shape : [1, ...x.shape];
    if (!N || item.join() !== [C, H, W].join())
      throw new UsageError(
        `${args.input} is [${x.shape.join(', ')}]; the network takes [${C}, ${H}, ${W}] or [N, ${C}, ${H}, ${W}]`,
      );
    const classes = classesOf(args.class, file.labels);
    const severalOfOne = N === 1 && classes.length > 1;
    if (!severalOfOne && classes.length !== 1 && classes.length !== N)
      throw new UsageError(
        `--class has ${classes.length} classes for ${N} inputs; one, or one per input, would be right`,
      );
    const classAt = (n: number): number | 'top1' => classes[classes.length === 1 ? 0 : n]!;

    const [gradientFile, scoresFile] = [session.files.outputs(), session.files.outputs()];
    gradientFile.claim(args.out);
    if (args.scores !== undefined) scoresFile.claim(args.scores);
    const batch = batchOf(N);
    const engine = await session.openEngine(args.driver);
    const model = await engine.load(file, { batch, signal, onProgress });
    const options = {
      relu: args.relu as NonNullable<GradientOptions['relu']>,
      score: args.score as NonNullable<GradientOptions['score']>,
      signal,
    };
    const gradients = new Float32Array((severalOfOne ? classes.length : N) * C * H * W);
    const scores = new Float32Array(N * model.classes);
    const chosen: number[] = [];
    for (let n = 0; n < N; n += batch) {
      if (N > batch) session.onProgress({ phase: 'run', done: n, total: N });
      const data = x.data.subarray(n * C * H * W, (n + batch) * C * H * W);
      const wanted =
        classAt(n) === 'top1'
          ? 'top1'
          : severalOfOne
            ? (classes as number[])
            : Array.from({ length: batch }, (_, i) => classAt(n + i) as number);
      const result = await model.inputGradient({ data, shape: [batch, C, H, W] }, { ...options, class: wanted });
      gradients.set(result.gradient, n * C * H * W);
      scores.set(result.scores, n * model.classes);
      chosen.push(...result.classes);
    }

    const shape = severalOfOne ? [classes.length, C, H, W] : x.shape;
    await gradientFile.write(args.out, writeNpy(shape, gradients));
    if (args.scores !== undefined) await scoresFile.write(args.scores, writeNpy([N, model.classes], scores));
    const results = chosen.map((index, i) => ({
      class: index,
      label: model.labelOf(index),
      score: scores[(severalOfOne ? 0 : i) * model.classes + index]!,
    }));
    session.print(
      args.json,
      {
        input: args.input,
        out: args.out,
        scores: args.scores ?? null,
        shape,
        results,
        parameters: { model: model.name, relu: args.relu, score: args.score, precision: model.precision },
        adapter: engine.environment.adapter,
      },
      [
        `${args.out}: [${shape.join(', ')}]`,
        ...results.map(
          ({ class: index, label, score }) =>
            `  ${label}${label === String(index) ? '' : ` (${index})`}, score ${score.toPrecision(6)}`,
        ),
      ],
    );
    return EXIT.ok;
  },
});

async function readArray(path: string): Promise<NpyArray> {
  const bytes = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    throw cannot('read', path, cause);
  });
  let array: NpyArray;
  try {
    array = readNpy(bytes);
  } catch (error) {
    if (error instanceof GradlensError) throw new UsageError(`${path}: ${error.message.replace(/^npy: /, '')}`);
    throw error;
  }
  // the scores need not show it: on some devices ReLU makes NaN 0
  const bad = notFinite(array.data);
  if (bad >= 0) throw new UsageError(`${path}: element ${bad} is ${array.data[bad]}; inputs are finite in float32`);
  return array;
}

/** `top1` stands alone: a list is of classes by name or number. */
function classesOf(text: string, labels: readonly string[]): readonly (number | 'top1')[] {
  if (!/^\d+(,\d+)*$/.test(text)) return [classOf(text, labels)];
  return text.split(',').map((part) => classOf(part, labels));
}

const LARGEST_BATCH = 8;

/** The largest divisor of N up to {@link LARGEST_BATCH}: bounded memory, and one plan for all runs. */
function batchOf(N: number): number {
  let batch = Math.min(N, LARGEST_BATCH);
  while (N % batch !== 0) batch--;
  return batch;
}

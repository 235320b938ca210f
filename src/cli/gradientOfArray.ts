/** One array in, one array out: the engine beside another one, without pictures. */
import { readFile } from 'node:fs/promises';
import { notFinite } from '../finite';
import { type NpyArray, readNpy, writeNpy } from '../formats/npy';
import { type GradientOptions, GradlensError, type ModelFile } from '../index';
import { EXIT, UsageError } from './failure';
import { cannot } from './files';
import { named } from './output';
import type { Session } from './session';

interface Asked {
  readonly input: string;
  readonly out: string;
  readonly scores: string | undefined;
  readonly classes: readonly (number | 'top1')[];
  readonly rules: Required<Pick<GradientOptions, 'relu' | 'score'>>;
  readonly driver: string | undefined;
  readonly json: boolean | undefined;
}

/** @returns the exit code; @throws UsageError for an array that does not fit the network */
export async function gradientOfArray(file: ModelFile, asked: Asked, session: Session): Promise<number> {
  const { signal, onProgress } = session;
  const { input, classes } = asked;
  session.files.reads(input);
  const x = await readArray(input);
  const { C, H, W } = file.graph.input.extents;
  const [N, ...item] = x.shape.length === 4 ? x.shape : [1, ...x.shape];
  if (!N || item.join() !== [C, H, W].join())
    throw new UsageError(
      `${input} is [${x.shape.join(', ')}]; the network takes [${C}, ${H}, ${W}] or [N, ${C}, ${H}, ${W}]`,
    );
  const severalOfOne = N === 1 && classes.length > 1;
  if (!severalOfOne && classes.length !== 1 && classes.length !== N)
    throw new UsageError(
      `--class has ${classes.length} classes for ${N} inputs; one, or one per input, would be right`,
    );
  const classAt = (n: number): number | 'top1' => classes[classes.length === 1 ? 0 : n]!;

  const [gradientFile, scoresFile] = [session.files.outputs(), session.files.outputs()];
  gradientFile.claim(asked.out);
  if (asked.scores !== undefined) scoresFile.claim(asked.scores);
  const batch = batchOf(N);
  const engine = await session.openEngine(asked.driver);
  const model = await engine.load(file, { batch, signal, onProgress });
  const gradients = new Float32Array((severalOfOne ? classes.length : N) * C * H * W);
  const scores = new Float32Array(N * model.classes);
  const chosen: number[] = [];
  for (let n = 0; n < N; n += batch) {
    if (N > batch) session.onProgress({ phase: 'run', done: n, total: N });
    const data = x.data.subarray(n * C * H * W, (n + batch) * C * H * W);
    const wanted: 'top1' | number[] =
      classAt(n) === 'top1'
        ? 'top1'
        : severalOfOne
          ? (classes as number[])
          : Array.from({ length: batch }, (_, i) => classAt(n + i) as number);
    const options = { ...asked.rules, signal, class: wanted };
    const result = await model.inputGradient({ data, shape: [batch, C, H, W] }, options);
    gradients.set(result.gradient, n * C * H * W);
    scores.set(result.scores, n * model.classes);
    chosen.push(...result.classes);
  }

  const shape = severalOfOne ? [classes.length, C, H, W] : x.shape;
  await gradientFile.write(asked.out, writeNpy(shape, gradients));
  if (asked.scores !== undefined) await scoresFile.write(asked.scores, writeNpy([N, model.classes], scores));
  const results = chosen.map((index, i) => ({
    class: index,
    label: model.labelOf(index),
    score: scores[(severalOfOne ? 0 : i) * model.classes + index]!,
  }));
  session.print(
    asked.json,
    {
      input,
      out: asked.out,
      scores: asked.scores ?? null,
      shape,
      results,
      parameters: { model: model.name, ...asked.rules, precision: model.precision },
      adapter: engine.environment.adapter,
    },
    [
      `${asked.out}: [${shape.join(', ')}]`,
      ...results.map(({ class: index, label, score }) => `  ${named(index, label)}, score ${score.toPrecision(6)}`),
    ],
  );
  return EXIT.ok;
}

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

const LARGEST_BATCH = 8;

/** The largest divisor of N up to {@link LARGEST_BATCH}: bounded memory, and one plan for all runs. */
function batchOf(N: number): number {
  let batch = Math.min(N, LARGEST_BATCH);
  while (N % batch !== 0) batch--;
  return batch;
}

/**
 * Example files of the kinds that people have, with right values in float64 (the folder `cases/onnx` beside the data):
 * scores, gradient, probabilities and names, through the engine.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { LoadOptions, Prepared } from '../../src';
import { readLabels } from '../../src/formats/labels';
import { readNpy } from '../../src/formats/npy';
import { data, needs } from '../needs';
import { nodeDrivers } from '../node';
import { engineOn } from '../ops/check';
import { relativeL2 } from '../oracle/compare';

const folder = join(data, '..', 'cases', 'onnx');
const CASES = needs(data !== '' && existsSync(folder), 'no folder cases/onnx beside GRADLENS_DATA');

interface Case {
  readonly kind: string;
  readonly class: number;
  readonly probabilities?: readonly number[];
  readonly output?: string;
  readonly second?: Readonly<Record<string, readonly number[]>>;
  readonly labels?: readonly string[];
  readonly picture?: boolean;
  readonly tolerance?: { readonly scores?: number; readonly gradient?: number };
}
const cases = CASES.skip
  ? []
  : Object.entries(JSON.parse(readFileSync(join(folder, 'cases.json'), 'utf8')) as Record<string, Case>);

/** `[N, H, W, C]` as `[N, C, H, W]`. */
function turned({ shape, data }: Prepared): Prepared {
  const [N = 1, H = 1, W = 1, C = 1] = shape;
  const at = (i: number): number => {
    const [c, h, w] = [Math.floor(i / (H * W)), Math.floor(i / W) % H, i % W];
    return data[(h * W + w) * C + c]!;
  };
  return { shape: [N, C, H, W], data: data.map((_, i) => at(i)) };
}

describe('files of a kind that people have', CASES, () => {
  test.each(cases)('%s', async (name, known) => {
    const array = (file: string) => readNpy(readFileSync(join(folder, name, `${file}.npy`)));
    const has = (file: string): boolean => existsSync(join(folder, name, `${file}.npy`));
    const stated = array('x');
    const options: LoadOptions = {
      ...(known.output !== undefined && { output: known.output }),
      ...(known.second && { fixed: known.second }),
      ...(name.startsWith('free_hw') && { size: [stated.shape[2]!, stated.shape[3]!] }),
      ...(known.picture && { prep: 'guess' }),
    };
    const engine = await engineOn(nodeDrivers[0]!);
    const bytes = readFileSync(join(folder, name, 'model.onnx'));
    using model = await engine.load(bytes, options);
    expect(model.notes.join(' ').includes('activations are quantised')).toBe(known.kind === 'quantised');
    const isTurned = stated.shape[1] !== model.inputShape[1];
    const input = isTurned ? turned(stated) : stated;
    const gradientIn = (file: string): ArrayLike<number> =>
      isTurned ? turned({ ...stated, data: array(file).data }).data : array(file).data;
    const errorOf = async (score: 'logit' | 'probability', file: string): Promise<number> => {
      const { gradient } = await model.inputGradient(input, { class: known.class, score });
      return relativeL2(gradient, gradientIn(file));
    };

    const scores = await model.scores(input);
    const ofHead = has('logits'); // then scores.npy are those after the head
    expect(relativeL2(scores, array(ofHead ? 'logits' : 'scores').data)).toBeLessThan(known.tolerance?.scores ?? 1e-5);
    expect(await errorOf(ofHead ? 'probability' : 'logit', 'gradient')).toBeLessThan(1e-5);
    if (ofHead) expect(await errorOf('logit', 'logitGradient')).toBeLessThan(1e-5);
    if (known.probabilities) {
      const classes = await model.classify(input, model.classes);
      const found = known.probabilities.map((_, index) => classes.find((one) => one.index === index)!.probability!);
      expect(relativeL2(found, known.probabilities)).toBeLessThan(1e-5);
    }
    if (known.labels) expect(model.labels).toEqual(known.labels);
    if (known.picture) {
      const [, , height, width] = model.inputShape;
      const picture = {
        data: new Uint8ClampedArray(4 * height * width).map((_, i) => (i % 4 === 3 ? 255 : 200)),
        height,
        width,
      };
      const plain = { data: new Float32Array(3 * height * width).fill(200), shape: [3, height, width] };
      expect(await model.scores(picture)).toEqual(await model.scores(plain));
    }
  });

  test('all files of labels mean the same ten names', () => {
    const files = ['class_to_idx.json', 'dict.json', 'hf_config.json', 'keras_index.json'];
    const read = (file: string) => readLabels(readFileSync(join(folder, 'labels', file), 'utf8'), file);
    for (const file of files) expect(read(file), file).toEqual(read('dict.json'));
    expect(read('synset.txt').map((name) => name.split(', ')[0])).toEqual(read('dict.json'));
  });
});

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { guessPreparation } from '../../src/formats/guess';
import { PRESETS, presetNames, presetSpec } from '../../src/formats/preparation';
import type { Graph, PresetName, Weight } from '../../src/graph';
import { readImage } from '../../src/node/image';
import { randomWeights, seededRandom } from '../oracle/random';
import { refusal } from './errors';

const SIZE = 48;
const vector = (data: readonly number[]): Weight => ({ shape: [data.length], data: Float32Array.from(data) });

/** The samples, a patch of each, as pixels `[patch][c][h·SIZE + w]` of 0…255. */
let patches: number[][][];

beforeAll(async () => {
  const folder = join(import.meta.dirname, '../../samples/imagenette');
  const files = readdirSync(folder).filter((name) => name.endsWith('.jpg'));
  patches = await Promise.all(
    files.map(async (file) => {
      const { data, width, height } = await readImage(join(folder, file));
      const [left, top] = [(width - SIZE * 4) >> 1, (height - SIZE * 4) >> 1];
      return [0, 1, 2].map((c) =>
        Array.from(
          { length: SIZE * SIZE },
          (_, i) => data[((top + 4 * Math.floor(i / SIZE)) * width + left + 4 * (i % SIZE)) * 4 + c]!,
        ),
      );
    }),
  );
});

/**
 * A convolution with random weights, and the batch-norm that training on the samples, prepared so, would leave after
 * it.
 */
function trained(
  prepare: (value: number, c: number) => number,
  order: 'RGB' | 'BGR',
  seed: number,
  bias: boolean,
): Graph {
  const random = seededRandom(seed);
  const [O, R] = [16, 3];
  const weight = randomWeights(random, [O, 3, R, R]);
  const added = Array.from({ length: O }, () => (bias ? random.integer(-3, 3) : 0));
  const inputs = patches.map((planes) =>
    [0, 1, 2].map((c) => planes[order === 'RGB' ? c : 2 - c]!.map((value) => prepare(value, c))),
  );
  const [mean, variance] = [[] as number[], [] as number[]];
  for (let o = 0; o < O; o++) {
    const values: number[] = [];
    for (const planes of inputs) {
      for (let h = 0; h + R <= SIZE; h++) {
        for (let w = 0; w + R <= SIZE; w++) {
          let sum = added[o]!;
          for (let i = 0; i < 27; i++)
            sum +=
              weight.data[o * 27 + i]! *
              planes[Math.floor(i / 9)]![(h + Math.floor((i % 9) / 3)) * SIZE + w + (i % 3)]!;
          values.push(sum);
        }
      }
    }
    const m = values.reduce((a, b) => a + b, 0) / values.length;
    mean.push(m);
    variance.push(values.reduce((a, b) => a + (b - m) ** 2, 0) / values.length);
  }
  return {
    name: 'main_graph',
    input: { name: 'input.1', extents: { C: 3, H: 32, W: 32 } },
    nodes: [
      { op: 'conv', name: 'c', inputs: ['input.1'], kernel: [R, R], weight: 'w', ...(bias && { bias: 'b' }) },
      { op: 'batchNorm', name: 'n', inputs: ['c'], scale: 'g', bias: 'beta', mean: 'm', variance: 'v', epsilon: 1e-5 },
    ],
    output: 'n',
    weights: new Map([
      ['w', weight],
      ['b', vector(added)],
      ['g', vector(added)],
      ['beta', vector(added)],
      ['m', vector(mean)],
      ['v', vector(variance)],
    ]),
  };
}

const prepared =
  (prep: PresetName) =>
  (value: number, c: number): number =>
    (value * PRESETS[prep].scale - PRESETS[prep].mean[c]!) / PRESETS[prep].std[c]!;

describe('a batch-norm after the first convolution tells how the pictures were that it was trained on', () => {
  test.each(presetNames.flatMap((prep) => [1, 2, 3].map((seed) => [prep, seed] as const)))(
    '%s, net %d',
    (prep, seed) => {
      const { prep: guessed, reason } = guessPreparation(
        trained(prepared(prep), PRESETS[prep].order, seed, seed === 2),
        'pytorch 2.1',
      );
      expect(guessed, reason).toBe(prep);
      expect(reason).toMatch(/^its first batch-norm saw pixels of mean .* and deviation/);
    },
  );
});

describe('arithmetic on the picture before all else tells what the picture must be', () => {
  const net = (affine: { scale?: number; bias?: number }): Graph => ({
    name: 'net',
    input: { name: 'x', extents: { C: 3, H: 8, W: 8 } },
    nodes: [
      { op: 'identity', name: 'same', inputs: ['x'] },
      {
        op: 'affine',
        name: 'a',
        inputs: ['same'],
        ...(affine.scale && { scale: 's' }),
        ...(affine.bias && { bias: 'b' }),
      },
      { op: 'relu', name: 'y', inputs: ['a'] },
    ],
    output: 'y',
    weights: new Map(
      Object.entries({ s: affine.scale ?? 1, b: affine.bias ?? 0 }).map(([name, value]) => [
        name,
        { shape: [3], data: new Float32Array(3).fill(value) },
      ]),
    ),
  });

  test.each([
    ['raw', { scale: 1 / 255 }],
    ['raw', { scale: 1 / 127.5, bias: -1 }],
    ['raw', { bias: -117 }],
    ['raw', { scale: 1 / 58, bias: -2.1 }],
    ['unit', { scale: 2, bias: -1 }],
    ['unit', { scale: 4.4, bias: -2.1 }],
  ] as const)('%s, where it computes %j', (prep, affine) => {
    const { prep: guessed, reason } = guessPreparation(net(affine), 'pytorch 2.1');
    expect([guessed, reason]).toEqual([
      prep,
      expect.stringMatching(/^the file itself takes .* from pixels and scales/),
    ]);
  });

  test('whole numbers are pixels as they are; a small bias alone says nothing', () => {
    expect(guessPreparation(net({}), 'x', true)).toEqual({
      prep: 'raw',
      reason: 'the file takes pixels as whole numbers',
    });
    expect(guessPreparation(net({ bias: 0.1 }), 'pytorch').reason).toBe('PyTorch exported it');
  });
});

describe('without it, who made the file and how it names things', () => {
  const net = (input: string, layers: readonly string[], name = 'net', C = 3): Graph => ({
    name,
    input: { name: input, extents: { C, H: 8, W: 8 } },
    nodes: layers.map((layer, i) => ({ op: 'relu', name: layer, inputs: [layers[i - 1] ?? input] })),
    output: layers.at(-1)!,
    weights: new Map(),
  });

  test.each<[PresetName, string, Graph]>([
    ['torchvision', 'pytorch 2.1.0', net('input.1', ['/features/0/Conv_output_0'])],
    ['torchvision', 'pytorch 1.1', net('data', ['conv1', 'fc8'])],
    ['torchvision', '', net('data', ['squeezenet0_conv0_fwd', 'squeezenet0_flatten0_reshape0'])],
    ['caffe-bgr', 'onnx-caffe2', net('data_0', ['conv1_1', 'prob_1'], 'squeezenet')],
    ['caffe-bgr', 'converted', net('data', ['conv1', 'pool10', 'scores'])],
    ['caffe-bgr', 'tf2onnx 1.9', net('input_1:0', ['x'], 'vgg16')],
    ['signed', 'tf2onnx 1.9', net('input_1:0', ['x'], 'resnet50v2')],
    ['signed', 'keras2onnx', net('input', ['x'], 'mobilenet_1.00_224')],
    ['torchvision', '', net('x', ['y'])],
    ['unit', 'pytorch', net('x', ['y'], 'mnist', 1)],
  ])('%s: %s, %o', (prep, producer, graph) => {
    expect(guessPreparation(graph, producer).prep).toBe(prep);
  });

  test('where nothing tells, that is said', () => {
    expect(guessPreparation(net('x', ['y']), '').reason).toBe('nothing in the file tells, and that is the most usual');
  });
});

describe('customs', () => {
  test('take the size of the network', () => {
    expect(presetSpec('signed', { C: 3, H: 4, W: 5 })).toEqual({
      width: 5,
      height: 4,
      channels: 3,
      order: 'RGB',
      scale: 1 / 255,
      mean: [0.5, 0.5, 0.5],
      std: [0.5, 0.5, 0.5],
      resize: 'squash',
    });
  });
  test('that treat channels alike go for grey too, the others are refused', () => {
    expect(presetSpec('unit', { C: 1, H: 4, W: 4 })).toMatchObject({ channels: 1, mean: [0], std: [1] });
    refusal(
      () => presetSpec('torchvision', { C: 1, H: 4, W: 4 }),
      'shape',
      /torchvision makes colours; the network takes \[1, 4, 4\]/,
    );
    refusal(
      () => presetSpec('unit', { C: 4, H: 4, W: 4 }),
      'shape',
      /makes three channels; the network takes \[4, 4, 4\]/,
    );
  });
});

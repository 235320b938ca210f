/**
 * SqueezeNet v1.1 on real photographs against float64 gradients that an implementation independent of this one
 * computed.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readNpy, writeNpy } from '../src/formats/npy';
import type { Engine, InputSpec, Model } from '../src/index';
import { createNodeEngine, fileAddress, readImage } from '../src/node/index';
import { buildOnce, folder, gradlens } from './cli/gradlens';
import { DATA, data } from './needs';
import { relativeL2 } from './oracle/compare';

const SIDE = 227;
const PLANE = SIDE * SIDE;
const MEAN_BGR = [103.939, 116.779, 123.68];
const preparation: InputSpec = {
  width: SIDE,
  height: SIDE,
  channels: 3,
  order: 'BGR',
  scale: 1,
  mean: MEAN_BGR,
  std: [1, 1, 1],
  resize: 'squash',
};

interface Case {
  readonly image: string;
  readonly scores: string;
  readonly gradient: string;
  readonly class: number;
  readonly deconvnet?: string;
}

const cases: readonly Case[] = data ? JSON.parse(readFileSync(join(data, 'reference/index.json'), 'utf8')).cases : [];
/** In the others a region without any texture ties, and float32 may take another winner than float64. */
const withoutTies = cases.filter(({ image }) =>
  ['king_penguin.png', 'tiger.png', 'convertible.png', 'lemon.png'].includes(image),
);

describe('SqueezeNet v1.1', DATA, () => {
  const modelPath = join(data, 'weights/squeezenet1.1.onnx');
  let engine: Engine;
  let model: Model;

  beforeAll(async () => {
    engine = await createNodeEngine();
    model = await engine.load(fileAddress(modelPath), { input: preparation });
  });
  afterAll(() => engine?.dispose());

  test.each(cases)('$image: scores', async ({ image, scores }) => {
    const expected = floats(scores);
    expect(relativeL2(await model.scores(await prepared(image)), expected)).toBeLessThan(1e-5);
    expect(relativeL2(await model.scores(await readImage(join(data, 'reference', image))), expected)).toBeLessThan(
      1e-5,
    ); // prepared on the GPU
  });

  test.each(withoutTies)('$image: gradient', async ({ image, gradient, class: index }) => {
    const result = await model.inputGradient(await prepared(image), { class: 'top1' });
    expect(result.classes).toEqual([index]);
    expect(relativeL2(result.gradient, planar(floats(gradient)))).toBeLessThan(1e-5);
  });

  test.each(cases.filter(({ deconvnet }) => deconvnet))(
    '$image: gradient by the rule of the DeconvNet',
    async ({ image, deconvnet, class: index }) => {
      const { gradient } = await model.inputGradient(await prepared(image), { class: index, relu: 'deconvnet' });
      expect(relativeL2(gradient, planar(floats(deconvnet!)))).toBeLessThan(1e-5);
    },
  );

  test('the command line computes the same', async () => {
    buildOnce();
    const { image, gradient, class: index } = withoutTies[0]!;
    const dir = folder();
    const { data: x, shape } = await prepared(image);
    writeFileSync(join(dir, 'x.npy'), writeNpy(shape, x));
    const { code, complaints } = await gradlens([
      'gradient',
      '--model',
      modelPath,
      '--input',
      join(dir, 'x.npy'),
      '--class',
      String(index),
      '--out',
      join(dir, 'g.npy'),
    ]);
    expect([code, complaints]).toEqual([0, []]);
    expect(relativeL2(readNpy(readFileSync(join(dir, 'g.npy'))).data, planar(floats(gradient)))).toBeLessThan(1e-5);
  });
});

function floats(name: string): Float32Array {
  const bytes = readFileSync(join(data, 'reference', name));
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

/** [H, W, C] → [C, H, W] */
function planar(interleaved: Float32Array): Float32Array {
  return Float32Array.from({ length: 3 * PLANE }, (_, i) => interleaved[(i % PLANE) * 3 + Math.floor(i / PLANE)]!);
}

async function prepared(image: string): Promise<{ data: Float32Array; shape: readonly number[] }> {
  const rgb = await sharp(join(data, 'reference', image))
    .removeAlpha()
    .raw()
    .toBuffer();
  const value = (i: number): number => {
    const c = Math.floor(i / PLANE);
    return rgb[(i % PLANE) * 3 + 2 - c]! - MEAN_BGR[c]!;
  };
  return { data: Float32Array.from({ length: 3 * PLANE }, (_, i) => value(i)), shape: [1, 3, SIDE, SIDE] };
}

/**
 * The bound of a gradient against its true error, by float64: of 200 random nets on every driver, of the nets of
 * `test/fixtures`, and of SqueezeNet 1.1 for six photos. `certainty.test.ts` has a sample.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { DATA, data } from '../needs';
import { nodeDrivers } from '../node';
import { relativeL2 } from '../oracle/compare';
import { normals, seededRandom } from '../oracle/random';
import { randomGraph } from '../oracle/randomGraph';
import { sizeOf } from '../oracle/tensor';
import { type Compared, compared, isPlain } from './certainties';
import { engineOn } from './support';

const fixtures = join(import.meta.dirname, '../fixtures');
const names = readdirSync(fixtures)
  .filter((file) => file.endsWith('.onnx'))
  .map((file) => file.replace('.onnx', ''));
const bytes = (path: string): ArrayBuffer => Uint8Array.from(readFileSync(path)).buffer;

describe.each(nodeDrivers)('on %s', (driver) => {
  test('200 random nets: every error is within its bound, at most 100 times as large for 90 %', async () => {
    using engine = await engineOn(driver);
    const found: Compared[] = [];
    for (let seed = 0; seed < 200; seed++) {
      const graph = randomGraph(seed);
      const item = normals(seededRandom(seed + 1), sizeOf(graph.input.extents));
      found.push(...(await compared(engine, graph, [item])));
    }
    expect(found.filter(({ same }) => !same)).toEqual([]);
    expect(found.filter(({ error, certainty }) => error > certainty.bound)).toEqual([]);
    const plain = found.filter(({ error, certainty }) => isPlain(certainty) && error > 0);
    const close = plain.filter(({ error, certainty }) => certainty.bound <= 100 * error);
    console.log(`${driver}: ${plain.length} of 200 without near-ties, ${close.length} of them within 100 times`);
    expect(close.length).toBeGreaterThanOrEqual(0.9 * plain.length);
  });

  test.each(names)('%s: the error is within its bound', async (name) => {
    using engine = await engineOn(driver);
    using model = await engine.load(bytes(join(fixtures, `${name}.onnx`)));
    const answer = JSON.parse(readFileSync(join(fixtures, `${name}.json`), 'utf8'));
    const image = {
      data: Float32Array.from(new Int8Array(bytes(join(fixtures, `${name}.input`))), (value) => value / 32),
      shape: answer.shape,
    };
    const { gradient, certainty } = await model.inputGradient(image, { class: answer.class, certainty: true });
    const error = relativeL2(gradient, new Float32Array(bytes(join(fixtures, `${name}.gradient`))));
    const [{ bound, rounding, undecided, unwatched } = certainty![0]!] = certainty!;
    console.log(driver, name, { error, bound, rounding, undecided, unwatched });
    expect(error).toBeLessThanOrEqual(bound);
  });
});

const SIDE = 227;
const MEAN = [103.939, 116.779, 123.68];

describe('SqueezeNet 1.1', DATA, () => {
  /** Two photos whose gradient is wrong, by pool windows in flat areas; and the others. */
  const doubtful = ['dalmatian.png', 'limousine.png'];
  /** A ReLU of its first layer lies within half of the error there, and float32 was right by chance. */
  const lucky = 'convertible.png';

  test.each(nodeDrivers)(
    'six photos on %s: who is wrong is doubtful, and no error is beyond its bound',
    async (driver) => {
      using engine = await engineOn(driver);
      using model = await engine.load(bytes(join(data, 'weights/squeezenet1.1.onnx')));
      const { cases } = JSON.parse(readFileSync(join(data, 'reference/index.json'), 'utf8'));
      const found: Record<string, boolean> = {};
      for (const { image, gradient: file, class: index } of cases) {
        const rgb = await sharp(join(data, 'reference', image))
          .removeAlpha()
          .raw()
          .toBuffer();
        const valueAt = (c: number, i: number): number => rgb[i * 3 + 2 - c]! - MEAN[c]!;
        const x = Float32Array.from({ length: 3 * SIDE * SIDE }, (_, i) =>
          valueAt(Math.floor(i / SIDE ** 2), i % SIDE ** 2),
        );
        const right = new Float32Array(bytes(join(data, 'reference', file)));
        const run = await model.inputGradient(
          { data: x, shape: [1, 3, SIDE, SIDE] },
          { class: index, certainty: true },
        );
        const planar = right.map((_, i) => right[(i % SIDE ** 2) * 3 + Math.floor(i / SIDE ** 2)]!);
        const error = relativeL2(run.gradient, planar);
        const { places, ...certainty } = run.certainty![0]!;
        console.log(driver, image, error, certainty);
        expect(error).toBeLessThanOrEqual(certainty.bound);
        found[image] = certainty.doubtful;
      }
      const all = Object.keys(found);
      expect(all.filter((image) => found[image] && image !== lucky)).toEqual(doubtful);
    },
  );
});

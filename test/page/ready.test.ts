import { readFileSync, readdirSync, statSync } from 'node:fs';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { SHIPPED_MODELS } from '../../src/publicModels';

const folder = 'samples/ready/';

interface Drawn {
  readonly file: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}
interface Index {
  readonly samples: readonly {
    readonly sample: string;
    readonly model: string;
    readonly label: string;
    readonly score: number;
    readonly map: Drawn;
    readonly overlay: Drawn;
    readonly segmentation: Drawn & { readonly box: readonly number[] };
  }[];
  readonly classModels: readonly (Drawn & { readonly model: string; readonly label: string; readonly score: number })[];
}

test(
  'what is ready for visitors without WebGPU is there for every sample and every class of its nets, can be ' +
    'read, and is small',
  async () => {
    const { samples, classModels } = JSON.parse(readFileSync(`${folder}index.json`, 'utf8')) as Index;
    expect(samples.map(({ sample }) => `${sample}.jpg`)).toEqual(
      readdirSync('samples')
        .filter((file) => file.endsWith('.jpg'))
        .sort(),
    );
    const nets = new Set([...samples, ...classModels].map(({ model }) => model));
    expect(Object.keys(SHIPPED_MODELS)).toEqual(expect.arrayContaining([...nets]));
    for (const net of new Set(classModels.map(({ model }) => model))) {
      const { labels } = JSON.parse(readFileSync(`weights/${net}/model.json`, 'utf8')) as { labels: readonly string[] };
      const shown = classModels.filter(({ model }) => model === net).map(({ label }) => label);
      expect(shown, net).toEqual(labels.filter((label) => shown.includes(label)));
      expect(shown.length, net).toBeGreaterThanOrEqual(Math.min(labels.length, 10)); // enough for a gallery
    }

    const drawn = [
      ...samples.flatMap(({ map, overlay, segmentation }) => [map, overlay, segmentation]),
      ...classModels,
    ];
    expect(readdirSync(folder).sort()).toEqual(['index.json', ...drawn.map(({ file }) => file)].sort());
    for (const { file, parameters } of drawn) {
      const { format, width } = await sharp(folder + file).metadata();
      expect([format, width >= 64], file).toEqual(['webp', true]);
      expect(Object.keys(parameters).length).toBeGreaterThan(5);
    }
    expect(readdirSync(folder).reduce((sum, file) => sum + statSync(folder + file).size, 0)).toBeLessThanOrEqual(
      300_000,
    );
  },
);

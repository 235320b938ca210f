import { afterAll, describe, expect, test } from 'vitest';
import { Engine } from '../../src/engine';
import { requestNodeAdapter } from '../../src/node/dawn';
import { nodeDrivers } from '../node';
import { imageOf, prepared, small } from './support';

const driver = nodeDrivers[0]!;
const opened: GPUDevice[] = [];
afterAll(() => opened.forEach((device) => device.destroy()));

describe(`a profile on ${driver}`, () => {
  test.each([
    ['gpu', ['timestamp-query']],
    ['wall', []],
  ] as const)(
    'by the %s clock has a time for every step of the plan, and spoils no gradient',
    async (clock, requiredFeatures) => {
      const adapter = await requestNodeAdapter(driver === 'system' ? {} : { icd: driver });
      const device = await adapter.requestDevice({ requiredFeatures: [...requiredFeatures] });
      opened.push(device);
      using engine = await Engine.create({ device });
      using model = await engine.load(small);
      const image = prepared(small, imageOf(small));
      const before = await model.inputGradient(image, { class: 2 });
      const { live } = engine.memory();
      const phases: string[] = [];

      const profile = await model.profile(image, {
        class: 2,
        onProgress: ({ done, total }) => phases.push(`${done}/${total}`),
      });

      expect(profile.clock).toBe(clock);
      const { forward, backward } = model.plan;
      expect(profile.steps.map(({ label }) => label)).toEqual([...forward, ...backward].map(({ label }) => label));
      expect(profile.steps.map(({ direction }) => direction)).toEqual([
        ...forward.map(() => 'forward'),
        ...backward.map(() => 'backward'),
      ]);
      expect(profile.steps.reduce((sum, { flops }) => sum + flops, 0)).toBe(
        [...forward, ...backward].reduce((sum, { kernel }) => sum + kernel.flops, 0),
      );
      for (const { milliseconds, bytes } of profile.steps) {
        expect(milliseconds).toBeGreaterThanOrEqual(0);
        expect(bytes).toBeGreaterThan(0);
      }
      // 6 channels are 2 blocks of 16 bytes a pixel: 7 × 11 pixels before the pool, 3 × 6 behind it; and a switch has 4
      // bits for each of the 4 channels
      const pool = 2 * 7 * 11 * 16 + 2 * 3 * 6 * 16 + 2 * 3 * 6 * 2;
      const bytesOf = (step: string): number | undefined => profile.steps.find(({ label }) => label === step)?.bytes;
      expect(bytesOf('pool1.maxPoolForward')).toBe(pool);
      expect(bytesOf('pool1.maxPoolBackward')).toBe(pool);
      // scores in, their gradient out: 5 classes are 2 blocks
      expect(bytesOf('fc.startBackward')).toBe(2 * 16 + 2 * 16);
      expect(profile.steps.reduce((sum, { milliseconds }) => sum + milliseconds, 0)).toBeGreaterThan(0);
      expect(phases).toEqual(['1/5', '2/5', '3/5', '4/5', '5/5']);
      expect(await model.inputGradient(image, { class: 2 })).toEqual(before);
      expect(engine.memory().live).toBe(live);
    },
  );
});

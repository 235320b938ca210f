/**
 * The classic families as PyTorch exports them, small and with random weights, against PyTorch in float64:
 * test/fixtures/torchvision.py.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { nodeDrivers } from '../node';
import { engineOn } from '../ops/check';
import { relativeL2 } from '../oracle/compare';

const folder = join(import.meta.dirname, '../fixtures');
const names = readdirSync(folder)
  .filter((file) => file.endsWith('.onnx'))
  .map((file) => file.replace('.onnx', ''));

/** Through LRN, exp and what is made of them, by the accuracy that WGSL promises of these; else by the engine's. */
const LIMITS: Readonly<Record<string, number>> = { normalized: 5e-5, excited: 5e-5 };

interface Answer {
  readonly shape: readonly number[];
  readonly class: number;
  readonly scores: readonly number[];
}

/** The second driver of a machine only has to agree, on one net of each kind. */
const FEW = ['excited', 'mobilenet_v2', 'normalized', 'squeezenet1_1'];

const bytes = (file: string): ArrayBuffer => Uint8Array.from(readFileSync(join(folder, file))).buffer;

describe.each(nodeDrivers)('on %s', (driver) => {
  test.each(driver === nodeDrivers[0] ? names : FEW)(
    '%s has the scores and the gradient that PyTorch computes',
    async (name) => {
      const answer = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as Answer;
      const data = Float32Array.from(new Int8Array(bytes(`${name}.input`)), (value) => value / 32);
      const gradient = new Float32Array(bytes(`${name}.gradient`));
      const limit = LIMITS[name] ?? 1e-5;

      using model = await (await engineOn(driver)).load(bytes(`${name}.onnx`));
      const result = await model.inputGradient({ data, shape: answer.shape }, { class: answer.class });
      expect(relativeL2(result.scores, answer.scores)).toBeLessThan(limit);
      expect(relativeL2(result.gradient, gradient)).toBeLessThan(limit);
    },
  );
});

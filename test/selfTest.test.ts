import { writeFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { Engine } from '../src/engine';
import { selfTestCase } from '../src/model/selfTest';
import stored from '../src/model/selfTest.json' with { type: 'json' };
import { nodeDevice, nodeDrivers } from './node';
import { kinkMargin } from './oracle/kinks';
import { graphGradient } from './oracle/network';

const { graph, input, class: chosen } = selfTestCase();
const expected = graphGradient(graph, Float64Array.from(input), { class: chosen });

// To write the numbers anew, after a change of selfTestCase(): GRADLENS_WRITE=1 npx vitest run test/selfTest.test.ts
if (process.env['GRADLENS_WRITE']) {
  const numbers = [...expected.gradient].join(',\n    ');
  writeFileSync('src/model/selfTest.json', `{\n  "gradient": [\n    ${numbers}\n  ]\n}\n`);
}

test("the stored gradient is the oracle's, digit for digit", () => {
  expect(stored.gradient).toEqual([...expected.gradient]);
});

test('the case is away from kinks, where rounding could decide', () => {
  expect(kinkMargin(expected.tensors, graph)).toBeGreaterThan(1e-4);
});

test('the case says something: few of its gradients are zero, and its ReLUs are open and shut', () => {
  expect(stored.gradient.filter((value) => value === 0).length).toBeLessThan(stored.gradient.length / 4);
  for (const name of ['conv1', 'conv2']) {
    const open =
      expected.tensors.get(name)!.data.filter((value) => value > 0).length / expected.tensors.get(name)!.data.length;
    expect(open).toBeGreaterThan(0.2);
    expect(open).toBeLessThan(0.8);
  }
});

describe.each(nodeDrivers)('on %s', (driver) => {
  const right = [...stored.gradient];
  afterEach(() => void stored.gradient.splice(0, Infinity, ...right));

  test('check() passes, with a margin, and leaves nothing behind', async () => {
    const { device, adapter } = await nodeDevice(driver);
    using engine = await Engine.create({ device, adapter });
    const report = await engine.check();
    expect(report).toMatchObject({ ok: true, identical: true, message: expect.stringContaining('passed') });
    expect(report.relativeL2).toBeLessThan(1e-6);
    expect(engine.memory().live).toBe(0);
    device.destroy();
  });

  test('check() tells a device that computes otherwise, and does not throw', async () => {
    const { device, adapter } = await nodeDevice(driver);
    using engine = await Engine.create({ device, adapter });
    stored.gradient[100]! *= 1.01;
    expect(await engine.check()).toMatchObject({
      ok: false,
      identical: true,
      message: expect.stringContaining('failed: relative error'),
    });
    stored.gradient.reverse();
    expect((await engine.check()).ok).toBe(false);
    stored.gradient.splice(0, 1);
    expect((await engine.check()).ok, 'numbers are missing').toBe(false);
    stored.gradient.splice(0);
    expect((await engine.check()).ok, 'nothing to compare with').toBe(false);
    device.destroy();
  });
});
